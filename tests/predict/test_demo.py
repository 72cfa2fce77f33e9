"""The demo shows what predict says, to this machine alone."""

from __future__ import annotations

import importlib.util
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import exportable
import numpy as np
import pytest

from sernet_jax.audio import reading
from sernet_jax.common.errors import InputError
from sernet_jax.predict import bundle, demo, recognizer, recording_figure


@pytest.fixture(scope='module')
def model():
  return recognizer.Recognizer([exportable.bundle()], 'test')


@pytest.fixture
def wav(tmp_path):
  path = tmp_path / 'sound.wav'
  random = np.random.default_rng(0)
  reading.write_wav(path, random.uniform(-0.5, 0.5, 4000), 16_000)
  return path


def test_listen_shows_label_picture_and_timeline(model, wav, tmp_path):
  shares, notes, picture, rows = demo.listen(str(wav), model, 0.05, tmp_path)
  assert 'lasts 0.25 s, shorter than 0.5 s' in notes
  assert list(shares) == list(model.classes)
  assert sum(shares.values()) == pytest.approx(1, abs=1e-5)
  assert pathlib.Path(picture).read_bytes()[:4] == b'\x89PNG'
  assert rows[0][:2] == [0.0, 0.11]
  assert rows[-1][1] == 0.25
  assert {row[2] for row in rows} <= set(model.classes)


def test_a_label_of_the_middle_alone_is_said_to_be_so(
  model, tmp_path, monkeypatch
):
  """Beyond twice the model's length, in the notes and in the picture."""
  drawn = []
  monkeypatch.setattr(
    recording_figure, 'write', lambda *arguments: drawn.append(arguments[-1])
  )
  random = np.random.default_rng(0)
  for num_samples, middle in ((3584, False), (3600, True)):
    path = tmp_path / f'{num_samples}.wav'
    reading.write_wav(path, random.uniform(-0.5, 0.5, num_samples), 16_000)
    _, notes, _, _ = demo.listen(str(path), model, 0.05, tmp_path)
    said = 'The label is of the 0.112 s in its middle alone, as in training;'
    assert (said in notes) == middle
    assert drawn.pop() == middle


def test_bad_recording_is_one_sentence(model, tmp_path):
  path = tmp_path / 'bad.wav'
  path.write_bytes(b'no sound')
  with pytest.raises(InputError, match=r'bad\.wav'):
    demo.listen(str(path), model, 0.05, tmp_path)


def test_missing_gradio_is_one_sentence(monkeypatch, capsys):
  # It sets the environment of the server's process.
  monkeypatch.setattr(os, 'environ', dict(os.environ))
  monkeypatch.setitem(sys.modules, 'gradio', None)
  assert demo.main([]) == 2
  assert (
    "pip install gradio, or in a clone pip install -e '.[demo]'"
    in capsys.readouterr().err
  )


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGHUP])
def test_what_was_recorded_is_deleted_when_the_command_is_killed(
  number, monkeypatch
):
  folders = []

  def serve(args, folder):
    folders.append(folder)
    (folder / 'voice.wav').write_bytes(b'a voice')
    os.kill(os.getpid(), number)
    time.sleep(10)

  monkeypatch.setattr(demo, '_serve', serve)
  before = signal.getsignal(number)
  with pytest.raises(SystemExit) as end:
    demo.main([])
  assert end.value.code == 128 + number
  assert not folders[0].exists()
  assert signal.getsignal(number) == before


NEEDS_GRADIO = pytest.mark.skipif(
  importlib.util.find_spec('gradio') is None,
  reason="gradio is missing: pip install 'sernet_jax[demo]'",
)


def test_what_a_browser_records_is_judged(model, tmp_path):
  """WebM with Opus, of which the header has no length."""
  av = pytest.importorskip('av')
  path = tmp_path / 'recorded.webm'
  random = np.random.default_rng(0)
  samples = (random.uniform(-0.3, 0.3, 48_000) * 32_767).astype(np.int16)
  with av.open(str(path), 'w', format='webm') as file:
    stream = file.add_stream('libopus', rate=48_000, layout='mono')
    for start in range(0, len(samples), 960):
      frame = av.AudioFrame.from_ndarray(
        samples[None, start : start + 960], 's16', 'mono'
      )
      frame.sample_rate = 48_000
      file.mux(stream.encode(frame))
    file.mux(stream.encode(None))
  shares, _, picture, rows = demo.listen(str(path), model, 0.05, tmp_path)
  assert sum(shares.values()) == pytest.approx(1, abs=1e-5)
  assert pathlib.Path(picture).exists()
  assert rows[-1][1] == pytest.approx(1.0, abs=0.02)


# In a process of its own, as gradio leaves event loops open.
PAGE = """
import json, pathlib, sys, gradio
from sernet_jax.audio.listening import Listening
from sernet_jax.predict import demo, models

folder = pathlib.Path(sys.argv[1])
model = models.load(folder / 'model.safetensors')
page = demo._page(gradio, model, 0.05, folder, Listening(), 0.0)
(call,) = (fn for fn in page.fns.values() if fn.api_name == demo.API)
(folder / 'bad.wav').write_bytes(b'no sound')
api = page.get_api_info()
print(json.dumps({
  'api': [[*api['named_endpoints']], [*api['unnamed_endpoints']]],
  'examples': [
    str(part['props']['samples'])
    for part in page.config['components']
    if part['type'] == 'dataset'
  ],
  'found': call.fn(str(folder / 'low_voice.wav')),
  'bad': call.fn(str(folder / 'bad.wav')),
  'none': call.fn(None),
}))
"""


@NEEDS_GRADIO
def test_the_page_has_examples_an_endpoint_and_one_error(tmp_path):
  bundle.save(tmp_path / 'model.safetensors', exportable.bundle())
  done = subprocess.run(
    [sys.executable, '-c', PAGE, str(tmp_path)],
    capture_output=True,
    text=True,
    check=False,
  )
  assert done.returncode == 0, done.stderr
  found = json.loads(done.stdout.splitlines()[-1])
  assert found['api'] == [[f'/{demo.API}'], []]
  (examples,) = found['examples']
  assert 'low_voice.wav' in examples and 'high_voice.wav' in examples
  assert sum(found['found'][0].values()) == pytest.approx(1, abs=1e-5)
  for name, words in (('bad', 'The recording'), ('none', 'Record something')):
    nothing, notes, picture, rows = found[name]
    assert (nothing, picture, rows) == (None, None, [])
    assert notes.startswith(f'**{demo._ERROR}** {words}')


@NEEDS_GRADIO
def test_page_asks_the_network_for_nothing(tmp_path):
  path = tmp_path / 'model.safetensors'
  bundle.save(path, exportable.bundle())
  with socket.socket() as free:
    free.bind((demo.HOST, 0))
    port = free.getsockname()[1]
  command = [sys.executable, '-m', 'sernet_jax.demo', f'--model={path}']
  server = subprocess.Popen(
    [*command, f'--port={port}', '--hop_s=0.05'], stdout=subprocess.DEVNULL
  )
  try:
    url = f'http://{demo.HOST}:{port}/'
    text = _page(url, server)
    # Another page may not send recordings, nor one that took this address.
    for headers in ({'Origin': 'https://example.org'}, {'Host': 'example.org'}):
      request = urllib.request.Request(f'{url}gradio_api/upload', b'a', headers)
      with pytest.raises(urllib.error.HTTPError, match='403'):
        urllib.request.urlopen(request, timeout=60)
    # A second one on the same port says what is wrong.
    second = subprocess.run(
      [*command, f'--port={port}', '--hop_s=0.05'],
      capture_output=True,
      text=True,
    )
  finally:
    server.send_signal(signal.SIGINT)
    assert server.wait(60) == 0
  assert 'fonts.googleapis.com' not in text
  assert demo._TITLE in text
  assert second.returncode == 2
  assert f'port {port}' in second.stderr


def _page(url, server):
  for _ in range(1500):
    assert server.poll() is None
    try:
      with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read().decode()
    except urllib.error.URLError:
      time.sleep(0.2)
  raise AssertionError(f'{url} does not answer')
