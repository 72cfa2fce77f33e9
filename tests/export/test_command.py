"""The command writes files with their reports, and says what is wrong."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json

import numpy as np
import pytest
from exportable import BOUND, bundle

from sernet_jax.audio import reading
from sernet_jax.common import jax_setup
from sernet_jax.export import __main__ as export, targets
from sernet_jax.predict import bundle as bundle_lib, models
from sernet_jax.predict.sessions import formats


def run_command(capsys, *arguments):
  code = export.main([str(argument) for argument in arguments])
  return code, capsys.readouterr()


def test_command_on_a_file(tmp_path, capsys):
  source = tmp_path / 'source.safetensors'
  bundle_lib.save(source, bundle(), 'float32')
  code, printed = run_command(
    capsys, f'--model={source}', '--format=stablehlo', '--precision=fp32'
  )
  assert code == 0
  assert 'made-up sound' in printed.err
  path = tmp_path / 'source_fp32.stablehlo'
  report = json.loads(formats.report_path(path).read_text())
  assert report['sha256'] == hashlib.sha256(path.read_bytes()).hexdigest()
  assert report['heard'] == 'made-up sound'
  assert report['largest_difference'] < BOUND['fp32']
  assert report['same_labels'] == 1
  assert (
    set(report['latency_ms']) == set(report['peak_memory_mib']) == set('12')
  )
  assert 0 < report['latency_ms']['1'] < 10_000
  assert 'stablehlo' in printed.out
  assert models.load(path).name == path.name


def test_without_a_model_the_weights_in_the_package(
  tmp_path, capsys, monkeypatch
):
  monkeypatch.chdir(tmp_path)
  (tmp_path / 'emodb').write_text('a file of this name is none of its business')
  code, _ = run_command(capsys, '--format=safetensors', '--precision=fp32')
  assert code == 0
  path = tmp_path / 'exports' / 'emodb_fp32.safetensors'
  found = bundle_lib.load(path)
  source = bundle_lib.load(bundle_lib.release_path())
  assert found.classes == source.classes
  assert found.about['name'] == 'emodb'
  for block, arrays in source.folded.items():
    for name, array in arrays.items():
      np.testing.assert_array_equal(found.folded[block][name], array)


def test_weights_of_two_sizes_keep_two_names():
  """Both were trained with one config, whose name was theirs."""
  for name in ('emodb_small', 'emodb_tiny'):
    args = argparse.Namespace(model=str(bundle_lib.release_path(name)))
    (found,) = targets.load_bundles(args)
    assert found.about['name'] == name


def test_no_two_folds_share_a_path(tmp_path):
  names = ['a b', 'a_b', 'a/b', '../a', '..', 'a' * 300, 'a' * 301, 'ä', '03']
  bundles = [
    dataclasses.replace(bundle(), about={'fold': name}) for name in names
  ]
  args = argparse.Namespace(output=str(tmp_path), model='', workdir='run')
  pairs = [('onnx', 'fp16'), ('onnx', 'int8')]
  paths = targets.choose_paths(args, bundles, pairs)
  assert len({str(path).casefold() for path in paths.values()}) == 18
  assert {path.parent for path in paths.values()} == {tmp_path}
  assert max(len(path.name) for path in paths.values()) < 200
  assert paths['03', 'onnx', 'fp16'].name == 'fold_03_fp16.onnx'
  one = targets.choose_paths(args, bundles[:1], pairs)
  assert one.items() < paths.items()


def test_misspelt_weights_are_named_before_jax_is_set_up(capsys, monkeypatch):
  def set_up():
    raise AssertionError

  monkeypatch.setattr(jax_setup, 'set_up', set_up)
  code, printed = run_command(capsys, '--model=emodb_tinny')
  assert code == 2
  assert printed.err == (
    'error: --model=emodb_tinny does not exist; give a .safetensors file, or '
    'weights of the package, emodb, emodb_robust, emodb_small or emodb_tiny: '
    "did you mean 'emodb_tiny'?\n"
  )


@pytest.mark.parametrize(
  ('arguments', 'words'),
  [
    (['--model=a', '--workdir=b'], 'one of them'),
    (['--fold=03'], '--workdir'),
    (['--model=none.safetensors'], 'does not exist'),
    (['--workdir=none'], 'none'),
    (['--model=a', '--format=onx'], "'onnx'"),
    (['--model=a', '--format=safetensors', '--precision=int8'], 'int8'),
    (['--model=a', '--precision=fp8'], 'fp8'),
    (['--model=a', '--license=\x1b[2J'], '--license has control characters'),
    (['--model=a', f'--license={"x" * 1001}'], 'or more than 1000 in all'),
    (
      ['--model=a', '--format=onnx,onnx'],
      '--format=onnx,onnx names onnx twice',
    ),
    (['--model=a', '--precision=fp16,all'], 'names all beside others'),
    (['--model=SOURCE', '--fold=03'], 'neither folds'),
    (
      ['--model=SOURCE', '--format=stablehlo', '--calibration=x'],
      'add --precision=int8, or leave',
    ),
    (['--model=SOURCE', '--format=c', '--precision=fp16'], 'it has int8'),
    (
      ['--model=a', '--format=c,onnx', '--precision=fp32'],
      '--format=c has no fp32; it has int8, so give --precision=int8 as well',
    ),
    (
      ['--model=SOURCE', '--format=onnx,tflite', '--output=x.onnx'],
      '--output=x.onnx is the name of one file, but 2 are to be written',
    ),
    (
      ['--model=SOURCE', '--format=onnx', '--output=SOURCE/'],
      'source.safetensors does not end in .onnx',
    ),
    (
      ['--model=SOURCE', '--format=onnx', '--output=FILE'],
      'text is a file, where a folder is needed; choose another --output',
    ),
    (
      ['--model=SOURCE', '--format=stablehlo', '--output=FILE/x.stablehlo'],
      'cannot be created (File exists); choose another --output',
    ),
    (
      [
        *('--model=SOURCE', '--format=tflite', '--precision=int8'),
        '--calibration=CLICKS',
      ],
      'clicks: every recording is silent once it is scaled; give others',
    ),
    (['--model=SOURCE', '--format=c'], '--calibration'),
    (['--model=SOURCE', '--format=tflite', '--output=x.onnx'], '.tflite'),
    (['--model=SOURCE', '--format=onnx', '--precision=int8'], '--calibration'),
    (
      ['--model=SOURCE', '--output=SOURCE'],
      'source.safetensors is the model i',
    ),
  ],
)
def test_mistakes_are_one_sentence(tmp_path, capsys, arguments, words):
  source = tmp_path / 'source.safetensors'
  bundle_lib.save(source, bundle(), 'float16')
  content = source.read_bytes()
  (tmp_path / 'text').write_text('')
  clicks = tmp_path / 'clicks'
  clicks.mkdir()
  samples = np.full(2000, 0.1)
  samples[1000] = 0.5  # above an offset, of which scaling leaves a constant
  reading.write_wav(clicks / 'a.wav', samples, 16_000)
  paths = {'SOURCE': source, 'FILE': tmp_path / 'text', 'CLICKS': clicks}
  before = {path.name for path in tmp_path.iterdir()}
  for word, path in paths.items():
    arguments = [one.replace(word, str(path)) for one in arguments]
  code, printed = run_command(capsys, *arguments)
  assert code == 2
  assert printed.out == ''
  assert {path.name for path in tmp_path.iterdir()} == before
  assert words in printed.err
  assert printed.err.splitlines()[-1].startswith('error: ')
  assert source.read_bytes() == content


def test_a_folder_may_have_the_name_of_a_file(tmp_path, capsys):
  source = tmp_path / 'source.safetensors'
  bundle_lib.save(source, bundle(), 'float32')
  folder = tmp_path / 'v1.2 of mine.safetensors'
  folder.mkdir()
  code, _ = run_command(capsys, f'--model={source}', f'--output={folder}')
  assert code == 0
  assert {path.name for path in folder.iterdir()} == {
    'source_fp16.safetensors',
    'source_fp16.safetensors.json',
  }


def test_every_format_that_is_named_is_written_or_refused():
  pairs = targets.choose_pairs('c,onnx', 'fp32,int8')
  assert pairs == [('c', 'int8'), ('onnx', 'fp32'), ('onnx', 'int8')]
  assert targets.choose_pairs('c,onnx', '') == [('c', 'int8'), ('onnx', 'fp16')]
  assert dict(targets.choose_pairs('all', 'int8')) == {
    'onnx': 'int8',
    'tflite': 'int8',
  }


def test_a_link_to_itself_and_controls_in_a_name_do_no_harm(tmp_path, capsys):
  source = tmp_path / 'source.safetensors'
  bundle_lib.save(source, bundle(), 'float32')
  path = tmp_path / 'a\x1b[31m.safetensors'
  path.symlink_to(path.name)
  code, printed = run_command(capsys, f'--model={source}', f'--output={path}')
  assert code == 0
  assert path.is_file()
  assert '\x1b' not in printed.out
  assert f'{tmp_path}/a\\x1b[31m.safetensors (made-up sound)' in printed.out
