"""Weights of the authors' Keras model, and back.

Variables come by name, or from files: `.h5`, `.weights.h5`, `.keras`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sernet_jax.common.errors import InputError, require
from sernet_jax.nn import keras_files
from sernet_jax.nn.spec import PATHS, ModelSpec

Tree = dict[str, Any]

# Keras numbers its layers in order of creation; the first has no number.
_CONVOLUTIONS = ModelSpec().layers('path', 'block')
_BATCH_NORM = {
  'scale': 'gamma',
  'offset': 'beta',
  'mean': 'moving_mean',
  'variance': 'moving_variance',
}


def _suffix(index: int) -> str:
  """The end of a Keras name, by the index among layers of its class."""
  return f'_{index}' if index else ''


def keras_names() -> dict[tuple[str, str], str]:
  """(layer, array) here -> variable name there, e.g. 'conv2d_3/kernel'."""
  names = {}
  for index, layer in enumerate(_CONVOLUTIONS):
    suffix = _suffix(index)
    names[layer.name, 'kernel'] = f'conv2d{suffix}/kernel'
    if layer.bias:
      names[layer.name, 'bias'] = f'conv2d{suffix}/bias'
    for array, variable in _BATCH_NORM.items():
      names[layer.name, array] = f'batch_normalization{suffix}/{variable}'
  names['head', 'kernel'] = 'dense/kernel'
  names['head', 'bias'] = 'dense/bias'
  return names


def from_keras(
  weights: Mapping[str, Any] | str | os.PathLike[str],
) -> tuple[Tree, Tree]:
  """Reads parameters and statistics from the authors' variables or files.

  Args:
    weights: variable name -> array, as `conv2d/kernel`,
      `batch_normalization_7/moving_variance`, `dense/bias`. A trailing ':0'
      is ignored. Kernels are stored alike in both (height, width, in, out).
      Or the path of a `.h5`, `.weights.h5` or `.keras` file.

  Returns:
    (params, stats) for `model.apply`, float32; `spec_of` gives their network.

  Raises:
    InputError: if a variable is missing, unknown or not finite, or the file
      cannot be used.
  """
  if isinstance(weights, str | os.PathLike):
    weights = _variables(os.fspath(weights), keras_files.read(weights))
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
  """The inverse of `from_keras`: variable name -> float32 array.

  The network there averages over all frames, also those of padding. Arrays do
  not tell whether this one does: with `pooling='masked'` their outputs differ.

  Raises:
    InputError: if the network does not have the three paths of the authors'
      model, or has other layers beside them.
  """
  variables = {}
  names = keras_names()
  more = sorted({*params, *stats} - {layer for layer, _ in names})
  require(
    not more,
    f'the network has {", ".join(more)}, for which the one in Keras has no '
    "counterpart; give one with pooling='mean' and without dimensions",
  )
  for (layer, array), name in names.items():
    tree = stats if array in ('mean', 'variance') else params
    require(
      layer in tree,
      f'the network has no path {layer!r}; only the one with the paths '
      f'{", ".join(PATHS)} has a counterpart in Keras',
    )
    variables[name] = np.asarray(tree[layer][array], np.float32)
  last = _CONVOLUTIONS[-1].name
  reads, given = len(params['head']['kernel']), np.size(params[last]['scale'])
  require(
    reads == given,
    f'the head of the network reads {reads} values, the one in Keras the '
    f"{given} means of {last}; give a network with pooling='mean'",
  )
  return variables


def write_keras_weights(
  path: str | os.PathLike[str],
  params: Mapping[str, Any],
  stats: Mapping[str, Any],
) -> None:
  """Writes a file that `model.load_weights(path)` of Keras reads.

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
  num_paths = len(PATHS)
  depths = [range(num_paths)]
  depths += [range(i, i + 1) for i in range(num_paths, len(_CONVOLUTIONS))]
  order = [
    kind + _suffix(index)
    for depth in depths
    for kind in ('conv2d', 'batch_normalization')
    for index in depth
  ]
  keras_files.write(path, {name: layers[name] for name in [*order, 'dense']})


def spec_of(params: Mapping[str, Any]) -> ModelSpec:
  """The network that parameters belong to; the rest of the spec is default."""
  paths = tuple(name for name in PATHS if name in params)
  filters = sum(np.shape(params[name]['kernel'])[-1] for name in paths)
  return ModelSpec(
    num_classes=np.size(params['head']['bias']), paths=paths, filters=filters
  )


def _variables(
  path: str, layers: Sequence[keras_files.Arrays]
) -> dict[str, np.ndarray]:
  """Variables by name, told apart by their shapes.

  Keras numbers layers from where its session stood, so the names in a file
  tell little. But the kernel of each convolution has a shape of its own, and
  the n-th BatchNorm follows the n-th convolution.

  Args:
    path: of the file, for messages.
    layers: from `keras_files.read`.

  Raises:
    InputError: if they are not the layers of Light-SERNet.
  """
  norms = [layer for layer in layers if 'moving_mean' in layer]
  kernels = [layer for layer in layers if 'kernel' in layer]
  convs = [layer for layer in kernels if layer['kernel'].ndim == 4]
  heads = [layer for layer in kernels if layer['kernel'].ndim == 2]
  expected = len(_CONVOLUTIONS)
  require(
    (len(convs), len(norms), len(heads)) == (expected, expected, 1),
    f'{path} holds {len(convs)} convolutions, {len(norms)} BatchNorms '
    f'and {len(heads)} dense layers, but Light-SERNet has {expected}, {expected} '
    'and 1; give the file of that network',
  )
  spec = ModelSpec(
    num_classes=heads[0]['kernel'].shape[1],
    filters=sum(
      layer['kernel'].shape[3]
      for layer in convs
      if layer['kernel'].shape[2] == 1
    ),
  )
  variables: dict[str, np.ndarray] = {}
  indices = {
    layer.kernel_shape: index
    for index, layer in enumerate(spec.layers('path', 'block'))
  }
  for conv, norm in zip(convs, norms, strict=True):
    index = indices.pop(conv['kernel'].shape, None)
    if index is None:
      raise InputError(
        f'{path} has a convolution of shape {conv["kernel"].shape}, which '
        'Light-SERNet does not have or has only once; give the file of that '
        'network'
      )
    for array, value in conv.items():
      variables[f'conv2d{_suffix(index)}/{array}'] = value
    for array, value in norm.items():
      variables[f'batch_normalization{_suffix(index)}/{array}'] = value
  for array, value in heads[0].items():
    variables[f'dense/{array}'] = value
  _check_shapes(path, variables, spec)
  return variables


def _check_shapes(
  path: str, variables: Mapping[str, np.ndarray], spec: ModelSpec
) -> None:
  """Raises `InputError` where a variable is missing or of another shape."""
  shapes = spec.shapes()
  for (layer, array), name in keras_names().items():
    shape = shapes[layer]['kernel' if array == 'kernel' else 'bias']
    require(
      name in variables and variables[name].shape == shape,
      f'{path} has no {name} of shape {shape}; give the file of Light-SERNet',
    )
