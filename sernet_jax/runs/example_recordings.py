"""Two recordings of the synthetic corpus, to try a page or a command with."""

from __future__ import annotations

import pathlib

from sernet_jax.audio import reading
from sernet_jax.corpora.synthetic import speech

# (name, speaker, text, emotion) of each.
_CHOSEN = (
  ('low_voice.wav', '03', 'a01', 'anger'),
  ('high_voice.wav', '04', 'b01', 'sadness'),
)
RATE_HZ = 16_000


def write(folder: pathlib.Path) -> list[pathlib.Path]:
  """Writes them as WAV files, and returns their paths.

  Args:
    folder: exists.
  """
  paths = []
  for name, speaker, text, emotion in _CHOSEN:
    path = folder / name
    samples = speech.synthesize(speaker, text, emotion, 'a')
    reading.write_wav(path, samples, RATE_HZ)
    paths.append(path)
  return paths
