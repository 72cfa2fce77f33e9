"""Exported files give what the JAX model gives, and refuse what they cannot."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json

import jax
import numpy as np
import pytest
from exportable import AUDIO, CLASSES, FRONT, bundle, heard

from sernet_jax import features
from sernet_jax.audio import segments
from sernet_jax.common.errors import InputError
from sernet_jax.export import (
  __main__ as export,
  chain as export_chain,
  checking,
  writing,
)
from sernet_jax.export.emitters import eager
from sernet_jax.features import kinds
from sernet_jax.predict import (
  bundle as bundle_lib,
  exported,
  models,
  recognizer,
)
from sernet_jax.predict.sessions import formats, waveform

# 11 frames of 13 coefficients: maps of odd sizes all the way down.
LIBRARY = {'onnx': 'onnxruntime', 'tflite': 'ai_edge_litert'}
PAIRS = [
  (kind, precision)
  for kind, precisions in formats.PRECISIONS.items()
  for precision in precisions
]
# Of probabilities: float32 rounding, fp16 kernels, 8-bit kernels and maps.
BOUND = {'fp32': 2e-5, 'fp16': 5e-3, 'int8': 0.1}


@functools.cache
def expected():
  return checking.expected(bundle(), heard())


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  return tmp_path_factory.mktemp('exports')


@pytest.fixture(scope='module')
def exported_file(folder):
  """A function (format, precision) -> path; each is written once."""

  @functools.cache
  def write(kind, precision):
    if kind in LIBRARY:
      pytest.importorskip(LIBRARY[kind])
      pytest.importorskip('onnx' if kind == 'onnx' else 'flatbuffers')
    path = folder / f'model_{precision}.{kind}'
    writing.write(path, bundle(), kind, precision, heard())
    return path

  return write


def recordings():
  """Long, short, quiet, and with zeros of its own at the ends."""
  random = np.random.default_rng(5)
  length = AUDIO.num_samples
  loud = random.normal(size=length + 501)
  quiet = 1e-4 * random.normal(size=length)
  short = random.normal(size=length // 3)
  edges = random.normal(size=length)
  edges[:100] = edges[-37:] = 0
  click = np.zeros(length)
  click[length // 2] = 0.3
  return [np.float32(x) for x in (loud, quiet, short, edges, click)]


def raw_and_prepared():
  length = AUDIO.num_samples
  cuts = [segments.cut(x, AUDIO)[0] for x in recordings()]
  raw = np.stack([waveform.padded(x, length) for x in cuts])
  return raw, np.stack([segments.prepare(x, length) for x in recordings()])


def test_scale_inside_a_file_is_that_of_training():
  raw, prepared = raw_and_prepared()
  found = export_chain.scaled(eager.Eager(), raw, AUDIO.num_samples)
  np.testing.assert_allclose(found, prepared, atol=3e-7)


def test_scale_leaves_prepared_segments_alone():
  _, prepared = raw_and_prepared()
  ready = waveform.unscaled(prepared)
  found = export_chain.scaled(eager.Eager(), ready, AUDIO.num_samples)
  np.testing.assert_allclose(found, prepared, atol=1e-6)


def test_silence_gives_no_nan():
  silence = np.zeros((2, AUDIO.num_samples), np.float32)
  found = export_chain.scaled(
    eager.Eager(), waveform.unscaled(silence), AUDIO.num_samples
  )
  np.testing.assert_array_equal(found, silence)


@pytest.mark.parametrize(
  ('kind', 'name'),
  [(kind, 'paper') for kind in kinds.KINDS]
  + [('mfcc', name) for name in features.PRESETS if name != 'paper'],
)
def test_front_end_of_the_chain_is_that_of_training(kind, name):
  spec = features.PRESETS[name]
  random = np.random.default_rng(1)
  sound = np.float32(random.uniform(-1, 1, (2, 3000)))
  want = np.asarray(kinds.KINDS[kind].compute(sound, spec))

  @jax.jit
  def chain(x):
    return export_chain.features(eager.Eager(), x, 3000, kind, spec)

  found = chain(sound)
  assert found.shape == want.shape
  np.testing.assert_allclose(
    found, want, atol=2e-6 * max(100, np.abs(want).max()), rtol=1e-5
  )


@pytest.mark.parametrize(('kind', 'precision'), PAIRS)
def test_file_gives_the_probabilities_of_the_model(
  exported_file, kind, precision
):
  runner = models.load(exported_file(kind, precision))
  assert runner.classes == CLASSES
  assert (runner.audio, runner.mfcc, runner.feature_kind) == (
    AUDIO,
    FRONT,
    'mfcc',
  )
  found = runner(heard().prepared)
  assert found.shape == (len(heard().prepared), len(CLASSES))
  assert expected().std(axis=0).max() > 0.01  # else agreement says nothing
  np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
  np.testing.assert_allclose(found, expected(), atol=BOUND[precision])
  if kind != 'safetensors':  # Half of the sound is short, with zeros around.
    path = exported_file(kind, precision)
    run = formats.session(path, path.read_bytes())
    found = run(heard().raw)
    np.testing.assert_allclose(found, expected(), atol=BOUND[precision])


@pytest.mark.parametrize('kind', ['stablehlo', 'onnx', 'tflite'])
def test_file_takes_raw_sound_in_batches_of_any_size(exported_file, kind):
  path = exported_file(kind, 'fp32')
  run = formats.session(path, path.read_bytes())
  raw, prepared = raw_and_prepared()
  want = recognizer.Recognizer([bundle()])(prepared)
  for part in (slice(0, 1), slice(0, 3), slice(2, 5), slice(4, 5)):
    np.testing.assert_allclose(run(raw[part]), want[part], atol=1e-5)


@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
def test_stablehlo_runs_without_this_package(exported_file, precision):
  content = exported_file('stablehlo', precision).read_bytes()
  program = jax.export.deserialize(bytearray(content))
  assert set(program.platforms) == {'cpu', 'cuda', 'tpu'}
  found = program.call(heard().raw[:3])
  np.testing.assert_allclose(found, expected()[:3], atol=BOUND[precision])


@pytest.mark.parametrize('kind', ['onnx', 'tflite'])
def test_operators_are_standard_ones(exported_file, kind):
  content = exported_file(kind, 'int8').read_bytes()
  if kind == 'onnx':
    import onnx

    graph = onnx.load_from_string(content)
    assert {node.domain for node in graph.graph.node} == {''}
    opsets = {one.domain: one.version for one in graph.opset_import}
    assert opsets[''] == 17
    assert graph.ir_version == 8
  else:
    from ai_edge_litert import schema_py_generated as schema

    file = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    custom = schema.BuiltinOperator.CUSTOM
    assert all(code.builtinCode != custom for code in file.operatorCodes)
    assert all(code.customCode is None for code in file.operatorCodes)


@pytest.mark.parametrize('kind', ['onnx', 'tflite'])
def test_sizes_follow_the_precision(exported_file, kind):
  sizes = {
    precision: exported_file(kind, precision).stat().st_size
    for precision in ('fp32', 'fp16', 'int8')
  }
  weights = {
    precision: writing.weights_bytes(bundle(), kind, precision)
    for precision in sizes
  }
  assert round(weights['fp16'] / 2**20, 2) == 0.88
  assert weights['int8'] < 500_000
  for precision, size in sizes.items():
    # Front end and structure come on top.
    assert weights[precision] < size < weights[precision] + 120_000


@pytest.mark.parametrize('kind', ['stablehlo', 'onnx', 'tflite'])
class TestBadFiles:
  def check(self, path, words):
    with pytest.raises(InputError) as caught:
      models.load(path)
    text = str(caught.value)
    assert str(path) in text
    assert words in text
    assert '\n' not in text

  def copy(self, exported_file, kind, tmp_path, change):
    path = tmp_path / f'changed.{kind}'
    path.write_bytes(change(exported_file(kind, 'fp16').read_bytes()))
    return path

  @pytest.mark.parametrize('share', [0.0, 0.0001, 0.5, 0.999])
  def test_cut_short(self, exported_file, kind, tmp_path, share):
    path = self.copy(
      exported_file, kind, tmp_path, lambda x: x[: int(share * len(x))]
    )
    self.check(path, 'again')

  @pytest.mark.parametrize('place', [0.001, 0.4, 0.8, 0.9999])
  def test_one_flipped_bit(self, exported_file, kind, tmp_path, place):
    def flip(content):
      damaged = bytearray(content)
      damaged[int(place * len(content))] ^= 1
      return damaged

    self.check(self.copy(exported_file, kind, tmp_path, flip), 'again')

  def test_foreign(self, exported_file, kind, tmp_path):
    path = self.copy(exported_file, kind, tmp_path, lambda x: b'x' * 5000)
    self.check(path, 'again')

  def test_not_the_file_of_its_report(self, exported_file, kind, tmp_path):
    path = self.copy(exported_file, kind, tmp_path, lambda x: x)
    report = formats.report_path(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    report.write_text(json.dumps({'sha256': digest}))
    models.load(path)
    report.write_text(json.dumps({'sha256': 64 * '0'}))
    self.check(path, 'is not the file that')

  @pytest.mark.parametrize(
    ('change', 'words'),
    [
      ({'classes': '["one", "two"]'}, 'outputs and 2 class'),
      ({'audio': json.dumps({**vars(AUDIO), 'duration_s': 3.0})}, 'samples'),
      ({'audio': '{}'}, 'audio in its header'),
      ({'format': 'other'}, 'another program'),
      ({'format_version': '99'}, 'newer'),
    ],
  )
  def test_made_for_other_specs(self, kind, tmp_path, change, words):
    if kind in LIBRARY:
      pytest.importorskip(LIBRARY[kind])
    path = tmp_path / f'other.{kind}'
    said = {**bundle_lib.metadata(bundle()), **change}
    module = __import__(f'sernet_jax.export.to_{kind}', fromlist=['convert'])
    path.write_bytes(module.convert(bundle(), 'fp32', said))
    self.check(path, words)


def test_missing_library_is_one_sentence(exported_file, monkeypatch):
  path = exported_file('onnx', 'fp32')
  import builtins

  real = builtins.__import__

  def refuse(name, *rest, **more):
    if name.startswith('onnx'):
      raise ImportError(name, name=name)
    return real(name, *rest, **more)

  monkeypatch.setattr(builtins, '__import__', refuse)
  with pytest.raises(InputError, match=r"pip install 'sernet_jax\[onnx\]'"):
    exported.Exported(path)
  with pytest.raises(InputError, match=r"pip install 'sernet_jax\[onnx\]'"):
    writing.write(path, bundle(), 'onnx', 'fp32')


def run_command(capsys, *arguments):
  code = export.main([str(argument) for argument in arguments])
  return code, capsys.readouterr()


def test_command_on_a_file(tmp_path, capsys):
  source = tmp_path / 'source.safetensors'
  bundle_lib.save(source, bundle(), 'float32')
  code, said = run_command(
    capsys, f'--model={source}', '--format=stablehlo', '--precision=fp32'
  )
  assert code == 0
  assert 'made-up sound' in said.err
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
  assert 'stablehlo' in said.out
  assert models.load(path).name == path.name


def test_without_a_model_the_weights_in_the_package(
  tmp_path, capsys, monkeypatch
):
  monkeypatch.chdir(tmp_path)
  code, _ = run_command(capsys, '--format=safetensors', '--precision=fp32')
  assert code == 0
  path = tmp_path / 'exports' / 'emodb_fp32.safetensors'
  found = bundle_lib.load(path)
  source = bundle_lib.load(bundle_lib.release_path())
  assert found.classes == source.classes
  for block, arrays in source.folded.items():
    for name, array in arrays.items():
      np.testing.assert_array_equal(found.folded[block][name], array)


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
    (['--model=SOURCE', '--fold=03'], 'neither folds'),
    (['--model=SOURCE', '--format=tflite', '--output=x.onnx'], '.tflite'),
    (['--model=SOURCE', '--format=onnx', '--precision=int8'], '--calibration'),
  ],
)
def test_mistakes_are_one_sentence(tmp_path, capsys, arguments, words):
  source = tmp_path / 'source.safetensors'
  bundle_lib.save(source, bundle(), 'float16')
  arguments = [one.replace('SOURCE', str(source)) for one in arguments]
  code, said = run_command(capsys, *arguments)
  assert code == 2
  assert said.out == ''
  assert words in said.err
  assert said.err.splitlines()[-1].startswith('error: ')


def test_summary_pools_counts():
  def report(theirs, ours, difference):
    return {
      'format': 'onnx',
      'precision': 'int8',
      'num_recordings': int(np.sum(theirs)),
      'same_labels': 0.5,
      'largest_difference': difference,
      'confusion_jax': theirs,
      'confusion_file': ours,
      'file_bytes': 10,
      'weights_bytes': 8,
      'latency_ms': {'1': 3.0, '2': 2.0},
      'peak_memory_mib': {'1': 50.0, '2': 50.0},
    }

  rows = checking.summary(
    [
      report([[2, 0], [0, 2]], [[2, 0], [1, 1]], 0.1),
      report([[0, 0], [0, 4]], [[0, 0], [0, 4]], 0.3),
    ]
  )
  assert len(rows) == 1
  assert rows[0]['num_recordings'] == 8
  assert rows[0]['largest_difference'] == 0.3
  assert rows[0]['jax']['uar'] == 1.0
  assert rows[0]['lost']['wa'] == pytest.approx(1 / 8)
  assert rows[0]['lost']['uar'] == pytest.approx(1 / 12)


def test_made_up_specs_do_not_pass_unseen(tmp_path):
  """A bundle of another front end gives another file, not the same one."""
  other = dataclasses.replace(
    bundle(), mfcc=dataclasses.replace(FRONT, window='hann')
  )
  paths = [tmp_path / 'a.stablehlo', tmp_path / 'b.stablehlo']
  for path, one in zip(paths, (bundle(), other), strict=True):
    writing.write(path, one, 'stablehlo', 'fp32')
  first, second = (models.load(path)(heard().prepared) for path in paths)
  assert np.abs(first - second).max() > 1e-4
