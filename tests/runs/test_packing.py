"""Binary weights on disk: bits, read back equal; files that lie about them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import small_networks

from sernet_jax import features
from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common.errors import InputError
from sernet_jax.nn import network, networks
from sernet_jax.nn.networks import packing
from sernet_jax.runs.weights import bundle as bundle_lib


def made(name):
  """A bundle of wide layers, whose bits fill the file."""
  fields = {**small_networks.SMALL[name], 'bands': 40, 'linear': 512}
  spec = networks.make(name, num_classes=3, **fields)
  params, stats = small_networks.weights(spec)
  return bundle_lib.Bundle(
    model=spec,
    mfcc=features.PRESETS['chen2018'],
    feature_kind='log_mel_deltas',
    audio=AudioSpec(16_000, 0.5),
    classes=('a', 'b', 'c'),
    folded=network.fold(spec, params, stats),
  )


@pytest.fixture(scope='module')
def binary():
  return made('bcrnn')


def header_of(path):
  content = path.read_bytes()
  size = int.from_bytes(content[:8], 'little')
  return json.loads(content[8 : 8 + size]), content[8 + size :]


def write(path, header, content):
  header['__metadata__'].pop('seal', None)
  text = json.dumps(header).encode()
  text += b' ' * (-len(text) % 8)
  path.write_bytes(len(text).to_bytes(8, 'little') + text + content)


@pytest.mark.parametrize('dtype', bundle_lib.DTYPES)
def test_what_is_written_is_read_back(binary, dtype, tmp_path):
  path = tmp_path / 'model.safetensors'
  bundle_lib.save(path, binary, dtype)
  again = bundle_lib.load(path)
  assert again.model == binary.model
  for layer, arrays in binary.folded.items():
    for name, values in arrays.items():
      found = again.folded[layer][name]
      assert found.dtype == np.float32
      if f'{layer}/{name}' in binary.model.binary:
        np.testing.assert_array_equal(found > 0, values > 0)
      expected = values.astype(dtype).astype(np.float32)
      np.testing.assert_array_equal(found, expected)


def test_a_binary_weight_takes_a_thirty_second_of_a_float(binary, tmp_path):
  sizes = {}
  for name in ('bcrnn', 'acrnn'):
    path = tmp_path / f'{name}.safetensors'
    bundle_lib.save(path, made(name), 'float32')
    header, content = header_of(path)
    sizes[name] = len(content)
    places = {
      key: entry['data_offsets']
      for key, entry in header.items()
      if key != '__metadata__'
    }
    for key in binary.model.binary:
      layer, _, array = key.partition('/')
      full = binary.folded[layer][array].nbytes
      if name == 'acrnn':
        assert places[key][1] - places[key][0] == full
      else:
        start, end = places[f'{key}/signs']
        assert end - start == -(-full // 32)
  assert sizes['bcrnn'] < sizes['acrnn'] / 12  # with all that is not binary
  assert sizes['bcrnn'] == packing.num_bytes(binary.model, 4)


def test_bits_are_in_the_order_of_the_array(binary):
  spec = binary.model
  (name, *_) = spec.binary
  layer, array = name.split('/')
  flat = {f'{a}/{b}': v for a, t in binary.folded.items() for b, v in t.items()}
  packed = packing.packed(spec, flat)
  weights = binary.folded[layer][array].ravel()
  first = packed[f'{name}/signs'][1]
  assert [bool(first >> (7 - k) & 1) for k in range(8)] == list(
    weights[8:16] > 0
  )


@pytest.mark.parametrize(
  ('change', 'match'),
  [
    ({'dtype': 'I8'}, r'signs is I8, where binary weights alone are U8'),
    ({'shape': [3]}, r'signs has another shape'),
  ],
)
def test_a_file_that_says_otherwise_is_one_sentence(
  binary, change, match, tmp_path
):
  path = tmp_path / 'model.safetensors'
  bundle_lib.save(path, binary, 'float32')
  header, content = header_of(path)
  (name, *_) = packing.signs(binary.model)
  header[name] |= change
  write(path, header, content)
  with pytest.raises(InputError, match=match):
    bundle_lib.load(path)


def test_other_numbers_may_not_be_bytes(binary, tmp_path):
  path = tmp_path / 'model.safetensors'
  bundle_lib.save(path, binary, 'float32')
  header, content = header_of(path)
  header['head/bias']['dtype'] = 'U8'
  write(path, header, content)
  with pytest.raises(InputError, match=r'head/bias is U8'):
    bundle_lib.load(path)
