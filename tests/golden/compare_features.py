"""Prints the table of docs/features.md: how exact the presets are.

  python tests/golden/compare_features.py --emodb=ROOT

Each row compares float32 features of this package with the golden figures of
the reference on real speech and on noise, and both with float64: this
package's own float64 result, which agrees with the libraries that compute in
float64 (tests/features/test_presets.py).
"""

from __future__ import annotations

import argparse
import pathlib

import jax
import numpy as np

from sernet_jax import features
from sernet_jax.audio import reading, segments

DATA = pathlib.Path(__file__).parents[1] / 'data'
EVERY = 4  # frames of real speech in the golden files


def load(name):
  with np.load(DATA / f'{name}.npz') as file:
    return dict(file)


def distances(actual, expected):
  error = np.abs(np.asarray(actual, np.float64) - expected)
  return f'{error.max():.1e} / {error.mean():.1e}'


def row(preset, root, noise):
  spec = features.PRESETS[preset]
  golden = load(f'features_{preset}')
  rate_hz = spec.sample_rate_hz
  waveform = np.stack(
    [
      segments.prepare(
        reading.load_mono(f'{root}/wav/{name}.wav', rate_hz), 3 * rate_hz
      )
      for name in golden['files']
    ]
  )
  ours = features.mfcc(waveform, spec)[:, ::EVERY]
  with jax.enable_x64(True):
    exact = np.asarray(features.mfcc(waveform.astype(np.float64), spec))
  exact = exact[:, ::EVERY]
  theirs = golden['real']
  # 'command; library version, ..., numpy version, CPU; ...'
  versions = str(golden['how']).split('; ')[1].split(', numpy')[0]
  return [
    f'`{preset}`',
    versions,
    f'{np.abs(theirs).max():.0f}',
    distances(ours, theirs),
    distances(features.mfcc(noise, spec), golden['noise']),
    distances(ours, exact),
    distances(theirs, exact),
  ]


def main():
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--emodb', required=True, help='folder with wav/')
  root = parser.parse_args().emodb
  synthetic = load('mfcc_synthetic')
  index = synthetic['names'].tolist().index('noise')
  noise = synthetic['waveform'][index]
  for preset in features.PRESETS:
    print('| ' + ' | '.join(row(preset, root, noise)) + ' |', flush=True)


if __name__ == '__main__':
  main()
