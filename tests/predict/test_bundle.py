"""Bundles come back as they were; damaged and hostile files are refused."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys

import hypothesis
import jax
import numpy as np
import pytest
import small_model
import two_blocks
from hypothesis import strategies

from sernet_jax.common.errors import InputError
from sernet_jax.features.spec import MfccSpec
from sernet_jax.nn import folded, sizes
from sernet_jax.nn.spec import PAPER_BLOCKS, ModelSpec
from sernet_jax.predict import bundle, models
from sernet_jax.predict.inference import options
from sernet_jax.predict.sessions import formats
from sernet_jax.runs.weights import bundle_file, threshold


@pytest.fixture(scope='module')
def small():
  return small_model.make(corpus='made up')


@pytest.fixture(scope='module')
def content(small, tmp_path_factory):
  path = tmp_path_factory.mktemp('bundle') / 'a.safetensors'
  bundle.save(path, small)
  return path.read_bytes()


def _header(content):
  """Header and numbers; without a seal, as older versions wrote them."""
  end = 8 + int.from_bytes(content[:8], 'little')
  header = json.loads(content[8:end])
  del header['__metadata__']['seal']
  return header, content[end:]


def _file(tmp_path, header, numbers):
  text = header if isinstance(header, bytes) else json.dumps(header).encode()
  path = tmp_path / 'changed.safetensors'
  path.write_bytes(len(text).to_bytes(8, 'little') + text + numbers)
  return path


def _refuse(path, match):
  with pytest.raises(InputError, match=match) as caught:
    bundle.load(path)
  assert str(path) in str(caught.value)
  assert '\n' not in str(caught.value)
  assert len(str(caught.value)) < 700


@pytest.mark.parametrize('dtype', bundle.DTYPES)
def test_comes_back_as_it_was(small, tmp_path, dtype):
  path = tmp_path / 'b.safetensors'
  bundle.save(path, small, dtype)
  found = bundle.load(path)
  for field in dataclasses.fields(bundle.Bundle):
    if field.name != 'folded':
      assert getattr(found, field.name) == getattr(small, field.name)
  for block, arrays in small.folded.items():
    for name, array in arrays.items():
      actual = found.folded[block][name]
      assert actual.dtype == np.float32
      np.testing.assert_array_equal(actual, array.astype(dtype))


def test_other_blocks_are_kept_and_the_papers_are_not_named(
  small, content, tmp_path
):
  header, _ = _header(content)
  assert 'blocks' in json.loads(header['__metadata__']['model'])
  path = tmp_path / 'a.safetensors'
  path.write_bytes(content)
  assert bundle.load(path).model.blocks == two_blocks.BLOCKS
  spec = dataclasses.replace(small.model, blocks=PAPER_BLOCKS)
  paper = dataclasses.replace(
    small,
    model=spec,
    folded=folded.fold(spec, *small_model.weights(spec)),
  )
  bundle.save(path, paper)
  header, _ = _header(path.read_bytes())
  assert 'blocks' not in json.loads(header['__metadata__']['model'])
  assert bundle.load(path).model == spec


def test_size_of_the_release_file(tmp_path):
  """The paper's network in fp16 is below 0.95 MB with its header."""
  spec = ModelSpec()
  full = dataclasses.replace(
    small_model.make(),
    model=spec,
    mfcc=MfccSpec(),
    classes=tuple('abcdefg'),
    folded=folded.fold(spec, *small_model.weights(spec)),
  )
  bundle.save(tmp_path / 'a.safetensors', full)
  assert (tmp_path / 'a.safetensors').stat().st_size < 950_000
  assert full.num_parameters == 460_743


@pytest.mark.parametrize(
  ('name', 'size', 'pooling', 'parameters'),
  [
    ('emodb', 'paper', 'mean', 460_743),
    ('emodb_robust', 'paper', 'statistics', 462_983),
    ('emodb_small', 'small', 'statistics', 104_007),
    ('emodb_tiny', 'tiny', 'statistics', 22_607),
  ],
)
def test_the_weights_in_the_box(name, size, pooling, parameters):
  """Small, trained on all of EMO-DB."""
  path = bundle.release_path(name)
  assert path.stat().st_size < 2 * parameters + 15_000
  found = bundle.load(path)
  assert found.num_parameters == parameters
  assert found.model == sizes.spec(size, pooling=pooling)
  assert found.mfcc == MfccSpec()
  assert found.audio.num_samples == 3 * 16_000
  assert found.feature_kind == 'mfcc'
  assert found.classes == (
    'anger',
    'boredom',
    'disgust',
    'fear',
    'happiness',
    'neutral',
    'sadness',
  )
  assert formats.has_seal(path.read_bytes())
  assert found.about['license'] == 'Apache-2.0'
  assert found.ranges['block1_input'][0] == 0.0  # a mean of ReLU
  assert found.about['protocol'] == 'all'
  assert (found.about['corpus'], found.about['synthetic']) == ('emodb', 'no')
  # All but the first are as sure as they are right.
  calibrated = name != 'emodb'
  assert ('temperature' in found.about) == calibrated
  assert (threshold.kept(found.about) is not None) == calibrated


def test_the_weights_in_the_box_are_small_together():
  files = bundle.release_path().parent.glob('*')
  assert sum(path.stat().st_size for path in files) < 3e6


def test_the_same_bundle_gives_the_same_bytes(content, tmp_path):
  """In another process too, where hashes are seeded anew."""
  (tmp_path / 'a.safetensors').write_bytes(content)
  program = (
    'from sernet_jax.predict import bundle;'
    "bundle.save('again.safetensors', bundle.load('a.safetensors'))"
  )
  subprocess.run(
    [sys.executable, '-c', program],
    check=True,
    cwd=tmp_path,
    env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)},
  )
  assert (tmp_path / 'again.safetensors').read_bytes() == content


def test_other_programs_read_it(content, small):
  """It is plain safetensors: aligned numbers, a header of strings."""
  import safetensors.numpy

  arrays = safetensors.numpy.load(content)
  assert arrays['head/bias'].dtype == np.float16
  assert int.from_bytes(content[:8], 'little') % 8 == 0
  header, _ = _header(content)
  assert json.loads(header['__metadata__']['classes']) == list(small.classes)


@pytest.mark.parametrize('dtype', bundle.DTYPES)
def test_the_order_in_memory_does_not_matter(small, content, tmp_path, dtype):
  """safetensors 0.8 writes a transposed array as its memory lies."""
  turned = jax.tree.map(np.asfortranarray, small.folded)
  assert not turned['head']['kernel'].flags.c_contiguous
  for name, weights in (('plain', small.folded), ('turned', turned)):
    same = dataclasses.replace(small, folded=weights)
    bundle.save(tmp_path / name, same, dtype)
  plain = (tmp_path / 'plain').read_bytes()
  assert (tmp_path / 'turned').read_bytes() == plain
  assert dtype == 'float32' or plain == content


def test_what_fp16_cannot_hold_is_not_written(small, tmp_path):
  weights = {**small.folded, 'head': dict(small.folded['head'])}
  weights['head']['bias'] = np.array([1e5, 0, 0], np.float32)
  loud = dataclasses.replace(small, folded=weights)
  with pytest.raises(InputError, match=r'head/bias holds 1e\+05.*float32'):
    bundle.save(tmp_path / 'a.safetensors', loud)
  assert not list(tmp_path.iterdir())
  bundle.save(tmp_path / 'a.safetensors', loud, 'float32')


@pytest.mark.parametrize(
  ('changes', 'match'),
  [
    ({'classes': ('a', 'b')}, '2 class names for a network of 3'),
    ({'classes': ('a', 'b', 'b')}, 'one twice'),
    ({'classes': ('a', 'b', '')}, '1 to 100'),
    ({'feature_kind': 'mfc'}, "did you mean 'mfcc'"),
    ({'mfcc': MfccSpec(sample_rate_hz=22_050)}, '16000 Hz and .* 22050 Hz'),
    (
      {'model': ModelSpec(3, filters=12, blocks=two_blocks.BLOCKS)},
      'kernel has shape',
    ),
    ({'folded': {}}, 'lack'),
  ],
)
def test_a_bundle_checks_itself(small, changes, match):
  with pytest.raises(InputError, match=match):
    dataclasses.replace(small, **changes)


def test_weights_that_are_not_finite_are_refused(small):
  weights = {**small.folded, 'head': dict(small.folded['head'])}
  weights['head']['bias'] = np.array([np.nan, 0, 0], np.float32)
  with pytest.raises(InputError, match=r'head/bias .*not finite'):
    dataclasses.replace(small, folded=weights)


def test_missing_file_and_folder(tmp_path):
  _refuse(tmp_path / 'none.safetensors', 'does not exist')
  _refuse(tmp_path, 'is not a file')


@pytest.mark.parametrize(
  ('bytes_', 'match'),
  [
    (b'', 'not a safetensors file'),
    (b'12345678', 'not a safetensors file'),
    (b'\x80\x04\x95' + b'a' * 50, 'not a safetensors file'),
    ((2**63).to_bytes(8, 'little') + b'{}', 'header claims 92233'),
    ((10**8).to_bytes(8, 'little') + b'{}', 'header claims 1000'),
    ((50).to_bytes(8, 'little') + b'{}', 'cut short'),
    ((2).to_bytes(8, 'little') + b'{}', 'another program'),
    ((9).to_bytes(8, 'little') + b'{"a": {"a', 'header is broken'),
  ],
)
def test_what_is_no_bundle(tmp_path, bytes_, match):
  path = tmp_path / 'x.safetensors'
  path.write_bytes(bytes_)
  _refuse(path, match)


def test_a_header_nested_too_deep(tmp_path):
  _refuse(_file(tmp_path, b'{"a":' + b'[' * 200_000, b''), 'header')


def test_a_file_too_large_to_be_one(content, tmp_path, monkeypatch):
  monkeypatch.setattr(bundle_file, 'MAX_FILE_BYTES', 1000)
  path = tmp_path / 'x.safetensors'
  path.write_bytes(content)
  _refuse(path, 'more than any bundle')


def test_cut_short_anywhere(content, tmp_path):
  path = tmp_path / 'x.safetensors'
  for size in (7, 8, 100, 2000, len(content) - 1):
    path.write_bytes(content[:size])
    _refuse(path, 'damaged')
  path.write_bytes(content + b'\0')
  _refuse(path, 'damaged')


def _metadata(key, value):
  def change(header):
    header['__metadata__'][key] = value

  return change


def _spec(key, field, value):
  def change(header):
    spec = json.loads(header['__metadata__'][key])
    spec[field] = value
    header['__metadata__'][key] = json.dumps(spec)

  return change


def _tensor(name, field, value):
  def change(header):
    header[name][field] = value

  return change


@pytest.mark.parametrize(
  ('change', 'match'),
  [
    (_metadata('format', 'pt'), 'another program'),
    (_metadata('format_version', '2'), 'newer .*upgrade'),
    (_metadata('format_version', 'x'), "version is 'x'"),
    (_metadata('model', '{'), "'model' in its header is not JSON"),
    (_metadata('model', '[]'), "'model' .*not a JSON object"),
    (_metadata('classes', '["a", "b"]'), '2 class names'),
    (_metadata('classes', '["a", "b", 3]'), 'another type'),
    (_metadata('about', '{"a": 1}'), 'another type'),
    (_metadata('feature_kind', '3'), 'another type'),
    (_metadata('ranges', '[]'), 'ranges in its header are not pairs'),
    (_metadata('ranges', '{"head": [1.0]}'), 'not pairs'),
    (_metadata('ranges', '{"head": [1.0, NaN]}'), 'not pairs'),
    (_metadata('ranges', '{"head": [1.0, -1.0]}'), 'not pairs'),
    (_spec('mfcc', 'fft_size', 2**40), r'mfcc\.fft_size is 1099511627776'),
    (_spec('mfcc', 'num_mel_bands', 10**9), r'more than the 1024 allowed'),
    (_spec('model', 'filters', 3 * 10**9), r'more than the 4096 allowed'),
    (_spec('audio', 'duration_s', 1e12), r'more than the 600 allowed'),
    (_spec('audio', 'duration_s', 600), r'frames by fft_size\), more than'),
    (_spec('audio', 'channel', 'left'), r'data\.channel is .left.'),
    (_spec('audio', 'duration_s', float('nan')), 'duration_s is nan'),
    (_spec('mfcc', 'hop_samples', True), r'mfcc\.hop_samples is True'),
    (_spec('mfcc', 'hop_samples', '256'), r'hop_samples is .256., of another'),
    (_spec('mfcc', 'from_the_future', 1), r"unknown fields \['from_the"),
    (_spec('model', 'paths', ['joint', 'diagonal']), "'diagonal'"),
    (_spec('model', 'num_classes', 4), 'another shape'),
    (_spec('model', 'blocks', 5), r'model\.blocks is 5, of another type'),
    (_spec('model', 'blocks', [[8, [1, 1], None]]), 'its tensors lack'),
    (_spec('model', 'blocks', [[8, [1, 2**30 + 1], None]]), 'at most 64'),
    (_tensor('head/kernel', 'shape', [3, 320]), 'head/kernel has another'),
    (_tensor('head/bias', 'dtype', 'F32'), "'F16', 'F32'"),
    (_tensor('head/bias', 'dtype', 'I16'), "'F16', 'I16'"),
    (_tensor('head/bias', 'data_offsets', [0, 6]), 'damaged'),
    (_tensor('head/bias', 'data_offsets', [-6, 0]), 'damaged'),
    (_tensor('head/bias', 'data_offsets', [2**62, 2**62 + 6]), 'damaged'),
    (lambda header: header.pop('head/bias'), r"lack \['head/bias'\]"),
    (
      lambda header: header.update(extra=dict(header['head/bias'])),
      r"unknown \['extra'\]",
    ),
    (lambda header: header['__metadata__'].pop('mfcc'), "lacks 'mfcc'"),
  ],
)
def test_a_header_that_lies(content, tmp_path, change, match):
  header, numbers = _header(content)
  change(header)
  _refuse(_file(tmp_path, header, numbers), match)


def test_a_name_that_stands_twice(content, tmp_path):
  header, numbers = _header(content)
  text = json.dumps(header)
  entry = json.dumps(header['head/bias'])
  twice = text[:-1] + f', "head/bias": {entry}}}'
  _refuse(_file(tmp_path, twice.encode(), numbers), 'twice')


def test_numbers_that_are_not_finite_in_a_file(content, tmp_path):
  header, numbers = _header(content)
  begin, _ = header['head/bias']['data_offsets']
  changed = bytearray(numbers)
  changed[begin : begin + 2] = np.float16(np.inf).tobytes()
  _refuse(_file(tmp_path, header, bytes(changed)), 'head/bias .*not finite')


@hypothesis.given(
  place=strategies.integers(0, 4000), value=strategies.integers(0, 255)
)
@hypothesis.settings(
  max_examples=50,
  suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
def test_any_byte_of_the_header_changed(content, tmp_path, place, value):
  """One sentence, unless it is what stood there."""
  changed = bytearray(content)
  changed[place] = value
  path = tmp_path / 'x.safetensors'
  path.write_bytes(changed)
  try:
    found = bundle.load(path)
  except InputError as error:
    assert '\n' not in str(error)
  else:
    assert bytes(changed) == content
    assert found.num_parameters


def test_a_bit_of_the_numbers_that_flips_is_noticed(content, tmp_path):
  path = tmp_path / 'x.safetensors'
  begin = 8 + int.from_bytes(content[:8], 'little')
  for place in range(begin, len(content), max(1, len(content) // 50)):
    changed = bytearray(content)
    changed[place] ^= 1
    path.write_bytes(changed)
    _refuse(path, 'is damaged or was not written by')


def test_a_file_of_an_older_version_has_no_seal(content, small, tmp_path):
  path = _file(tmp_path, *_header(content))
  assert bundle.load(path).classes == small.classes


def test_a_damaged_name_of_the_seal_does_not_unseal(content, tmp_path):
  path = tmp_path / 'x.safetensors'
  path.write_bytes(content.replace(b'"seal"', b'"seel"'))
  _refuse(path, 'is damaged or was not written by')


def test_a_network_that_sees_own_frames_alone_is_one_after_reading(tmp_path):
  model = small_model.make()
  spec = dataclasses.replace(model.model, pooling='masked')
  path = tmp_path / 'masked.safetensors'
  bundle.save(path, dataclasses.replace(model, model=spec))
  assert bundle.load(path).model == spec


def test_weights_in_the_box_have_names(tmp_path, monkeypatch):
  assert models.load().name == models.load('emodb').name == 'emodb'
  for name in bundle.RELEASES:
    assert models.load(name).name == name
  # As docs/tutorials/embeddings.md says.
  paths = map(bundle.release_path, bundle.RELEASES)
  widths = [bundle.load(path).model.embedding_size for path in paths]
  assert widths == [320, 640, 320, 192]
  with pytest.raises(InputError, match='neither folds nor selections'):
    models.load('emodb_robust', fold='03')
  with pytest.raises(InputError, match="did you mean 'emodb_robust'"):
    models.load('emodb_robsut')
  # What a user has under that name goes first, but for the folder of a corpus.
  monkeypatch.chdir(tmp_path)
  (tmp_path / 'emodb').mkdir()
  assert models.load('emodb').name == 'emodb'
  options.warn_of('emodb', 'last')
  (tmp_path / 'emodb' / 'config.json').write_text('{}')
  with pytest.raises(InputError, match=r'emodb/config\.json'):
    models.load('emodb')
  (tmp_path / 'emodb_robust').write_text('mine')
  with pytest.raises(InputError, match='no known kind'):
    models.load('emodb_robust')
