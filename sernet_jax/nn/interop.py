"""Weights from elsewhere, and back: the authors' Keras model.

By the names of its variables, or by its files: `.h5`, `.weights.h5`, `.keras`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from sernet_jax.common.errors import InputError, require
from sernet_jax.nn import folded, keras_files
from sernet_jax.nn.spec import BLOCKS, PATH_KERNELS, ModelSpec

Tree = dict[str, Any]

# Keras numbers its layers in order of creation; the first has no number.
_PATHS_IN_KERAS = ('temporal', 'spectral', 'joint')
_BATCH_NORM = {
  'scale': 'gamma',
  'offset': 'beta',
  'mean': 'moving_mean',
  'variance': 'moving_variance',
}


def _layer_names() -> list[str]:
  return [*_PATHS_IN_KERAS, *(f'block{i + 1}' for i in range(len(BLOCKS)))]


def keras_names() -> dict[tuple[str, str], str]:
  """(layer, array) here -> variable name there, e.g. 'conv2d_3/kernel'."""
  names = {}
  for number, layer in enumerate(_layer_names()):
    suffix = f'_{number}' if number else ''
    names[layer, 'kernel'] = f'conv2d{suffix}/kernel'
    if layer in PATH_KERNELS:
      names[layer, 'bias'] = f'conv2d{suffix}/bias'
    for ours, theirs in _BATCH_NORM.items():
      names[layer, ours] = f'batch_normalization{suffix}/{theirs}'
  names['head', 'kernel'] = 'dense/kernel'
  names['head', 'bias'] = 'dense/bias'
  return names


def from_keras(
  weights: Mapping[str, Any] | str | os.PathLike[str],
) -> tuple[Tree, Tree]:
  """Parameters and statistics from the authors' variables or files.

  Args:
    weights: variable name -> array, as `conv2d/kernel`,
      `batch_normalization_7/moving_variance`, `dense/bias`. A trailing ':0'
      is ignored. Kernels are stored alike in both (height, width, in, out).
      Or the path of a `.h5`, `.weights.h5` or `.keras` file.

  Returns:
    (params, stats) for `model.apply`, float32; `spec_of` says which network
    they are of.

  Raises:
    InputError: if a variable is missing, unknown or not finite, or the file
      cannot be used.
  """
  if isinstance(weights, str | os.PathLike):
    weights = _from_layers(weights, keras_files.read(weights))
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


def to_keras(params: Mapping[str, Any], stats: Mapping[str, Any]) -> Tree:
  """The opposite of `from_keras`: variable name -> float32 array.

  Raises:
    InputError: if the network has not the three paths of the authors' model.
  """
  found = {}
  for (layer, array), name in keras_names().items():
    tree = stats if array in ('mean', 'variance') else params
    require(
      layer in tree,
      f'the network has no path {layer!r}; only the one with the paths '
      f'{", ".join(_PATHS_IN_KERAS)} has a counterpart in Keras',
    )
    found[name] = np.asarray(tree[layer][array], np.float32)
  return found


def write_keras_weights(
  path: str | os.PathLike[str],
  params: Mapping[str, Any],
  stats: Mapping[str, Any],
) -> None:
  """Writes what `model.load_weights(path)` of Keras reads.

  Args:
    path: NAME.weights.h5 for Keras 3, NAME.h5 for Keras 2 and 3.
    params: from `from_keras`, `model.init` or a run's checkpoint
      (`run_bundles.weights_of_run`).
    stats: likewise.

  Raises:
    InputError: as `to_keras`, or if the file cannot be written.
  """
  layers: dict[str, dict[str, np.ndarray]] = {}
  for name, value in to_keras(params, stats).items():
    layer, array = name.split('/')
    layers.setdefault(layer, {})[array] = value
  # Keras sorts the layers of a model by depth: paths side by side.
  count = len(_PATHS_IN_KERAS)
  kinds = ('conv2d', 'batch_normalization')
  numbers = [range(count)]
  numbers += [range(i, i + 1) for i in range(count, count + len(BLOCKS))]
  order = [
    f'{kind}_{number}' if number else kind
    for together in numbers
    for kind in kinds
    for number in together
  ]
  keras_files.write(path, {name: layers[name] for name in [*order, 'dense']})


def spec_of(params: Mapping[str, Any]) -> ModelSpec:
  """The network that parameters are of; the rest of the spec is default."""
  paths = tuple(name for name in PATH_KERNELS if name in params)
  filters = sum(np.shape(params[name]['kernel'])[-1] for name in paths)
  return ModelSpec(
    num_classes=np.size(params['head']['bias']), paths=paths, filters=filters
  )


def _from_layers(
  path: str | os.PathLike[str], layers: list[dict[str, np.ndarray]]
) -> dict[str, np.ndarray]:
  """Variables by name, told apart by their shapes.

  Keras numbers layers from where its session stood, so that the names in a
  file say little. The kernel of each convolution has a shape of its own; the
  BatchNorm behind it is the one of the same rank.
  """
  norms = [layer for layer in layers if 'moving_mean' in layer]
  kernels = [layer for layer in layers if 'kernel' in layer]
  convs = [layer for layer in kernels if layer['kernel'].ndim == 4]
  heads = [layer for layer in kernels if layer['kernel'].ndim == 2]
  expected = len(_PATHS_IN_KERAS) + len(BLOCKS)
  require(
    (len(convs), len(norms), len(heads)) == (expected, expected, 1),
    f'{os.fspath(path)} holds {len(convs)} convolutions, {len(norms)} BatchNorms '
    f'and {len(heads)} dense layers, but Light-SERNet has {expected}, {expected} '
    'and 1; give the file of that network',
  )
  places = {name: number for number, name in enumerate(_layer_names())}
  found: dict[str, np.ndarray] = {}
  spec = ModelSpec(
    num_classes=heads[0]['kernel'].shape[1],
    filters=sum(
      layer['kernel'].shape[3]
      for layer in convs
      if layer['kernel'].shape[2] == 1
    ),
  )
  shapes = folded.shapes(spec)
  by_shape = {shapes[name]['kernel']: name for name in places}
  for conv, norm in zip(convs, norms, strict=True):
    name = by_shape.pop(conv['kernel'].shape, None)
    if name is None:
      raise InputError(
        f'{os.fspath(path)} has a convolution of shape {conv["kernel"].shape}, '
        'which Light-SERNet has not or has once; give the file of that network'
      )
    suffix = f'_{places[name]}' if places[name] else ''
    for array, value in conv.items():
      found[f'conv2d{suffix}/{array}'] = value
    for array, value in norm.items():
      found[f'batch_normalization{suffix}/{array}'] = value
  for array, value in heads[0].items():
    found[f'dense/{array}'] = value
  for (layer, array), name in keras_names().items():
    shape = shapes[layer]['kernel' if array == 'kernel' else 'bias']
    require(
      name in found and found[name].shape == shape,
      f'{os.fspath(path)} has no {name} of shape {shape}; give the file of '
      'Light-SERNet',
    )
  return found
