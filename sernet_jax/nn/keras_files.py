"""Weight files of Keras, read and written without Keras.

Three layouts are read: `.h5` from `model.save` and `save_weights` of Keras 2
and from the legacy writer of Keras 3, `.weights.h5` of Keras 3, and `.keras`, a
ZIP archive around the latter. Links out of the file, virtual and external data
and arrays too large for this network are refused before they are followed or
read. This is the only file with h5py.
"""

from __future__ import annotations

import io
import math
import os
import pathlib
import re
import types
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sernet_jax.common import extras, files
from sernet_jax.common.errors import InputError, first_line, require

MAX_FILE_BYTES = 256 << 20  # Adam's moments may be in it too
MAX_MEMBER_BYTES = 256 << 20
MAX_ARRAY_BYTES = 64 << 20
MAX_LAYERS = 1000
_MEMBER = 'model.weights.h5'

# Arrays of a layer in the order of Keras 3, which numbers them.
_ARRAYS = {
  'conv2d': ('kernel', 'bias'),
  'batch_normalization': ('gamma', 'beta', 'moving_mean', 'moving_variance'),
  'dense': ('kernel', 'bias'),
}
_NUMBERED = re.compile(rf'({"|".join(_ARRAYS)})(?:_(\d{{1,6}}))?')
_FAILURES = (OSError, KeyError, ValueError, RuntimeError, TypeError)

Arrays = dict[str, np.ndarray]  # by the name of the array: 'kernel', 'gamma'


def read(path: str | os.PathLike[str]) -> list[Arrays]:
  """Reads the layers with weights, in the order of the model.

  Raises:
    InputError: if the file is missing, damaged, of another kind, or holds
      anything but plain arrays of bounded size; or if h5py is missing.
  """
  h5py = _h5py()
  path = pathlib.Path(path)
  require(path.is_file(), f'{path} is not a file; give a .h5 or .keras file')
  require(
    path.stat().st_size <= MAX_FILE_BYTES,
    f'{path} is larger than {MAX_FILE_BYTES >> 20} MiB; give weights of '
    'Light-SERNet',
  )
  source: Any = path
  if zipfile.is_zipfile(path):
    source = io.BytesIO(_member(path))
  try:
    with h5py.File(source, 'r') as file:
      return _layers(h5py, file)
  except InputError as error:
    raise InputError(f'{path} cannot be used: {error}') from error
  except _FAILURES as error:
    raise InputError(
      f'{path} is damaged or not a Keras file ({first_line(error)}); save it '
      'again with model.save'
    ) from error


def write(path: str | os.PathLike[str], layers: Mapping[str, Arrays]) -> None:
  """Writes a file that `model.load_weights` of Keras reads.

  Args:
    path: ends in '.weights.h5' for Keras 3, or else in '.h5' for the older
      layout, which Keras 2 and 3 read.
    layers: by their Keras names ('conv2d', 'batch_normalization_3', 'dense'),
      in the order of the model.

  Raises:
    InputError: if the name ends otherwise, the file cannot be written, or
      h5py is missing.
  """
  h5py = _h5py()
  path = pathlib.Path(path)
  require(
    path.suffix == '.h5',
    f'{path} does not end in .h5; name it NAME.weights.h5 (Keras 3) or NAME.h5 '
    '(Keras 2 and 3)',
  )
  content = io.BytesIO()
  with h5py.File(content, 'w') as file:
    if path.name.endswith('.weights.h5'):
      _write_numbered(file, layers)
    else:
      _write_legacy(file, layers)
  files.write_bytes(path, content.getvalue())


def _h5py() -> types.ModuleType:
  """Imports the optional package h5py."""
  try:
    import h5py
  except ImportError as error:
    raise extras.missing("Keras' files need", 'keras-files') from error
  return h5py


def _member(path: pathlib.Path) -> bytes:
  """The HDF5 file in a .keras archive, of bounded size whatever it claims."""
  try:
    with zipfile.ZipFile(path) as archive, archive.open(_MEMBER) as file:
      content = file.read(MAX_MEMBER_BYTES + 1)
  except KeyError as error:
    raise InputError(
      f'{path} is a ZIP archive without {_MEMBER}; give a .keras file'
    ) from error
  except (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,  # a way of compression unknown here
    RuntimeError,  # a password
    OSError,
  ) as error:
    raise InputError(
      f'{path} is damaged ({first_line(error)}); save it again with model.save'
    ) from error
  require(
    len(content) <= MAX_MEMBER_BYTES,
    f'{path} unpacks to more than {MAX_MEMBER_BYTES >> 20} MiB; give weights of '
    'Light-SERNet',
  )
  return content


def _layers(h5py: types.ModuleType, file: Any) -> list[Arrays]:
  """Reads the layers of an open file of either layout."""
  root = file
  if 'model_weights' in file:
    root = _inside(h5py, file, 'model_weights')
  if 'layer_names' in root.attrs:
    return _legacy(h5py, root)
  if 'layers' in file:
    return _numbered(h5py, _inside(h5py, file, 'layers'))
  raise InputError(
    'it holds neither layer_names nor layers; save the model with model.save '
    'or its weights with model.save_weights'
  )


def _legacy(h5py: types.ModuleType, root: Any) -> list[Arrays]:
  """Reads the layers that the attributes name."""
  layers = []
  for name in _texts(root.attrs['layer_names']):
    group = _inside(h5py, root, name)
    arrays = _texts(group.attrs.get('weight_names', []))
    layer = {}
    for array in arrays:
      kind = array.rsplit('/', 1)[-1].removesuffix(':0')
      layer[kind] = _array(h5py, group, array)
    if layer:
      layers.append(layer)
  return layers


def _numbered(h5py: types.ModuleType, root: Any) -> list[Arrays]:
  """Reads layers named by their class and their index in that class."""
  names = list(root)
  require(len(names) <= MAX_LAYERS, f'it lists {len(names)} layers')
  matches = [match for name in names if (match := _NUMBERED.fullmatch(name))]
  layers = []
  # By number, not as text: conv2d_10 comes behind conv2d_9.
  for match in sorted(matches, key=lambda m: (m[1], int(m[2] or 0))):
    group = _inside(h5py, root, f'{match[0]}/vars')
    kinds = _ARRAYS[match[1]]
    count = len(group)
    require(
      count <= len(kinds), f'layer {match[0]} has {count} arrays, which is new'
    )
    layers.append({kinds[i]: _array(h5py, group, str(i)) for i in range(count)})
  return [layer for layer in layers if layer]


def _texts(values: Any) -> list[str]:
  """Decodes the names in an attribute."""
  values = np.asarray(values).ravel().tolist()
  require(len(values) <= MAX_LAYERS, f'it lists {len(values)} names')
  return [
    value.decode('utf-8', 'replace') if isinstance(value, bytes) else str(value)
    for value in values
  ]


def _inside(h5py: types.ModuleType, group: Any, name: str) -> Any:
  """Follows `name` below `group` through plain members only, no links."""
  for part in name.split('/'):
    require(
      isinstance(group, h5py.Group)
      and part not in ('', '.', '..')
      and isinstance(group.get(part, getlink=True), h5py.HardLink),
      f'it lacks {name[:80]!r} or has a link there; save the model again',
    )
    group = group[part]
  return group


def _array(h5py: types.ModuleType, group: Any, name: str) -> np.ndarray:
  """Reads one array of bounded size as float32."""
  data = _inside(h5py, group, name)
  require(
    isinstance(data, h5py.Dataset)
    and not data.is_virtual
    and not data.external
    and data.dtype.kind == 'f'
    and math.prod(data.shape) * data.dtype.itemsize <= MAX_ARRAY_BYTES,
    f'{name[:80]!r} is not an array of at most {MAX_ARRAY_BYTES >> 20} MiB of '
    'floating-point numbers; give weights of Light-SERNet',
  )
  return np.asarray(data[...], np.float32)


def _write_numbered(file: Any, layers: Mapping[str, Arrays]) -> None:
  """Writes the layout of Keras 3."""
  file.create_group('vars')
  for name, layer in layers.items():
    group = file.create_group(f'layers/{name}/vars')
    group.attrs['name'] = name
    kinds = [kind for kind in _kinds(name) if kind in layer]
    for index, kind in enumerate(kinds):
      group[str(index)] = layer[kind]


def _write_legacy(file: Any, layers: Mapping[str, Arrays]) -> None:
  """Writes the layout of Keras 2, which Keras 3 reads too."""
  _name(file, 'layer_names', list(layers))
  file.attrs['backend'] = 'tensorflow'
  file.attrs['keras_version'] = '2.15.0'
  for name, layer in layers.items():
    group = file.create_group(name)
    kinds = [kind for kind in _kinds(name) if kind in layer]
    weights = [f'{name}/{kind}:0' for kind in kinds]
    _name(group, 'weight_names', weights)
    for kind, weight in zip(kinds, weights, strict=True):
      group[weight] = layer[kind]


def _kinds(name: str) -> tuple[str, ...]:
  """Arrays of a layer, in the order of Keras 3."""
  match = _NUMBERED.fullmatch(name)
  assert match, name
  return _ARRAYS[match[1]]


def _name(group: Any, attribute: str, names: Sequence[str]) -> None:
  """Writes names into an attribute."""
  group.attrs[attribute] = np.array([name.encode() for name in names])
