"""What the tests of the commands share."""

from __future__ import annotations

import io
import sys

import pytest
import small_model
import soundfile

from sernet_jax.predict import bundle


@pytest.fixture(scope='module')
def place(tmp_path_factory):
  """A model file and a recording of several windows, as WAV and raw."""
  folder = tmp_path_factory.mktemp('predict')
  bundle.save(folder / 'm.safetensors', small_model.make(), 'float32')
  samples = small_model.sound(1.3)
  soundfile.write(folder / 'long.wav', samples, small_model.RATE_HZ)
  (folder / 'raw.pcm').write_bytes((samples * 32_768).astype('<i2').tobytes())
  return folder


@pytest.fixture
def say(place, capsys, monkeypatch):
  """Runs a door; gives (exit code, stdout, stderr)."""

  def run(door, *arguments, stdin=None):
    if stdin is not None:
      monkeypatch.setattr(sys, 'stdin', io.TextIOWrapper(io.BytesIO(stdin)))
    model = f'--model={place / "m.safetensors"}'
    code = door.main([model, *map(str, arguments)])
    return code, *capsys.readouterr()

  return run
