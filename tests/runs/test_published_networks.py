"""Each network of `published` from a made-up corpus to files and predictions."""

from __future__ import annotations

import json
import shutil

import jax
import numpy as np
import pytest
import small_networks
import tiny
import tiny_runs

from sernet_jax.common.errors import InputError
from sernet_jax.export import recordings as sounds, writing
from sernet_jax.predict import recognizer, run_bundles
from sernet_jax.results import run_folder
from sernet_jax.runs import defaults, run

pytestmark = pytest.mark.usefixtures('blank_figures')

# The others of the table go through `test_networks.py` as `acrnn` does.
NAMES = ('bcrnn', 'cpac', 'gmtcn', 'lflb', 'multipath')


def settings(name, place, **changes):
  """The config of a network on the tiny corpus, its layers small."""
  content = tiny.config(
    place / 'corpus' / 'list.csv', place / 'features', data__duration_s=0.35
  ).to_dict()
  whole = tiny.load_config(name).to_dict()
  own = {
    field: value
    for field, value in small_networks.SMALL[name].items()
    if field not in ('bands', 'coefficients')  # the front end has them
  }
  content['model'] = {**whole['model'], **own}
  content['features'] = whole['features']
  content['loss'] = whole['loss']
  config = defaults.merged(content)
  config.update_from_flattened_dict(
    {field.replace('__', '.'): value for field, value in changes.items()}
  )
  return config


@pytest.fixture(scope='module', params=NAMES)
def finished(request, place, blank_figures):
  """Name and folder of a run of one epoch, of one speaker."""
  workdir = place / request.param
  config = settings(
    request.param, place, train__epochs=1, protocol__folds=('ann',)
  )
  run.train(config, workdir)
  return request.param, workdir


def test_it_is_resumed_from_its_checkpoint(finished, place, tmp_path):
  name, workdir = finished
  copy = shutil.copytree(workdir, tmp_path / 'copy')
  config = settings(name, place, train__epochs=2, protocol__folds=('ann',))
  run.train(config, copy)
  rows = run_folder.RunFolder(copy).read_metrics()
  assert max(row['epoch'] for row in rows) == 2
  card = json.loads((workdir / 'results.json').read_text())['cost']
  (fold,) = run_bundles.from_run(workdir)
  assert card['parameters'] == fold.num_parameters
  assert card['fp16_bytes'] == writing.weights_bytes(
    fold, 'safetensors', 'fp16'
  )


def test_files_have_the_numbers_of_the_evaluation(finished, tmp_path):
  _, workdir = finished
  (fold,) = run_bundles.from_run(workdir)
  for dtype, _, recording, expected in tiny_runs.recognized_again(
    workdir, 'last', fold, tmp_path / 'half.safetensors'
  ):
    np.testing.assert_allclose(
      recording.probabilities,
      expected,
      atol=1e-4 if dtype == 'float32' else 2e-2,
    )


def test_a_stablehlo_file_is_the_whole_chain(finished, tmp_path):
  _, workdir = finished
  (fold,) = run_bundles.from_run(workdir)
  path = tmp_path / 'model.stablehlo'
  writing.write(path, fold, 'stablehlo', 'fp32')
  program = jax.export.deserialize(bytearray(path.read_bytes()))
  heard = sounds.made_up(fold.audio)
  expected = recognizer.Recognizer([fold])(heard.prepared)
  np.testing.assert_allclose(program.call(heard.raw), expected, atol=1e-4)
  with pytest.raises(InputError, match='export it to safetensors or stablehlo'):
    writing.write(tmp_path / 'model.onnx', fold, 'onnx', 'fp32')
