"""Keras' files give the weights, and come back; hostile ones are refused.

The layouts are built here by h5py alone, as real files of tf_keras 2.21 and
Keras 3.15 have them (`tests/manual/keras_files.py` makes such files
with Keras itself and compares the probabilities).
"""

from __future__ import annotations

import io
import sys
import zipfile

import jax
import numpy as np
import pytest

from sernet_jax.common.errors import InputError
from sernet_jax.nn import interop, keras_files

h5py = pytest.importorskip('h5py', reason='needs sernet_jax[keras-files]')

# Layers with weights by depth, paths side by side, as Keras 3 sorts them.
ORDER = [
  'conv2d',
  'conv2d_1',
  'conv2d_2',
  'batch_normalization',
  'batch_normalization_1',
  'batch_normalization_2',
  'conv2d_3',
  'batch_normalization_3',
  'conv2d_4',
  'batch_normalization_4',
  'conv2d_5',
  'batch_normalization_5',
  'conv2d_6',
  'batch_normalization_6',
  'conv2d_7',
  'batch_normalization_7',
  'dense',
]
ARRAYS = ('kernel', 'bias', 'gamma', 'beta', 'moving_mean', 'moving_variance')


@pytest.fixture(scope='module')
def weights(golden_weights):
  """The authors' variables, each number a different one."""
  random = np.random.default_rng(0)
  return {
    name: (array + random.normal(size=array.shape)).astype(np.float32)
    for name, array in golden_weights.items()
  }


def arrays_of(weights, layer):
  return {
    k: weights[f'{layer}/{k}'] for k in ARRAYS if f'{layer}/{k}' in weights
  }


def legacy(file, weights, shift=0, colon=':0', inner=''):
  """Writes as Keras 2's save_weights; layers are numbered from `shift`."""

  def renamed(layer):
    kind, _, number = layer.rpartition('_')
    if not number.isdigit():
      kind, number = layer, '0'
    number = int(number) + (shift if kind != 'dense' else 0)
    return f'{kind}_{number}' if number else kind

  names = ['input_1', *map(renamed, ORDER), 'dropout']
  file.attrs['layer_names'] = [name.encode() for name in names]
  file.create_group('input_1').attrs['weight_names'] = np.zeros(0, 'S1')
  file.create_group('dropout').attrs['weight_names'] = np.zeros(0, 'S1')
  for layer in ORDER:
    group = file.create_group(renamed(layer))
    found = arrays_of(weights, layer)
    paths = {k: f'{inner}{renamed(layer)}/{k}{colon}' for k in found}
    group.attrs['weight_names'] = [path.encode() for path in paths.values()]
    for kind, path in paths.items():
      group[path] = found[kind]


def numbered(file, weights):
  """Writes as Keras 3's save_weights and as the archive holds it."""
  file.create_group('vars')
  file.create_group('optimizer/vars')['0'] = 3
  for layer in ORDER:
    group = file.create_group(f'layers/{layer}/vars')
    for number, array in enumerate(arrays_of(weights, layer).values()):
      group[str(number)] = array
  file.create_group('layers/dropout/vars')


def same(path, weights):
  expected = interop.from_keras(weights)
  found = interop.from_keras(path)
  assert jax.tree.structure(found) == jax.tree.structure(expected)
  jax.tree.map(np.testing.assert_array_equal, found, expected)


@pytest.mark.parametrize('shift', [0, 8])
@pytest.mark.parametrize(('colon', 'inner'), [(':0', ''), ('', 'functional/')])
@pytest.mark.parametrize('below', ['', 'model_weights'])
def test_the_older_layout(tmp_path, weights, shift, colon, inner, below):
  path = tmp_path / 'a.h5'
  with h5py.File(path, 'w') as file:
    root = file.create_group(below) if below else file
    legacy(root, weights, shift, colon, inner)
  same(path, weights)


def test_the_layout_of_keras_3(tmp_path, weights):
  path = tmp_path / 'a.weights.h5'
  with h5py.File(path, 'w') as file:
    numbered(file, weights)
  same(path, weights)
  with zipfile.ZipFile(tmp_path / 'a.keras', 'w', zipfile.ZIP_DEFLATED) as file:
    file.writestr('config.json', '{}')
    file.write(path, 'model.weights.h5')
  same(str(tmp_path / 'a.keras'), weights)


def test_paths_in_another_order(tmp_path, weights):
  """Kernels tell the paths apart, whatever their numbers."""
  swap = {'': '_2', '_1': '', '_2': '_1'}
  swapped = dict(weights)
  for kind in ('conv2d', 'batch_normalization'):
    for new, old in swap.items():
      for array in ARRAYS:
        if f'{kind}{old}/{array}' in weights:
          swapped[f'{kind}{new}/{array}'] = weights[f'{kind}{old}/{array}']
  path = tmp_path / 'a.h5'
  with h5py.File(path, 'w') as file:
    legacy(file, swapped)
  same(path, weights)


@pytest.mark.parametrize('name', ['b.h5', 'b.weights.h5'])
def test_there_and_back(tmp_path, weights, name):
  params, stats = interop.from_keras(weights)
  assert interop.to_keras(params, stats).keys() == weights.keys()
  interop.write_keras_weights(tmp_path / name, params, stats)
  same(tmp_path / name, weights)
  with h5py.File(tmp_path / name) as file:
    if name == 'b.h5':
      listed = [text.decode() for text in file.attrs['layer_names']]
      assert listed == ORDER  # Keras goes by the order
    else:
      assert set(file['layers']) == set(ORDER)


def test_the_spec_of_weights(weights):
  spec = interop.spec_of(interop.from_keras(weights)[0])
  assert (spec.num_classes, spec.filters, len(spec.paths)) == (7, 96, 3)


def test_what_has_no_counterpart(tmp_path, weights):
  params, stats = interop.from_keras(weights)
  del params['joint']
  with pytest.raises(InputError, match="no path 'joint'"):
    interop.to_keras(params, stats)
  params, stats = interop.from_keras(weights)
  with pytest.raises(InputError, match=r'does not end in \.h5'):
    interop.write_keras_weights(tmp_path / 'a.keras', params, stats)


def refuse(path, match):
  with pytest.raises(InputError, match=match) as caught:
    interop.from_keras(path)
  assert '\n' not in str(caught.value)
  assert str(path) in str(caught.value)


def test_files_of_something_else(tmp_path, weights):
  path = tmp_path / 'a.h5'
  refuse(path, 'is not a file')
  path.write_bytes(b'not HDF5')
  refuse(path, 'damaged or not a Keras file')
  with h5py.File(path, 'w') as file:
    file['numbers'] = np.zeros(3)
  refuse(path, 'neither layer_names nor layers')
  few = {k: v for k, v in weights.items() if k != 'dense/bias'}
  with h5py.File(path, 'w') as file:
    legacy(file, few)
  refuse(path, r'no dense/bias of shape \(7,\)')
  with h5py.File(path, 'w') as file:
    legacy(file, {**weights, 'conv2d_3/kernel': np.zeros((5, 5, 96, 64))})
  refuse(path, r'convolution of shape \(5, 5, 96, 64\)')
  with h5py.File(path, 'w') as file:
    legacy(file, {**weights, 'batch_normalization_3/gamma': np.zeros(3)})
  refuse(path, r'no batch_normalization_3/gamma of shape \(64,\)')
  with h5py.File(path, 'w') as file:
    file.attrs['layer_names'] = [b'conv2d']
    group = file.create_group('conv2d')
    group.attrs['weight_names'] = [b'kernel:0']
    group['kernel:0'] = np.zeros((3, 3, 1, 32))
  refuse(path, 'holds 1 convolutions, 0 BatchNorms')


def test_a_file_cut_short(tmp_path, weights):
  path = tmp_path / 'a.h5'
  with h5py.File(path, 'w') as file:
    legacy(file, weights)
  content = path.read_bytes()
  for size in (100, 2000, len(content) // 2, len(content) - 1):
    path.write_bytes(content[:size])
    refuse(path, 'damaged')


def test_links_lead_nowhere(tmp_path, weights):
  """Neither out of the file nor around in it; nor data stored elsewhere."""
  path = tmp_path / 'a.h5'
  secret = tmp_path / 'secret.bin'
  secret.write_bytes(np.arange(7, dtype='<f4').tobytes())
  with h5py.File(tmp_path / 'other.h5', 'w') as file:
    file['bias'] = np.zeros(7)

  def build(change):
    with h5py.File(path, 'w') as file:
      legacy(file, weights)
      del file['dense/dense/bias:0']
      change(file['dense/dense'])

  def virtual(group):
    layout = h5py.VirtualLayout((7,), 'f4')
    layout[:] = h5py.VirtualSource(tmp_path / 'other.h5', 'bias', (7,))
    group.create_virtual_dataset('bias:0', layout)

  other = h5py.ExternalLink(tmp_path / 'other.h5', '/bias')
  build(lambda group: group.__setitem__('bias:0', other))
  refuse(path, 'has a link there')
  build(lambda group: group.__setitem__('bias:0', h5py.SoftLink('/x')))
  refuse(path, 'has a link there')
  build(virtual)
  refuse(path, 'is not an array')
  build(
    lambda group: group.create_dataset(
      'bias:0', (7,), 'f4', external=[(str(secret), 0, 28)]
    )
  )
  refuse(path, 'is not an array')
  build(
    lambda group: group.create_dataset('bias:0', (2**40,), 'f4', chunks=(1,))
  )
  refuse(path, 'is not an array of at most 64 MiB')
  build(lambda group: group.create_dataset('bias:0', (7,), 'i4'))
  refuse(path, 'is not an array')
  with h5py.File(path, 'w') as file:
    legacy(file, weights)
    file['dense'].attrs['weight_names'] = [b'../conv2d/conv2d/kernel:0']
  refuse(path, 'has a link there')


def test_hostile_archives(tmp_path, weights, monkeypatch):
  path = tmp_path / 'a.keras'
  with zipfile.ZipFile(path, 'w') as file:
    file.writestr('config.json', '{}')
  refuse(path, r'without model\.weights\.h5')
  content = io.BytesIO()
  with h5py.File(content, 'w') as file:
    numbered(file, weights)
  with zipfile.ZipFile(path, 'w') as file:
    file.writestr('model.weights.h5', content.getvalue())
  changed = bytearray(path.read_bytes())
  changed[50_000] ^= 255
  path.write_bytes(changed)
  refuse(path, 'damaged')
  with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as file:
    file.writestr('model.weights.h5', bytes(2_000_000))
  monkeypatch.setattr(keras_files, 'MAX_MEMBER_BYTES', 1_000_000)
  refuse(path, 'unpacks to more than')
  monkeypatch.setattr(keras_files, 'MAX_FILE_BYTES', 100)
  refuse(path, 'larger than')


def test_without_h5py(tmp_path, monkeypatch):
  monkeypatch.setitem(sys.modules, 'h5py', None)
  with pytest.raises(InputError, match=r'pip install h5py, or in a clone'):
    interop.from_keras(tmp_path / 'a.h5')
