"""Small recordings, and lists of them, for tests of readers."""

from __future__ import annotations

import numpy as np

from sernet_jax.audio import reading
from sernet_jax.corpora.readers import emodb


def put_wav(path):
  """A recording of 10 ms."""
  path.parent.mkdir(parents=True, exist_ok=True)
  reading.write_wav(path, np.full(160, 0.1), 16_000)


def make_emodb(root, speakers=emodb.SPEAKERS, letters='WLEAFNT'):
  for speaker in speakers:
    for letter in letters:
      put_wav(root / 'wav' / f'{speaker}a01{letter}a.wav')


def write_list(folder, labels=('anger', 'joy'), speakers=('ann', 'bob', 'cyd')):
  """A manifest with two recordings of each label and speaker, all different."""
  folder.mkdir(parents=True)
  random = np.random.default_rng(list(folder.name.encode()))
  lines = ['path,label,speaker']
  for speaker in speakers:
    for label in labels:
      for take in range(2):
        name = f'{speaker}_{label}_{take}.wav'
        reading.write_wav(folder / name, random.uniform(-1, 1, 800), 16_000)
        lines.append(f'{name},{label},{speaker}')
  path = folder / f'{folder.name}.csv'
  path.write_text('\n'.join(lines) + '\n')
  return path
