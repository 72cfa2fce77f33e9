"""Exported C sources, compiled and called."""

from __future__ import annotations

import ctypes
import dataclasses
import functools
import pathlib
import shutil
import subprocess

import jax
import numpy as np
import pytest
import small_model

from sernet_jax import features
from sernet_jax.audio.spec import AudioSpec
from sernet_jax.export import recordings, writing
from sernet_jax.features.spec import MfccSpec
from sernet_jax.nn import folded, model, sizes
from sernet_jax.nn.spec import ModelSpec
from sernet_jax.predict import bundle as bundle_lib

STRICT = ('-std=c99', '-pedantic', '-Wall', '-Wextra', '-Werror')
CHECKED = ('-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all')

# Calls the sources with states of its own, for ctypes.
_DOOR = """
#include "front_end.h"
#include "gate.h"
#include "network.h"

int rows_of_float(const float *samples, int hops, float *rows) {
  static sernet_front_end state;
  int i, count = 0;
  sernet_front_end_init(&state);
  for (i = 0; i < hops; i++)
    count += sernet_front_end_push(&state, samples + i * SERNET_HOP,
                                   rows + count * SERNET_COEFFICIENTS);
  return count;
}

int rows_of_fixed(const int16_t *samples, int hops, float scale,
                  int16_t *rows) {
  static sernet_fixed state;
  int i, count = 0;
  sernet_fixed_init(&state, scale);
  for (i = 0; i < hops; i++)
    count += sernet_fixed_push(&state, samples + i * SERNET_HOP,
                               rows + count * SERNET_COEFFICIENTS);
  return count;
}

int probabilities_of(const float *rows, int own, float *probabilities) {
  static sernet_network state;
  int i, done = 0;
  sernet_network_init_rows(&state, own);
  for (i = 0; i < SERNET_ROWS; i++)
    done += sernet_network_push(&state, rows + i * SERNET_COEFFICIENTS,
                                probabilities);
  return done;
}

void gate_of(const int16_t *samples, int hops, int32_t *open) {
  static sernet_gate state;
  int i;
  sernet_gate_init(&state);
  for (i = 0; i < hops; i++)
    open[i] = sernet_gate_push(&state, samples + i * SERNET_HOP);
}
"""


def compiler() -> str:
  found = shutil.which('cc')
  if found is None:
    pytest.skip('there is no C compiler cc')
  return found


def build(folder: pathlib.Path, name: str, *flags: str) -> pathlib.Path:
  """Compiles all sources of a folder into one program or library."""
  sources = sorted(str(path) for path in folder.glob('*.c'))
  result = subprocess.run(
    [compiler(), *STRICT, *flags, *sources, '-lm', '-o', str(folder / name)],
    capture_output=True,
    text=True,
  )
  assert result.returncode == 0, result.stderr
  return folder / name


class Library:
  """The sources of a model as functions over numpy arrays."""

  def __init__(self, folder: pathlib.Path, bundle: bundle_lib.Bundle):
    (folder / 'door.c').write_text(_DOOR)
    path = build(folder, 'library.so', '-O1', '-shared', '-fPIC')
    self.code = ctypes.CDLL(str(path))
    self._mfcc, self._classes = bundle.mfcc, len(bundle.classes)

  def _hops(self, samples: np.ndarray) -> tuple[np.ndarray, int]:
    hop = self._mfcc.hop_samples
    count = -(-len(samples) // hop)
    return np.pad(samples, (0, count * hop - len(samples))), count

  def _rows(self, count: int, dtype: type) -> np.ndarray:
    return np.zeros((count, self._mfcc.num_coefficients), dtype)

  def mfcc(self, samples: np.ndarray) -> np.ndarray:
    """Scaled samples (samples,) to (frames, coefficients)."""
    padded, hops = self._hops(np.float32(samples))
    rows = self._rows(hops, np.float32)
    count = self.code.rows_of_float(_at(padded), hops, _at(rows))
    return rows[:count]

  def fixed(self, samples: np.ndarray, scale: float, bits: int) -> np.ndarray:
    """16-bit samples (samples,) to (frames, coefficients)."""
    padded, hops = self._hops(np.int16(samples))
    rows = self._rows(hops, np.int16)
    count = self.code.rows_of_fixed(
      _at(padded), hops, ctypes.c_float(scale), _at(rows)
    )
    return rows[:count] / 2.0**bits

  def scale(self, samples: np.ndarray) -> float:
    samples = np.int16(samples)
    self.code.sernet_scale.restype = ctypes.c_float
    return self.code.sernet_scale(_at(samples), ctypes.c_size_t(samples.size))

  def own_rows(self, samples: int) -> int:
    return self.code.sernet_own_rows(ctypes.c_size_t(samples))

  def probabilities(
    self, rows: np.ndarray, own: int | None = None
  ) -> np.ndarray:
    """(frames, coefficients), the first `own` its own, to (classes,)."""
    rows = np.ascontiguousarray(rows, np.float32)
    result = np.zeros(self._classes, np.float32)
    own = len(rows) if own is None else own
    assert self.code.probabilities_of(_at(rows), own, _at(result)) == 1
    return result

  def gate(self, samples: np.ndarray) -> np.ndarray:
    """16-bit samples to bool (hops,)."""
    padded, hops = self._hops(np.int16(samples))
    result = np.zeros(hops, np.int32)
    self.code.gate_of(_at(padded), hops, _at(result))
    return result.astype(bool)


def _at(array: np.ndarray) -> ctypes.c_void_p:
  return ctypes.c_void_p(array.ctypes.data)


@functools.cache
def small_bundle(pooling: str = 'mean', **mfcc: object) -> bundle_lib.Bundle:
  """Three blocks with maps of odd sizes, with the ranges of made-up sound."""
  blocks = ((8, (3, 3), (2, 2)), (12, (5, 3), (3, 1)), (16, (1, 1), None))
  spec = ModelSpec(
    num_classes=3,
    filters=12,
    blocks=blocks,
    batch_norm_momentum=0.0,
    pooling=pooling,
  )
  front, audio = MfccSpec(**mfcc), AudioSpec(16_000, 0.6)
  heard = recordings.made_up(audio)
  params, stats = small_model.init(jax.random.key(1), spec)
  x = features.mfcc(heard.prepared, front)[..., None]
  apply = jax.jit(functools.partial(model.apply, spec, train=True))
  _, stats = apply(params, stats, x)
  params['head']['kernel'] *= 3  # decided enough to tell sounds apart
  params, stats = jax.tree.map(np.asarray, (params, stats))
  bundle = bundle_lib.Bundle(
    model=spec,
    mfcc=front,
    feature_kind='mfcc',
    audio=audio,
    classes=('calm', 'cross "?"', 'früh'),
    folded=folded.fold(spec, params, stats),
    about={'name': 'test', 'license': 'MIT'},
  )
  seen = writing.ranges(bundle, heard.prepared)
  return dataclasses.replace(bundle, ranges=seen)


def bundle_of_size(size: str) -> bundle_lib.Bundle:
  """Three seconds of sound and seven classes; no weight is as if trained."""
  spec = sizes.spec(size)
  random = np.random.default_rng(0)
  weights = {
    layer: {
      name: random.normal(size=shape).astype(np.float32)
      for name, shape in arrays.items()
    }
    for layer, arrays in spec.shapes().items()
  }
  ranges = dict.fromkeys(weights, (0.0, 1.0))
  return dataclasses.replace(
    small_model.make(),
    model=spec,
    mfcc=MfccSpec(),
    audio=AudioSpec(16_000, 3.0),
    classes=tuple('abcdefg'),
    folded=weights,
    ranges=ranges | {f'{layer}_input': (0.0, 1.0) for layer in weights},
  )
