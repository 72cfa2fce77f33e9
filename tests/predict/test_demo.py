"""The demo shows what predict says, to this machine alone."""

from __future__ import annotations

import importlib.util
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
from sernet_jax.predict import bundle, demo, recognizer


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


@pytest.mark.skipif(
  importlib.util.find_spec('gradio') is None,
  reason="gradio is missing: pip install 'sernet_jax[demo]'",
)
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
