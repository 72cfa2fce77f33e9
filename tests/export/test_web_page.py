"""The page in a real browser: files, microphone, what may go wrong.

Needs Chromium, and the runtime from the cache, where python -m
sernet_jax.export --format=web puts it, or from $SERNET_ORT_WEB.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import shutil

import browser
import exportable
import numpy as np
import pytest
import soundfile
import tiny
from exportable import AUDIO, CLASSES, bundle

from sernet_jax.audio import reading
from sernet_jax.common.errors import InputError
from sernet_jax.corpora import fetch
from sernet_jax.export import checking, writing
from sernet_jax.export.device import web_folder, web_runtime
from sernet_jax.predict import recordings
from sernet_jax.predict.inference import unsure
from sernet_jax.predict.recognizer import Recognizer
from sernet_jax.predict.sessions import formats

RATE = AUDIO.sample_rate_hz
HOP_S = 0.1  # below; the page's, for a model of 0.112 s
DENIED = 'The microphone was refused'


def _runtime():
  """The folder of the runtime, '' for the cache; None if there is none."""
  if not browser.PATH:
    pytest.skip('there is no Chromium')
  folder = os.environ.get('SERNET_ORT_WEB', '')

  def refuse(*_, **__):
    raise InputError('no network in tests')

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(fetch, 'fetch', refuse)
    try:
      web_runtime.content(folder)
    except InputError as error:
      pytest.skip(f'there is no runtime of the page ({error})')
  return folder


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  pytest.importorskip('onnx')
  pytest.importorskip('onnxruntime')
  runtime = _runtime()
  folder = tmp_path_factory.mktemp('web') / 'page'
  web_folder.write(folder, bundle(), runtime)
  return folder


@pytest.fixture(scope='module')
def calibrated(tmp_path_factory, folder):
  """The page of weights that keep a threshold."""
  about = {**bundle().about, 'abstain': '0.5: 90% were right'}
  copy = tmp_path_factory.mktemp('calibrated') / 'page'
  web_folder.write(
    copy, dataclasses.replace(bundle(), about=about), str(folder)
  )
  assert json.loads((copy / 'model.json').read_text())['abstain'] == 0.5
  return copy


@pytest.fixture(scope='module')
def speech(tmp_path_factory):
  """Recordings by name: lengths, rates, channels and silence of all sorts."""
  folder = tmp_path_factory.mktemp('speech')
  random = np.random.default_rng(3)

  def sound(seconds, rate=RATE):
    # Below 5 kHz, as most of speech is.
    count = round(seconds * rate)
    time_s = np.arange(count) / rate
    hz = random.uniform(100, 5000, size=30)
    tones = np.sin(2 * np.pi * hz[:, None] * time_s + hz[:, None])
    swell = np.sin(2 * np.pi * 3 * time_s) ** 2 + 0.01
    return 0.02 * swell * tones.sum(axis=0)

  silent_middle = sound(0.6)
  silent_middle[3000:7000] = 0
  clicks_middle = silent_middle.copy()
  clicks_middle[3000:7000] = 0.1
  clicks_middle[3500:7000:1800] = 0.5
  faint = 1e-4 * np.random.default_rng(9).normal(size=silent_middle.size)
  for name, rate, values in (
    ('short', RATE, sound(0.06)),
    ('window', RATE, sound(0.112)),
    ('long', RATE, sound(1.03)),
    ('silent_middle', RATE, silent_middle),
    ('clicks_middle', RATE, clicks_middle),
    # With faint noise: of a constant every program hears its own rounding.
    ('offset', RATE, silent_middle / 2 + 0.3 + faint),
    ('rate_48000', 48_000, sound(0.7, 48_000)),
    ('rate_44100', 44_100, sound(0.7, 44_100)),
    ('stereo', RATE, np.stack([sound(0.3), sound(0.3)], axis=1)),
  ):
    soundfile.write(folder / f'{name}.wav', values, rate, 'PCM_16')
  soundfile.write(folder / 'flac.flac', sound(0.5), RATE)
  soundfile.write(folder / 'silence.wav', np.zeros(9000), RATE)
  soundfile.write(folder / 'constant.wav', np.full(9000, 0.3), RATE)
  # Resampled, it rings where it begins and ends.
  soundfile.write(folder / 'constant_48000.wav', np.full(9000, 0.9), 48_000)
  clicks = np.full(9000, 0.1)
  clicks[500::1800] = 0.5  # one in a window, of which scaling leaves nothing
  soundfile.write(folder / 'clicks.wav', clicks, RATE)
  soundfile.write(folder / 'click.wav', clicks[:1700], RATE)
  (folder / 'text.wav').write_text('these are words')
  return folder


@pytest.fixture(scope='module')
def page(folder, speech, tmp_path_factory):
  """The page, open, with a microphone that hears long.wav."""
  profile = tmp_path_factory.mktemp('profile')
  flags = (
    '--use-fake-device-for-media-stream',
    '--use-fake-ui-for-media-stream',
    f'--use-file-for-fake-audio-capture={speech / "long.wav"}',
  )
  with (
    browser.served(folder) as (address, asked),
    browser.Browser(profile, *flags) as chromium,
  ):
    chromium.address, chromium.asked, chromium.others = address, asked, []
    chromium.open(address)
    yield chromium


def expected(path, abstain=0.0):
  model = Recognizer([bundle()])
  (result,) = recordings.recognize([path], model, AUDIO.duration_s)
  return unsure.leave_out(result, abstain)


def agree(found, result, atol=1e-4):
  assert found['label'] == result.label
  np.testing.assert_allclose(
    found['probabilities'], result.probabilities, atol=atol
  )
  assert len(found['windows']) == len(result.windows)
  for ours, theirs in zip(found['windows'], result.windows, strict=True):
    assert ours['label'] == theirs.label
    assert ours['start_s'] == pytest.approx(theirs.start_s)
    assert ours['end_s'] == pytest.approx(theirs.end_s)
    if theirs.probabilities is not None:
      np.testing.assert_allclose(
        ours['probabilities'], theirs.probabilities, atol=atol
      )


def test_a_middle_that_scaling_leaves_nothing_of_is_silent(page, speech):
  path = speech / 'clicks_middle.wav'
  page.run('document.body.dataset.state = "ready"')
  page.upload(path)
  assert page.wait('done', 'fault') == 'done'
  label = page.run('document.querySelector("#label").innerText')
  assert label == expected(path).label
  notes = page.run('document.querySelector("#notes").innerText')
  assert 'silent in its middle' in notes


@pytest.mark.parametrize(
  'name',
  [
    *('short', 'window', 'long', 'silent_middle', 'offset', 'stereo'),
    'rate_48000',
  ],
)
def test_files_are_judged_as_predict_does(page, speech, name):
  path = speech / f'{name}.wav'
  page.run('document.body.dataset.state = "ready"')
  page.upload(path)
  assert page.wait('done', 'fault') == 'done'
  found = json.loads(page.run('JSON.stringify(sernet.result)'))
  result = expected(path)
  # Behind an offset float32 has fewer digits for what is faint.
  agree(found, result, atol=1e-3 if name == 'offset' else 1e-4)
  assert page.run('document.querySelector("#label").innerText') == result.label
  rows = page.run('document.querySelector("#rows").rows.length')
  assert rows == len(result.windows)
  notes = page.run('document.querySelector("#notes").innerText')
  assert ('silent in its middle' in notes) == (
    name in ('silent_middle', 'offset')
  )
  # Of 1.03, 0.3 and 0.7 s.
  assert ('The label is of the 0.112 s in its middle' in notes) == (
    name in ('long', 'stereo', 'rate_48000')
  )


def test_labels_are_left_out_where_predict_is_unsure(page, calibrated, speech):
  folder = calibrated
  path = speech / 'long.wav'
  sure = expected(path)
  # Between those of its windows, so that some are unsure.
  shares = sorted(
    {round(float(w.probabilities.max()), 4) for w in sure.windows}
  )
  least = (shares[len(shares) // 2 - 1] + shares[len(shares) // 2]) / 2
  about = json.loads((folder / 'model.json').read_text())
  (folder / 'model.json').write_text(json.dumps({**about, 'abstain': least}))
  with contextlib.ExitStack() as stack:
    address, _ = stack.enter_context(browser.served(folder))
    stack.callback(page.open, page.address)
    page.others.append(address)
    page.open(address)
    assert page.run('document.querySelector("#unsure").offsetHeight') > 0
    page.upload(path)
    assert page.wait('done', 'fault') == 'done'
    found = json.loads(page.run('JSON.stringify(sernet.result)'))
    result = expected(path, least)
    agree(found, result)
    labels = [window.label for window in result.windows]
    assert None in labels
    assert any(labels)
    cells = page.run(
      '[...document.querySelectorAll("#rows tr")].map((r) => r.cells[2].textContent)'
    )
    assert cells == [label or 'unsure' for label in labels]
    # Without the tick every window has its label again.
    page.run('document.body.dataset.state = "done"')
    page.run('document.querySelector("#abstain").click()')
    page.run(
      'new Promise((done) => { const look = () => '
      'sernet.result.windows.every((one) => one.label) ? done() : '
      'setTimeout(look, 20); look(); })'
    )
    agree(json.loads(page.run('JSON.stringify(sernet.result)')), sure)
  assert page.run('document.querySelector("#unsure").offsetHeight') == 0


@pytest.mark.parametrize('name', ['rate_44100.wav', 'flac.flac'])
def test_other_rates_and_formats_come_close(page, speech, name):
  page.run('document.body.dataset.state = "ready"')
  page.upload(speech / name)
  assert page.wait('done', 'fault') == 'done'
  found = json.loads(page.run('JSON.stringify(sernet.result)'))
  agree(found, expected(speech / name), atol=1e-3)


@pytest.mark.parametrize(
  ('name', 'words'),
  [
    ('silence.wav', 'The recording is silent: all its samples are equal;'),
    ('constant.wav', 'The recording is silent: '),
    ('constant_48000.wav', 'The recording is silent: '),
    ('clicks.wav', 'The recording is silent in its segments; choose another.'),
    (
      'click.wav',
      'The recording is silent in all its windows; choose another.',
    ),
    ('text.wav', 'cannot read the file as sound; convert it to WAV'),
  ],
)
def test_a_bad_recording_is_one_sentence(page, speech, name, words):
  page.run('document.body.dataset.state = "ready"')
  page.upload(speech / name)
  assert page.wait('done', 'fault') == 'fault'
  said = page.run('document.querySelector("#fault").innerText')
  assert words in said
  assert said.count('\n') == 0
  assert 'Infinity' not in said
  assert source(page) == name
  if name != 'text.wav':
    model = Recognizer([bundle()])
    (result,) = recordings.recognize([speech / name], model)
    assert isinstance(result, recordings.Failure)
    assert ' is silent' in result.message


@pytest.mark.parametrize(
  ('least', 'digits'), [(0.611, '61.1 %'), (0.9997, '99.97 %')]
)
def test_a_threshold_is_shown_with_its_digits(
  page, calibrated, tmp_path, least, digits
):
  copy = shutil.copytree(calibrated, tmp_path / 'page')
  about = json.loads((copy / 'model.json').read_text())
  (copy / 'model.json').write_text(json.dumps({**about, 'abstain': least}))
  with browser.served(copy) as (address, _):
    page.others.append(address)
    page.open(address)
    said = page.run('document.querySelector("#least").innerText')
    assert said == digits
  page.open(page.address)


def source(page):
  return page.run('document.querySelector("#source").innerText')


def shown(page):
  """What is seen of an answer."""
  return page.run(
    '["label", "waveform", "timeline"].filter((id) => '
    'document.querySelector(`#${id}`).checkVisibility('
    '{visibilityProperty: true}))'
  ) + page.run('[...document.querySelectorAll("#rows tr, #shares *")]')


def test_a_picture_has_its_room_before_the_first_recording(page):
  page.open(page.address)
  height = page.run('document.querySelector("main").offsetHeight')
  assert page.run('document.querySelector("#waveform").offsetHeight') == 110
  assert page.run('document.querySelector("#timeline").offsetHeight') == 190
  assert height < 600
  assert shown(page) == []


def test_an_error_leaves_nothing_of_the_recording_before(page, speech):
  page.run('document.body.dataset.state = "ready"')
  page.upload(speech / 'long.wav')
  assert page.wait('done', 'fault') == 'done'
  assert len(shown(page)) > 3
  assert source(page) == 'long.wav'
  page.upload(speech / 'text.wav')
  page.wait('fault')
  assert shown(page) == []
  assert source(page) == 'text.wav'


def test_a_new_recording_ends_the_work_on_the_one_before(page, speech):
  page.open(page.address)
  page.run(
    'const judge = sernet.model.judge.bind(sernet.model); sernet.judged = 0; '
    'sernet.model.judge = async (...given) => { sernet.judged++; '
    'await new Promise((done) => setTimeout(done, 100)); '
    'return judge(...given); }; 0'
  )
  page.upload(speech / 'long.wav')
  page.run(
    'new Promise((done) => { const look = () => '
    'sernet.shown ? done() : setTimeout(look, 5); look(); })'
  )
  judged = page.run('sernet.judged')
  page.upload(speech / 'silence.wav')
  page.wait('fault')
  page.run('new Promise((done) => setTimeout(done, 1500))')
  assert page.run('document.body.dataset.state') == 'fault'
  assert page.run('document.querySelector("#status").innerText') == ''
  assert shown(page) == []
  assert page.run('sernet.judged') <= judged + 2
  page.open(page.address)


def test_the_microphone_is_judged_as_predict_judges_what_it_heard(
  page, tmp_path
):
  page.run('document.body.dataset.state = "ready"')
  page.run('document.querySelector("#microphone").click()')
  page.wait('busy')
  page.run(
    'new Promise((done) => { const look = () => '
    'sernet.microphone?.windows.length > 3 ? done() : setTimeout(look, 20); '
    'look(); })'
  )
  page.run('document.querySelector("#microphone").click()')
  assert page.wait('done', 'fault') == 'done'
  samples = page.run('[...sernet.shown.samples]')
  assert np.abs(samples).max() > 0.01
  path = tmp_path / 'heard.wav'
  soundfile.write(path, samples, RATE, 'FLOAT')
  found = json.loads(page.run('JSON.stringify(sernet.result)'))
  agree(found, expected(path))


def test_a_microphone_taken_away_leaves_what_was_heard(page):
  page.run('document.body.dataset.state = "ready"')
  page.run('document.querySelector("#microphone").click()')
  page.wait('busy')
  page.run(
    'new Promise((done) => { const look = () => '
    'sernet.microphone?.sound.length > 8000 ? done() : setTimeout(look, 20); look(); })'
  )
  page.run(
    'sernet.microphone.stream.getTracks()[0].dispatchEvent(new Event("ended"))'
  )
  assert page.wait('done', 'fault') == 'done'
  page.run('new Promise((done) => setTimeout(done, 50))')
  assert 'taken away' in page.run('document.querySelector("#status").innerText')


def test_an_error_ends_the_microphone(page):
  page.open(page.address)
  page.run(
    'const judge = sernet.model.judge.bind(sernet.model); let count = 0; '
    'sernet.model.judge = (...given) => ++count === 3 '
    '? Promise.reject(new Error("broken")) : judge(...given); 0'
  )
  page.run('document.querySelector("#microphone").click()')
  assert page.wait('fault', 'done') == 'fault'
  page.run('new Promise((done) => setTimeout(done, 500))')
  said = page.run('document.querySelector("#fault").innerText')
  assert said == 'The sound cannot be judged (broken).'
  assert source(page) == 'Microphone'
  assert shown(page) == []
  assert page.run('sernet.microphone') is None
  page.open(page.address)


def test_nothing_leaves_the_page(page):
  """All requests went to the folder, and the policy stops others."""
  addresses = [
    event['params']['request']['url']
    for event in page.events
    if event.get('method') == 'Network.requestWillBeSent'
  ]
  assert len(addresses) > 5
  own = (page.address, *page.others, 'about:', 'blob:')
  assert [one for one in addresses if not one.startswith(own)] == []
  other = page.address.replace('127.0.0.1', 'localhost')
  stopped = page.run(f'fetch({other!r}).then(() => "sent", () => "stopped")')
  assert stopped == 'stopped'


def test_the_page_fits_a_telephone(page):
  page.call(
    'Emulation.setDeviceMetricsOverride',
    width=360,
    height=640,
    deviceScaleFactor=2,
    mobile=True,
  )
  assert page.run('document.documentElement.scrollWidth') == 360
  page.call('Emulation.clearDeviceMetricsOverride')


@pytest.mark.parametrize(
  ('damage', 'words'),
  [
    ('model', 'model.onnx is not the file that model.json was written for'),
    ('missing', 'model.onnx is missing beside the page'),
    ('simd', 'This browser lacks WebAssembly with SIMD'),
    ('runtime', 'The runtime is missing beside the page'),
  ],
)
def test_what_is_wrong_with_the_page_is_one_sentence(
  page, folder, tmp_path, damage, words
):
  copy = tmp_path / 'page'
  shutil.copytree(folder, copy)
  script = None
  if damage == 'model':
    content = bytearray((copy / 'model.onnx').read_bytes())
    content[-9] ^= 1
    (copy / 'model.onnx').write_bytes(content)
  elif damage == 'missing':
    (copy / 'model.onnx').unlink()
  elif damage == 'runtime':
    (copy / 'runtime' / 'ort.js').unlink()
  else:
    script = page.call(
      'Page.addScriptToEvaluateOnNewDocument',
      source='WebAssembly.validate = () => false',
    )['identifier']
  with browser.served(copy) as (address, _):
    page.open(address, 'fault')
    assert words in page.run('document.querySelector("#fault").innerText')
    assert page.run('document.querySelector("#microphone").disabled')
  if script:
    page.call('Page.removeScriptToEvaluateOnNewDocument', identifier=script)


def test_a_refused_microphone_is_one_sentence(folder, tmp_path):
  with (
    browser.served(folder) as (address, _),
    browser.Browser(tmp_path, '--deny-permission-prompts') as chromium,
  ):
    chromium.open(address)
    chromium.run('document.querySelector("#microphone").click()')
    chromium.wait('fault')
    said = chromium.run('document.querySelector("#fault").innerText')
    assert said.startswith((DENIED, 'There is no microphone'))


def test_the_snippet_of_the_documentation(page, folder, tmp_path):
  """As printed, in a page of its own without this package."""
  text = (tiny.ROOT / 'docs' / 'export.md').read_text()
  (snippet,) = re.findall(r'^```js\n(.*?)^```$', text, re.M | re.S)
  assert len(snippet.splitlines()) <= 10
  sound = exportable.recordings()[0]
  reading.write_wav(
    tmp_path / 'recording.wav', sound / np.abs(sound).max(), RATE
  )
  path = tmp_path / 'emodb.onnx'
  shutil.copy(folder / 'model.onnx', path)
  assert writing and checking
  report = checking.check(
    path,
    bundle(),
    'onnx',
    'fp32',
    exportable.heard(),
    exportable.expected(),
  )
  checking.write_report(formats.report_path(path), report)
  for name, (original, _) in web_runtime.FILES.items():
    shutil.copy(folder / 'runtime' / name, tmp_path / original)
  (tmp_path / 'snippet.js').write_text(
    snippet + '\nglobalThis.found = [label, ...p.data];\n'
    "document.body.dataset.state = 'done';\n"
  )
  (tmp_path / 'index.html').write_text(
    '<!doctype html><body><script type="importmap">{"imports": '
    '{"onnxruntime-web": "./ort.wasm.min.mjs"}}</script>'
    '<script type="module" src="snippet.js"></script></body>'
  )
  with browser.served(tmp_path) as (address, _):
    page.open(address, 'done')
    label, *shares = page.run('[...found]')
  (result,) = exportable.recognized(str(tmp_path / 'recording.wav'))
  np.testing.assert_allclose(shares, result, atol=1e-4)
  assert label == CLASSES[int(result.argmax())]
