"""The folder of the page: what is in it, and where its runtime comes from."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import io
import json
import re
import shutil
import subprocess
import tarfile

import numpy as np
import pytest
import soundfile
import soxr
from exportable import AUDIO, CLASSES, FRONT, bundle

from sernet_jax.audio import quality, segments, timeline, voice_gate
from sernet_jax.audio.listening import Levels
from sernet_jax.common import locks, text
from sernet_jax.common.errors import InputError
from sernet_jax.corpora import fetch
from sernet_jax.export import __main__ as export
from sernet_jax.export.device import web_folder, web_runtime
from sernet_jax.predict.sessions import formats

FAKE = {name: name.encode() for name in web_runtime.FILES}
NODE = shutil.which('node')


@pytest.fixture
def runtime(tmp_path, monkeypatch):
  """A folder with a runtime whose checksums are expected."""
  folder = tmp_path / 'dist'
  folder.mkdir()
  files = {}
  for name, (original, _) in web_runtime.FILES.items():
    (folder / original).write_bytes(FAKE[name])
    files[name] = original, formats.checksum(FAKE[name])
  monkeypatch.setattr(web_runtime, 'FILES', files)
  return folder


def test_folder_holds_all_that_the_page_loads(tmp_path, runtime):
  pytest.importorskip('onnx')
  folder = tmp_path / 'my page'
  note = web_folder.write(folder, bundle(), str(runtime))
  assert note == (
    f"python -m http.server --directory '{folder}', then http://localhost:8000"
  )
  about = json.loads((folder / 'model.json').read_text())
  model = (folder / 'model.onnx').read_bytes()
  assert about['classes'] == list(CLASSES)
  assert (about['rate'], about['samples']) == (16_000, AUDIO.num_samples)
  assert about['sha256'] == formats.checksum(model)
  for name in re.findall(
    r"(?:href|src)=\"(.+?)\"|from '(.+?)'|import\('(.+?)'\)",
    ''.join(
      path.read_text()
      for path in folder.iterdir()
      if path.suffix in ('.html', '.js', '.css')
    ),
  ):
    assert (folder / next(filter(None, name))).is_file(), name
  web_folder.write(folder, bundle(), str(runtime))  # again, over its own


def test_nothing_of_the_page_is_elsewhere():
  sources = web_folder.sources()
  page = sources['index.html'].decode()
  policy = re.search(r'default-src [^"]*', page)
  assert policy
  allowed = set(re.findall(r"'[\w-]+'|\S*:\S*", policy[0]))
  assert allowed == {"'none'", "'self'", "'wasm-unsafe-eval'"}
  for name, content in sources.items():
    addresses = set(re.findall(r'https?://[\w.]+', content.decode()))
    assert addresses <= {'http://localhost'}, name


def test_folders_of_others_are_left_alone(tmp_path, runtime):
  (tmp_path / 'index.html').write_text('mine')
  with pytest.raises(InputError, match='choose another --output'):
    web_folder.write(tmp_path, bundle(), str(runtime))
  assert (tmp_path / 'index.html').read_text() == 'mine'


def test_a_runtime_of_another_version_is_refused(tmp_path, runtime):
  (runtime / 'ort.wasm.min.mjs').write_bytes(b'other')
  with pytest.raises(InputError, match=r'ort\.wasm\.min\.mjs is not .*1\.22'):
    web_runtime.content(str(runtime))
  with pytest.raises(InputError, match='leave it out to download it'):
    web_runtime.content(str(tmp_path / 'nowhere'))


def test_the_runtime_is_downloaded_once_and_checked(
  tmp_path, runtime, monkeypatch
):
  content = io.BytesIO()
  with tarfile.open(fileobj=content, mode='w:gz') as package:
    package.add(runtime, 'package/dist')
  asked = []

  def sends(url, target, max_bytes):
    asked.append(url)
    target.write_bytes(content.getvalue())

  monkeypatch.setenv('SERNET_CACHE', str(tmp_path / 'cache'))
  monkeypatch.setattr(fetch, 'fetch', sends)
  with pytest.raises(InputError, match='another file than the one expected'):
    web_runtime.content()
  digest = formats.checksum(content.getvalue())
  monkeypatch.setattr(web_runtime, '_ARCHIVE', digest)
  assert web_runtime.content() == FAKE
  assert web_runtime.content() == FAKE
  assert len(asked) == 2
  (kept,) = (tmp_path / 'cache').iterdir()
  assert {path.name for path in kept.iterdir()} == {*FAKE, 'lock'}


def test_a_runtime_that_another_export_downloads_is_waited_for(
  tmp_path, runtime, monkeypatch
):
  """Both would write one file of the cache."""
  monkeypatch.setenv('SERNET_CACHE', str(tmp_path))
  kept = tmp_path / f'onnxruntime-web-{web_runtime.VERSION}'
  kept.mkdir()
  asked = []
  monkeypatch.setattr(fetch, 'fetch', lambda *args, **named: asked.append(args))
  with concurrent.futures.ThreadPoolExecutor(1) as pool:
    with locks.hold(kept / 'lock'):
      found = pool.submit(web_runtime.content)
      with pytest.raises(concurrent.futures.TimeoutError):
        found.result(timeout=0.3)
      for name, data in FAKE.items():
        (kept / name).write_bytes(data)
    assert found.result(timeout=60) == FAKE
  assert not asked


def test_a_failed_download_says_how_to_do_without(tmp_path, monkeypatch):
  def fails(url, target, max_bytes):
    raise InputError(f'{url} cannot be downloaded (gone); check the network')

  monkeypatch.setenv('SERNET_CACHE', str(tmp_path))
  monkeypatch.setattr(fetch, 'fetch', fails)
  with pytest.raises(InputError, match=r'\(gone\); run .*--runtime=FOLDER'):
    web_runtime.content()


def test_command_refuses_a_runtime_without_a_page(capsys):
  assert export.main(['--format=onnx', '--runtime=x']) == 2
  assert 'is for --format=web' in capsys.readouterr().err


SCRIPT = """
import * as sound from './sound.js';
import { percent } from './draw.js';
import { VoiceGate } from './gate.js';
import fs from 'node:fs';

const bytes = (name) => {
  const all = fs.readFileSync(name);
  return all.buffer.slice(all.byteOffset, all.byteOffset + all.length);
};
const x = new Float32Array(bytes('x.f32'));
const result = { resampled: {}, pieces: {}, wav: {} };
for (const rate of [16000, 48000, 44100, 8000]) {
  result.resampled[rate] = [...sound.resample(x, rate, 16000)];
  const piecewise = new sound.Resampler(rate, 16000);
  const parts = [];
  for (let at = 0; at < x.length; at += 777) {
    parts.push(piecewise.push(x.slice(at, at + 777)));
  }
  parts.push(piecewise.finish());
  result.pieces[rate] = [...sound.joined(parts)];
}
for (const name of ['PCM_16', 'PCM_24', 'PCM_32', 'PCM_U8', 'FLOAT', 'DOUBLE']) {
  const { rate, channels } = sound.readWav(bytes(`${name}.wav`));
  result.wav[name] = [rate, [...sound.mixed(channels, 'mean')]];
}
result.none = sound.readWav(bytes('x.f32'));
result.cut = sound.readWav(bytes('PCM_16.wav').slice(0, 60)).channels[0].length;
result.starts = [0, 1, 99, 100, 101, 130, 160, 191].map(
  (count) => sound.windowStarts(count, 100, 30));
result.loudest = sound.loudestWindow(x, 3500, 16000);
result.part = sound.loudestPart(x, 3500, 1600);
result.padded = [...sound.padded(new Float32Array([0, 1, 0]), 6)];
result.flac = sound.flacRate(bytes('x.flac'));
const shares = JSON.parse(fs.readFileSync('shares.json'));
result.percent = shares.map((one) => [0, 1].map((d) => percent(one, d)));
result.holds = JSON.parse(fs.readFileSync('held.json')).map(
  (one) => sound.holdsSound(Float32Array.from(one)));
const spec = { rate: 16000, channel: 'mean' };
result.constant = await sound.decoded(bytes('constant.wav'), spec)
  .then(() => 'taken', (error) => error.message);
const gate = new VoiceGate(JSON.parse(fs.readFileSync('about.json')));
for (let at = 0; at < x.length; at += 777) gate.push(x.slice(at, at + 777));
result.gate = [...Array(40).keys()].map(
  (k) => gate.hasVoice(200 * k, 200 * k + 1900));
console.log(JSON.stringify(result));
"""


def offsets():
  """Sounds of which scaling leaves a constant, and some that are close to it."""
  for count in (1, 2, 1001, 2000):
    for offset in (-0.25, 0.0, 0.25):
      for clicks in (0, 1, 2, 3):
        for size in (-0.75, 0.75):
          samples = np.full(count, offset, np.float32)
          samples[: 7 * clicks : 7] = size
          yield samples


@pytest.mark.skipif(not NODE, reason='there is no node')
def test_sound_is_read_and_cut_as_in_python(tmp_path, monkeypatch):
  random = np.random.default_rng(0)
  x = np.float32(0.3 * random.uniform(-1, 1, size=9001))
  x[:2000] *= 0.05
  x[4000:6500] *= 0.01
  x.tofile(tmp_path / 'x.f32')
  stereo = np.stack([x, x[::-1] / 2], axis=1)
  for subtype in ('PCM_16', 'PCM_24', 'PCM_32', 'PCM_U8', 'FLOAT', 'DOUBLE'):
    soundfile.write(tmp_path / f'{subtype}.wav', stereo, 22_050, subtype)
  soundfile.write(tmp_path / 'x.flac', x, 44_100)
  for name in ('draw.js', 'sound.js', 'gate.js'):
    (tmp_path / name).write_bytes(web_folder.sources()[name])
  # Hops and times so short that the gate opens and closes in half a second.
  spec = voice_gate.GateSpec(16_000, 16)
  monkeypatch.setattr(voice_gate, 'HANG_S', 0.02)
  monkeypatch.setattr(voice_gate, 'VOICE_S', 0.06)
  monkeypatch.setattr(voice_gate, 'RISE_DB', 30.0)
  small = dataclasses.replace(bundle(), mfcc=FRONT)
  about = {'rate': 16_000, 'voice_gate': web_folder._gate(small)}
  about['voice_gate']['hop'] = 16
  about['voice_gate']['hang_hops'] = spec.hang_hops
  about['voice_gate']['voice_hops'] = spec.voice_hops
  (tmp_path / 'about.json').write_text(json.dumps(about))
  shares = [0, 1e-9, 3e-4, 0.004, 0.5, 0.9986, 0.9997, 1 - 1e-7, 1 - 1e-14, 1]
  (tmp_path / 'shares.json').write_text(json.dumps(shares))
  held = [*offsets()]
  (tmp_path / 'held.json').write_text(
    json.dumps([values.tolist() for values in held])
  )
  constant = np.full(48_000, 0.5)  # which rings at its ends at another rate
  soundfile.write(tmp_path / 'constant.wav', constant, 48_000)
  (tmp_path / 'package.json').write_text('{"type": "module"}')
  (tmp_path / 'test.js').write_text(SCRIPT)
  done = subprocess.run(
    [NODE, 'test.js'], cwd=tmp_path, capture_output=True, check=True
  )
  found = json.loads(done.stdout)
  for rate, values in found['resampled'].items():
    expected = soxr.resample(x, int(rate), 16_000, quality='HQ')
    # White noise: the filters differ where they begin to cut.
    atol = {'16000': 0, '48000': 2e-6}.get(rate, 2e-3)
    np.testing.assert_allclose(values, expected, atol=atol)
    np.testing.assert_allclose(found['pieces'][rate], values, atol=1e-7)
  for subtype, (rate, values) in found['wav'].items():
    path = tmp_path / f'{subtype}.wav'
    expected, _ = soundfile.read(path, dtype='float32')
    assert rate == 22_050
    np.testing.assert_allclose(values, expected.mean(axis=1), atol=1e-7)
  assert found['none'] is None
  assert found['cut'] == (60 - 44) // 4
  for count, starts in zip(
    (0, 1, 99, 100, 101, 130, 160, 191), found['starts'], strict=True
  ):
    windows = timeline.Windows(100, 30)
    expected = [start for start, _ in windows.push(np.zeros(count))]
    expected += [start for start, _ in windows.finish()]
    assert starts == expected
  levels = Levels(16_000)
  levels.push(x)
  start, level = levels.loudest(3500, len(x))
  assert found['loudest']['start'] == start
  assert found['part'] == quality.loudest(x, 3500, 1600)
  assert found['loudest']['level'] == pytest.approx(level)
  np.testing.assert_allclose(
    found['padded'], [0, 1e-30, 1, 1e-30, 0, 0], rtol=1e-6
  )
  assert found['flac'] == 44_100
  assert found['percent'] == [
    [f'{text.percent(one, decimals)} %' for decimals in (0, 1)]
    for one in shares
  ]
  holds = [segments.prepare_sound(x, 3000) is not None for x in held]
  assert found['holds'] == holds
  assert 2 < sum(holds) < len(holds) - 2
  assert found['constant'].startswith('The recording is silent: all its samp')
  gate = voice_gate.VoiceGate(spec)
  gate.push(x)
  voices = [gate.has_voice(200 * k, 200 * k + 1900) for k in range(40)]
  assert found['gate'] == voices
  assert 5 < sum(voices) < 35
