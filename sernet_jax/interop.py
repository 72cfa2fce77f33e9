"""Weights from elsewhere: the variables of the authors' Keras model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sernet_jax.spec import BLOCKS, PATH_KERNELS, InputError

Tree = dict[str, Any]

# Keras numbers its layers in order of creation; the first has no number.
_PATHS_IN_KERAS = ('temporal', 'spectral', 'joint')
_BATCH_NORM = {
  'scale': 'gamma',
  'offset': 'beta',
  'mean': 'moving_mean',
  'variance': 'moving_variance',
}


def keras_names() -> dict[tuple[str, str], str]:
  """(layer, array) here -> variable name there, e.g. 'conv2d_3/kernel'."""
  names = {}
  layers = [*_PATHS_IN_KERAS, *(f'block{i + 1}' for i in range(len(BLOCKS)))]
  for number, layer in enumerate(layers):
    suffix = f'_{number}' if number else ''
    names[layer, 'kernel'] = f'conv2d{suffix}/kernel'
    if layer in PATH_KERNELS:
      names[layer, 'bias'] = f'conv2d{suffix}/bias'
    for ours, theirs in _BATCH_NORM.items():
      names[layer, ours] = f'batch_normalization{suffix}/{theirs}'
  names['head', 'kernel'] = 'dense/kernel'
  names['head', 'bias'] = 'dense/bias'
  return names


def from_keras(weights: Mapping[str, Any]) -> tuple[Tree, Tree]:
  """Parameters and statistics from the authors' variables.

  Args:
    weights: variable name -> array, as `conv2d/kernel`,
      `batch_normalization_7/moving_variance`, `dense/bias`. A trailing ':0'
      is ignored. Kernels are stored alike in both (height, width, in, out).

  Returns:
    (params, stats) for `model.apply`, float32.

  Raises:
    InputError: if a variable is missing, unknown or not finite.
  """
  given = {name.removesuffix(':0'): value for name, value in weights.items()}
  names = keras_names()
  missing = sorted(set(names.values()) - set(given))
  unknown = sorted(set(given) - set(names.values()))
  if missing or unknown:
    raise InputError(
      f'the weights lack {missing or "nothing"} and have unknown '
      f'{unknown or "nothing"}; give the variables of the three-path '
      'Light-SERNet under their Keras names'
    )
  params: Tree = {}
  stats: Tree = {}
  for (layer, array), name in names.items():
    value = np.asarray(given[name], np.float32)
    if not np.all(np.isfinite(value)):
      raise InputError(f'{name} holds a value that is not finite; export again')
    tree = stats if array in ('mean', 'variance') else params
    tree.setdefault(layer, {})[array] = value
  return params, stats
