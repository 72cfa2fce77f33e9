"""The file for TensorFlow Lite Micro runs there, in 8 bits throughout."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess

import c_sources
import numpy as np
import pytest
import tiny

from sernet_jax import features
from sernet_jax.audio import reading, segments
from sernet_jax.common.errors import InputError
from sernet_jax.export.device import arena, micro_folder
from sernet_jax.export.emitters import int8
from sernet_jax.nn import folded
from sernet_jax.predict import bundle as bundle_lib
from sernet_jax.predict.recognizer import Recognizer

pytest.importorskip('ai_edge_litert')


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  path = tmp_path_factory.mktemp('micro')
  micro_folder.write(path, c_sources.small_bundle())
  return path


@pytest.fixture(scope='module')
def report(folder):
  return json.loads((folder / 'model.json').read_text())


def heard():
  """Features (recordings, frames, coefficients) and what JAX says of them."""
  bundle = c_sources.small_bundle()
  random = np.random.default_rng(0)
  swell = np.sin(np.arange(9600) / 900) ** 2
  waves = [
    random.normal(size=9600) * swell + np.sin(np.arange(9600) * 0.05 * i)
    for i in range(1, 7)
  ]
  sounds = np.stack([segments.prepare(wave, 9600) for wave in waves])
  x = np.asarray(features.mfcc(sounds, bundle.mfcc))
  return x, np.asarray(
    folded.probabilities(bundle.model, bundle.folded, x[..., None])
  )


def model_of(folder):
  from ai_edge_litert import schema_py_generated as schema

  content = (folder / 'model.tflite').read_bytes()
  return schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0)), schema


def test_probabilities_are_those_of_jax(folder, report):
  runtime = pytest.importorskip('tflite_micro').runtime
  interpreter = runtime.Interpreter.from_file(
    str(folder / 'model.tflite'), arena_size=report['arena_bytes']
  )
  scale = report['input']['scale'], report['input']['zero_point']
  x, expected = heard()
  out = report['output']
  for one, probabilities in zip(x, expected, strict=True):
    interpreter.set_input(int8.quantized(one[None, ..., None], scale), 0)
    interpreter.invoke()
    whole = interpreter.get_output(0)[0]
    assert whole.dtype == np.int8
    actual = (whole - float(out['zero_point'])) * out['scale']
    np.testing.assert_allclose(actual, probabilities, atol=0.03)
  assert np.ptp(expected, axis=0).max() > 0.05


def test_the_arena_is_the_smallest(folder, report, capfd):
  runtime = pytest.importorskip('tflite_micro').runtime
  content = (folder / 'model.tflite').read_bytes()
  assert report['arena_measured_with'] == arena.version()
  with pytest.raises(RuntimeError):
    runtime.Interpreter.from_bytes(
      content, arena_size=report['arena_bytes'] - 16
    )
  assert (
    f'SERNET_ARENA_BYTES {report["arena_bytes"]}\n'
    in (folder / 'model.h').read_text()
  )


def test_without_the_interpreter_nothing_is_said_of_an_arena(
  tmp_path, monkeypatch
):
  monkeypatch.setattr(arena, 'version', lambda: None)
  said = micro_folder.write(tmp_path, c_sources.small_bundle())
  assert 'tflite-micro' in said
  assert 'define SERNET_ARENA_BYTES' not in (tmp_path / 'model.h').read_text()
  report = json.loads((tmp_path / 'model.json').read_text())
  assert report['arena_bytes'] is None


@pytest.mark.parametrize('least', [1, 16, 17, 1000, 4096])
def test_the_search_for_the_smallest(least):
  found = arena.smallest(lambda size: size >= least, 4096)
  assert found == -(-least // 16) * 16


def test_every_map_is_int8_and_the_batch_is_1(folder, report):
  model, schema = model_of(folder)
  (graph,) = model.subgraphs
  kinds = {tensor.type for tensor in graph.tensors}
  assert kinds == {schema.TensorType.INT8, schema.TensorType.INT32}
  (source,), (result,) = graph.inputs, graph.outputs
  assert list(graph.tensors[source].shape) == report['input']['shape']
  assert list(graph.tensors[result].shape) == [1, 3]
  assert all(t.shapeSignature is None for t in graph.tensors)
  names = {value: name for name, value in vars(schema.BuiltinOperator).items()}
  codes = [names[code.builtinCode] for code in model.operatorCodes]
  assert codes == report['operators']
  assert set(codes) <= set(micro_folder._METHODS)


def test_what_a_program_must_know_is_beside_the_file(folder, report):
  bundle = c_sources.small_bundle()
  assert report['classes'] == list(bundle.classes)
  assert report['license'] == 'MIT'
  assert (report['sample_rate_hz'], report['samples']) == (16_000, 9600)
  assert report['model']['mfcc']['hop_samples'] == 256
  model, _ = model_of(folder)
  (note,) = [one for one in model.metadata if one.name == b'sernet_jax']
  texts = json.loads(bytes(model.buffers[note.buffer].data))
  assert json.loads(texts['classes']) == list(bundle.classes)
  assert json.loads(texts['about'])['license'] == 'MIT'


def test_the_sources_hold_the_file(folder, tmp_path):
  compiler = shutil.which('c++')
  if compiler is None:
    pytest.skip('there is no C++ compiler')
  (tmp_path / 'main.cc').write_text(
    '#include <cstdio>\n#include "model.h"\n'
    'struct Counter { int n = 0; void AddConv2D() { n++; }'
    ' void AddAveragePool2D() { n++; } void AddConcatenation() { n++; }'
    ' void AddMean() { n++; } void AddFullyConnected() { n++; }'
    ' void AddSoftmax() { n++; } };\n'
    'int main() { Counter counter; sernet_add_operators(counter);'
    ' std::fwrite(sernet_model, 1, SERNET_MODEL_BYTES, stdout);'
    ' std::fputs(sernet_classes[SERNET_CLASSES - 1], stdout);'
    ' return counter.n == SERNET_OPERATORS ? 0 : 1; }\n'
  )
  program = tmp_path / 'main'
  sources = [str(tmp_path / 'main.cc'), str(folder / 'model.cc')]
  flags = ['-std=c++11', '-Wall', '-Wextra', '-Werror', f'-I{folder}']
  subprocess.run([compiler, *flags, *sources, '-o', str(program)], check=True)
  done = subprocess.run([str(program)], capture_output=True, check=True)
  last = c_sources.small_bundle().classes[-1].encode()
  assert done.stdout == (folder / 'model.tflite').read_bytes() + last


def snippets():
  """Printed: features of a recording to a file, the file to a label."""
  text = (tiny.ROOT / 'docs' / 'export.md').read_text()
  section = text.split('## TensorFlow Lite Micro')[1].split('\n## ')[0]
  return re.findall(r'^```python\n(.*?)^```$', section, re.M | re.S)


def test_the_snippet_of_the_page_as_printed(folder, tmp_path, monkeypatch):
  pytest.importorskip('tflite_micro')
  _, snippet = snippets()
  assert len([line for line in snippet.splitlines() if line]) <= 11
  shutil.copytree(folder, tmp_path / 'runs' / 'emodb_tiny_tflite_micro')
  monkeypatch.chdir(tmp_path)
  x, expected = heard()
  for one, probabilities in zip(x, expected, strict=True):
    np.save('runs/features.npy', one)
    names = {}
    exec(compile(snippet, 'export.md', 'exec'), names)
    best = c_sources.small_bundle().classes[probabilities.argmax()]
    assert names['label'] == best


def test_the_snippets_need_nothing_but_the_page(tmp_path, monkeypatch):
  """A recording to its label, by the weights that the page names."""
  pytest.importorskip('tflite_micro')
  bundle = bundle_lib.load(bundle_lib.release_path('emodb_tiny'))
  monkeypatch.chdir(tmp_path)
  with monkeypatch.context() as patch:
    patch.setattr(arena, 'version', lambda: None)  # which takes a while
    micro_folder.write(tmp_path / 'runs' / 'emodb_tiny_tflite_micro', bundle)
  random = np.random.default_rng(0)
  sound = random.normal(size=48_000) * np.sin(np.arange(48_000) / 5000)
  reading.write_wav('recording.wav', 0.1 * sound, 16_000)
  names = {}
  for snippet in snippets():
    exec(compile(snippet, 'export.md', 'exec'), names)
  samples = segments.load_segments('recording.wav', bundle.audio)
  (expected,) = Recognizer([bundle])(samples)
  assert names['label'] == bundle.classes[expected.argmax()]


def test_what_it_cannot_express_is_refused(tmp_path):
  bundle = dataclasses.replace(c_sources.small_bundle(), ranges={})
  with pytest.raises(InputError, match='--calibration'):
    micro_folder.write(tmp_path / 'm', bundle)
  assert not (tmp_path / 'm').exists()


def test_files_of_others_are_not_replaced(folder, tmp_path):
  again = shutil.copytree(folder, tmp_path / 'again')
  micro_folder.write(again, c_sources.small_bundle())  # over its own
  for name in ('model.h', 'model.json', 'model.tflite'):
    mine = tmp_path / name.replace('.', '_')
    mine.mkdir()
    (mine / name).write_text('{"format": "sernet_jax web"}')
    if name == 'model.tflite':
      (mine / name).write_bytes(b'TFL3')
    with pytest.raises(InputError, match=rf'{name} is there already'):
      micro_folder.write(mine, c_sources.small_bundle())
    assert [path.name for path in mine.iterdir()] == [name]
