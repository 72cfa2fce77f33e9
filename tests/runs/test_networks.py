"""Another network from its config to run folder, files and predictions."""

from __future__ import annotations

import importlib
import json
import shutil

import iemocap_tree as tree
import jax
import ml_collections
import numpy as np
import pytest
import small_model
import small_networks
import tiny
import tiny_runs

from sernet_jax.common.errors import InputError
from sernet_jax.export import __main__ as export, recordings as sounds, writing
from sernet_jax.nn import network
from sernet_jax.predict import (
  bundle,
  recognizer,
  run_bundles,
)
from sernet_jax.results import run_folder
from sernet_jax.runs import (
  config as config_lib,
  data as data_lib,
  defaults,
  run,
)
from sernet_jax.training import evaluation

pytestmark = pytest.mark.usefixtures('blank_figures')


@pytest.fixture(scope='module')
def finished(place, blank_figures):
  workdir = place / 'acrnn'
  run.train(tiny_runs.acrnn(place), workdir)
  return workdir


def test_the_cost_card_is_in_the_results(finished):
  results = json.loads((finished / 'results.json').read_text())
  (fold, *_) = run_bundles.from_run(finished)
  assert results['cost']['parameters'] == fold.num_parameters
  assert results['cost']['fp16_bytes'] == 2 * fold.num_parameters
  assert results['cost']['mflops'] > 0.1


def test_the_run_can_be_resumed(finished, place, tmp_path):
  copy = shutil.copytree(finished, tmp_path / 'copy')
  run.train(tiny_runs.acrnn(place, train__epochs=3), copy)
  rows = run_folder.RunFolder(copy).read_metrics()
  assert max(row['epoch'] for row in rows) == 3
  with pytest.raises(InputError, match=r'model\.convolutions'):
    run.train(tiny_runs.acrnn(place, model__convolutions=2), finished)


def test_files_have_the_numbers_of_the_evaluation(finished, tmp_path):
  fold, *_ = run_bundles.from_run(finished)
  found = tiny_runs.recognized_again(
    finished, 'last', fold, tmp_path / 'half.safetensors'
  )
  dtypes = set()
  for dtype, _, recording, expected in found:
    dtypes.add(dtype)
    np.testing.assert_allclose(
      recording.probabilities,
      expected,
      atol=1e-4 if dtype == 'float32' else 2e-2,
    )
  assert dtypes == {'float32', 'float16'}


def test_a_stablehlo_file_is_the_whole_chain(finished, tmp_path):
  fold, *_ = run_bundles.from_run(finished)
  path = tmp_path / 'model.stablehlo'
  writing.write(path, fold, 'stablehlo', 'fp32')
  program = jax.export.deserialize(bytearray(path.read_bytes()))
  heard = sounds.made_up(fold.audio)
  expected = recognizer.Recognizer([fold])(heard.prepared)
  np.testing.assert_allclose(program.call(heard.raw), expected, atol=1e-4)


@pytest.mark.parametrize('kind', ['onnx', 'tflite', 'c', 'tflite_micro', 'web'])
def test_a_format_that_it_lacks_is_one_sentence(finished, kind, capsys):
  code = export.main(
    [f'--workdir={finished}', '--fold=ann', f'--format={kind}']
  )
  assert code == 2
  err = capsys.readouterr().err
  assert 'the network acrnn has operations' in err
  assert 'export it to safetensors or stablehlo' in err


def test_features_that_a_format_lacks_are_one_sentence():
  made = small_model.make(kind='log_mel_deltas')
  with pytest.raises(InputError, match=r"features\.kind='log_mel_deltas'"):
    writing.write(tiny.ROOT / 'never.onnx', made, 'onnx', 'fp32')


def test_a_training_begins_with_weights_of_its_own_kind_alone(
  finished, place, tmp_path
):
  fold, *_ = run_bundles.from_run(finished)
  path = tmp_path / 'ann.safetensors'
  bundle.save(path, fold, 'float32')
  begun = {'train__start_from': str(path), 'protocol__name': 'random10'}
  with pytest.raises(InputError, match=r'set model\.name to it'):
    run.train(
      tiny_runs.acrnn(place, **{**begun, 'train__start_from': 'emodb'}),
      tmp_path / 'other',
    )
  with pytest.raises(InputError, match=r'model\.convolutions=1, not 2'):
    run.train(
      tiny_runs.acrnn(place, **begun, model__convolutions=2),
      tmp_path / 'deeper',
    )


def test_a_file_of_an_unknown_network_is_one_sentence(finished, tmp_path):
  fold, *_ = run_bundles.from_run(finished)
  path = tmp_path / 'model.safetensors'
  bundle.save(path, fold)
  content = path.read_bytes().replace(b'\\"acrnn\\"', b'\\"acrnm\\"')
  # Without its seal a file is read as those before there were any.
  head = int.from_bytes(content[:8], 'little')
  header = json.loads(content[8 : 8 + head])
  header['__metadata__'].pop('seal', None)
  text = json.dumps(header).encode()
  text += b' ' * (-len(text) % 8)
  path.write_bytes(len(text).to_bytes(8, 'little') + text + content[8 + head :])
  with pytest.raises(InputError, match=r'model\.name .*did you mean .acrnn'):
    bundle.load(path)


def test_light_sernets_fields_do_not_follow_another_name(place):
  """As `--config.model.name=acrnn` on a config made of the defaults."""
  config = defaults.get_config()
  config.model.name = 'acrnn'
  config.features.preset, config.features.kind = 'chen2018', 'log_mel_deltas'
  with pytest.raises(InputError, match=r"lacks the field 'model\.bands'"):
    config_lib.experiment(config)
  merged = defaults.merged(config.to_dict())
  made = config_lib.experiment(merged).model
  assert made.convolutions == 5 and made.dropout == 0  # not Light-SERNet's
  config.model.filters = 24
  with pytest.raises(
    InputError, match=r"has the field 'model\.filters' of light"
  ):
    config_lib.experiment(defaults.merged(config.to_dict()))


@pytest.mark.parametrize(
  ('section', 'values', 'match'),
  [
    ('model', {'name': 'acrn'}, r"model\.name .*did you mean 'acrnn'"),
    ('data', {'dimensions': 'arousal:1:5'}, r"set model\.name='light_sernet'"),
    ('features', {'kind': 'mfcc'}, r"set features\.kind='log_mel_deltas'"),
    ('features', {'preset': 'paper'}, r'for 120 features .* gives 384'),
  ],
)
def test_what_does_not_fit_is_one_sentence(place, section, values, match):
  content = tiny_runs.acrnn(place).to_dict()
  content[section] |= values
  with pytest.raises(InputError, match=match):
    config_lib.experiment(ml_collections.ConfigDict(content))


def test_nothing_asks_for_a_name_outside_the_table():
  """A network's name stands in its module, the table and configs alone."""
  networks = importlib.import_module('sernet_jax.nn.networks')
  package = tiny.ROOT / 'sernet_jax'
  for path in package.rglob('*.py'):
    rooms = set(path.relative_to(package).parts)
    if rooms & {'networks', 'configs', 'features'}:
      continue
    text = path.read_text()
    for name in set(networks.NETWORKS) - {networks.DEFAULT}:
      assert f"'{name}'" not in text, path


@pytest.fixture(scope='module')
def made_up_iemocap(tmp_path_factory):
  """A session of IEMOCAP's layout, with tones in the place of speech."""
  root = tmp_path_factory.mktemp('iemocap')
  tree.put_dialog(root, 'Ses01F_impro01')
  tree.put_dialog(root, 'Ses02M_impro02')
  return root


@pytest.mark.parametrize('name', small_networks.NAMES)
def test_the_config_of_each_hears_iemocap(name, made_up_iemocap, tmp_path):
  """From the config file to the logits of the first fold's tests."""
  config = ml_collections.ConfigDict(
    tiny.load_config(name, 'iemocap').to_dict()
  )
  config.data.root = str(made_up_iemocap)
  config.data.cache_dir = str(tmp_path)
  config.data.duration_s = 0.3
  config.model.update(
    {
      k: v
      for k, v in small_networks.SMALL[name].items()
      if k not in ('bands', 'coefficients')
    }
  )
  made = config_lib.experiment(config)
  data = data_lib.Data(made, data_lib.load_corpus(made))
  classes = data.features.corpus.classes
  assert set(classes) == {'anger', 'happiness', 'neutral', 'sadness'}
  recipe = made.recipe(len(classes))
  fold = data.fold_arrays[0]
  params, stats = jax.jit(network.init, static_argnums=1)(
    jax.random.key(0), recipe.model
  )
  shares = evaluation.compile_predict(recipe)(
    data.source, fold.test, params, stats
  )
  own = np.asarray(shares)[np.asarray(fold.test.mask) > 0]
  assert own.shape == (len(data.folds[0].test), 4)
  np.testing.assert_allclose(own.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize('name', small_networks.NAMES)
def test_the_config_of_each_is_whole(name):
  made = config_lib.experiment(tiny.load_config(name))
  assert made.model.name == name
  assert not made.protocol.best_on_test
