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

ROOT = pathlib.Path(__file__).parents[1]
PACKAGE = ROOT / 'sernet_jax'

FLOORS = (
  # 0: facts
  'checks mel mfcc_spec spec utterances corpora iemocap manifest container '
  'audio protocols metrics cost synthetic voice source_filter files claims timeline '
  'export_input significance sweep_worker catalog acted audformat_tables '
  'joined emotions crossing comparable export_seal receptive energy pages '
  'published probing progress_bar',
  # 1: pure JAX, and the canvas that figures are drawn on
  'features features_around features_blocks features_chain features_fft '
  'features_frames features_presets features_stream features_tables augment model winograd '
  'ops losses optim keys canvas folded export_chain export_eager shares '
  'rounding path_ops ready_blocks taps',
  # 2: an experiment
  'batching recipes evaluation training recompute records environment plots recording_plot comparison_plots '
  'plots_matrix mapping layout',
  # 3: the outside world
  'interop checkpoint feature_cache fetch inspection interrupt report '
  'tensorboard bundle bundle_header inference jax_setup keras_files '
  'export_files export_onnx export_stablehlo export_tflite '
  'export_tflite_graph exported session_onnx session_tflite processes '
  'checkpoint_process cost_measured meeting watch',
  # 4: conduct
  'config results run run_bundles models recognise live predictions_out '
  'recording_figure export_data export_write export_check export_probe '
  'command_line comparison comparison_page compared_runs sweep_grid '
  'sweep_plan sweep_jobs sweep_seeds sweep_processes sweep_cluster sweep_engines '
  'sweep_results conduct cost_probe lengths',
  # 5: doors
  'main download predict stream export sweep compare cross demo',
)
FLOOR = {
  name: floor for floor, names in enumerate(FLOORS) for name in names.split()
}

# Whatever is not listed is numpy, the standard library, or a breach.
LIBRARIES = {
  'absl': 'command_line compare main sweep',
  'ai_edge_litert': 'export_tflite export_tflite_graph session_tflite',
  'audformat': 'audformat_tables',
  'flatbuffers': 'export_tflite',
  'flax': 'model',
  'gradio': 'demo',
  'h5py': 'keras_files',
  'jinja2': 'report',
  'matplotlib': (
    'canvas comparison_plots inspection plots plots_matrix recording_plot'
  ),
  'ml_collections': 'command_line config main run run_bundles sweep sweep_grid',
  'onnx': 'export_onnx',
  'onnxruntime': 'export_onnx session_onnx',
  'optax': 'optim training',
  'orbax': 'checkpoint',
  'safetensors': 'bundle',
  'sounddevice': 'live',
  'soundfile': 'audio',
  'soxr': 'audio timeline',
  'submitit': 'sweep_cluster',
  'tensorboardX': 'tensorboard',
  'tqdm': 'export predict progress_bar sweep_jobs',
}
FLOOR_OF_JAX = 1

FILES = sorted(PACKAGE.glob('*.py'))
MODULES = [path.stem for path in FILES if path.stem != '__init__']


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
        inside.add(rest[0])
  return inside, outside


def test_every_file_has_a_floor():
  assert set(MODULES) == set(FLOOR)
  assert imports(PACKAGE / '__init__.py') == (set(), set())


@pytest.mark.parametrize('name', MODULES)
def test_imports_go_down(name):
  inside, _ = imports(PACKAGE / f'{name}.py')
  above = {other for other in inside if FLOOR[other] > FLOOR[name]}
  assert not above, f'{name} (floor {FLOOR[name]}) imports {above} above it'


def test_no_file_imports_itself_in_a_circle():
  graph = {name: imports(PACKAGE / f'{name}.py')[0] for name in MODULES}
  graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize('name', MODULES)
def test_each_library_has_its_files(name):
  _, outside = imports(PACKAGE / f'{name}.py')
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
    assert library in imports(PACKAGE / f'{name}.py')[1]


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
