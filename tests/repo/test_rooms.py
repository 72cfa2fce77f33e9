"""A file imports only from its own floor or the floors below.

Facts lie at the bottom, the doors that people enter by at the top. Imports
inside functions count too.
"""

from __future__ import annotations

import ast
import functools
import graphlib
import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
PACKAGE = ROOT / 'sernet_jax'

FLOORS = (
  # 0: facts
  'common.errors features.mel features.spec nn.spec corpora.utterances corpora.registry corpora.readers.iemocap corpora.readers.manifest audio.containers '
  'audio.reading corpora.protocols results.metrics nn.cost corpora.synthetic.speech corpora.synthetic.voice corpora.synthetic.source_filter common.files results.caveats audio.timeline '
  'predict.sessions.waveform results.statistics sweep.worker corpora.readers.catalog corpora.readers.acted corpora.readers.audformat_tables '
  'corpora.joined corpora.vocabulary corpora.cross_protocols sweep.comparable predict.sessions.seal    '
  ' common.machine common.progress_bar training.specs results.selections corpora.specs audio.spec',
  # 1: pure JAX, and the canvas that figures are drawn on
  'features features.postprocess features.blocks features.spectral features.fft '
  'features.framing features.presets features.streaming features.tables features.augment nn.model nn.kernels.winograd '
  'nn.kernels.ops training.losses training.optim training.keys results.figures.style nn.folded export.chain export.eager nn.parallel '
  'nn.kernels.precision nn.kernels.path_ops nn.ready_blocks nn.kernels.taps',
  # 2: an experiment
  'training.batching training.recipes training.evaluation training.train_step training.batch_norm_statistics results.run_folder results.environment results.figures.run_plots results.figures.recording_plot results.figures.comparison_plots '
  'results.figures.matrix_plots training.mapping training.device_layout',
  # 3: the outside world
  'nn.interop runs.checkpoint corpora.feature_cache common.fetch corpora.inspection common.interrupt results.report '
  'runs.tensorboard predict.bundle predict.bundle_header predict.recognizer common.jax_setup nn.keras_files '
  'predict.sessions.formats export.to_onnx export.to_stablehlo export.to_tflite '
  'export.tflite_graph predict.exported predict.sessions.onnx_session predict.sessions.tflite_session runs.distributed.processes '
  'runs.distributed.checkpoint_writer  runs.distributed.meeting runs.distributed.watch',
  # 4: conduct
  'runs.config runs.summary runs.run predict.run_bundles predict.models predict.recordings predict.live predict.predictions_out '
  'predict.recording_figure export.recordings export.writing export.checking export.probe '
  'runs.config_flags sweep.comparison sweep.comparison_page sweep.compared_runs sweep.grid '
  'sweep.planning sweep.scheduler sweep.seeds_together sweep.local_processes sweep.cluster sweep.engines '
  'sweep.sweep_results runs.loop  ',
  # 5: doors
  'main download predict.__main__ stream export.__main__ sweep.__main__ compare cross demo',
)
FLOOR = {
  name: floor for floor, names in enumerate(FLOORS) for name in names.split()
}

# Whatever is not listed is numpy, the standard library, or a breach.
LIBRARIES = {
  'absl': 'runs.config_flags compare main sweep.__main__',
  'ai_edge_litert': 'export.to_tflite export.tflite_graph predict.sessions.tflite_session',
  'audformat': 'corpora.readers.audformat_tables',
  'flatbuffers': 'export.to_tflite',
  'flax': 'nn.model',
  'gradio': 'demo',
  'h5py': 'nn.keras_files',
  'jinja2': 'results.report',
  'matplotlib': (
    'results.figures.style results.figures.comparison_plots corpora.inspection results.figures.run_plots results.figures.matrix_plots results.figures.recording_plot'
  ),
  'ml_collections': 'runs.config_flags runs.config main runs.run predict.run_bundles sweep.__main__ sweep.grid',
  'onnx': 'export.to_onnx',
  'onnxruntime': 'export.to_onnx predict.sessions.onnx_session',
  'optax': 'training.optim training.train_step',
  'orbax': 'runs.checkpoint',
  'safetensors': 'predict.bundle',
  'sounddevice': 'predict.live',
  'soundfile': 'audio.reading',
  'soxr': 'audio.reading audio.timeline',
  'submitit': 'sweep.cluster',
  'tensorboardX': 'runs.tensorboard',
  'tqdm': 'export.__main__ predict.__main__ common.progress_bar sweep.scheduler',
}
FLOOR_OF_JAX = 1


def name_of(path):
  """'features.mel' of sernet_jax/features/mel.py; a room's own is its door."""
  parts = path.relative_to(PACKAGE).with_suffix('').parts
  return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


PATHS = {
  name_of(path): path
  for path in sorted(PACKAGE.rglob('*.py'))
  if path.name != '__init__.py' or path.parent.name == 'features'
}
MODULES = list(PATHS)


@functools.cache
def imports(path):
  """(modules of the package, top-level names of all others)."""
  inside, outside = set(), set()
  for node in ast.walk(ast.parse(path.read_text())):
    if isinstance(node, ast.Import):
      names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
      assert node.level == 0, f'{path.name} has a relative import'
      names = [f'{node.module}.{alias.name}' for alias in node.names]
    else:
      continue
    for name in names:
      top, *rest = name.split('.')
      if top != 'sernet_jax':
        outside.add(top)
      elif rest and rest[0] != '__version__':
        # The longest start of the name that is a module.
        for count in range(len(rest), 0, -1):
          if '.'.join(rest[:count]) in PATHS:
            inside.add('.'.join(rest[:count]))
            break
  return inside, outside


def test_every_file_has_a_floor():
  assert set(MODULES) == set(FLOOR)


@pytest.mark.parametrize('name', MODULES)
def test_imports_go_down(name):
  inside, _ = imports(PATHS[name])
  above = {other for other in inside if FLOOR[other] > FLOOR[name]}
  assert not above, f'{name} (floor {FLOOR[name]}) imports {above} above it'


def test_no_file_imports_itself_in_a_circle():
  graph = {name: imports(PATHS[name])[0] for name in MODULES}
  graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize('name', MODULES)
def test_each_library_has_its_files(name):
  _, outside = imports(PATHS[name])
  for library in outside - set(sys.stdlib_module_names) - {'numpy'}:
    if library == 'jax':
      assert FLOOR[name] >= FLOOR_OF_JAX, f'{name} imports jax'
    else:
      assert name in LIBRARIES.get(library, '').split(), (
        f'{name} imports {library}'
      )


@pytest.mark.parametrize('library', LIBRARIES)
def test_the_list_of_libraries_is_true(library):
  for name in LIBRARIES[library].split():
    assert library in imports(PATHS[name])[1]


@pytest.mark.parametrize(
  'path', sorted((ROOT / 'configs').glob('*.py')), ids=lambda path: path.name
)
def test_configs_import_ml_collections_alone(path):
  inside, outside = imports(path)
  assert not inside
  assert outside - set(sys.stdlib_module_names) <= {'ml_collections'}


def test_features_load_jax_and_numpy_alone():
  """The MFCC op is used in other people's code."""
  program = """
import json, sys
import {}
print(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))
"""

  def loaded(modules):
    result = subprocess.run(
      [sys.executable, '-c', program.format(modules)],
      check=True,
      capture_output=True,
      text=True,
      cwd=ROOT,
    )
    return set(json.loads(result.stdout))

  before = loaded('jax, jax.numpy, numpy')
  after = loaded('sernet_jax.features')
  extra = after - before - set(sys.stdlib_module_names)
  assert extra == {'sernet_jax'}
  assert not {'flax', 'optax', 'soundfile', 'matplotlib'} & after
