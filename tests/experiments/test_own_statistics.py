"""Tests with BatchNorm's statistics of the voice under test."""

from __future__ import annotations

import json
import types

import numpy as np
import pytest
import tiny
import tiny_runs
from chosen_runs import make_run

from experiments.related import own_statistics
from sernet_jax.common.errors import InputError
from sernet_jax.results import run_folder
from sernet_jax.runs import config, run


@pytest.fixture(scope='module')
def workdirs(tmp_path_factory, blank_figures):
  """Two runs of a small ACRNN that share the folds."""
  place = tmp_path_factory.mktemp('own')
  tiny.write_corpus(place / 'corpus')
  found = []
  for folds in (tiny.SPEAKERS[:1], tiny.SPEAKERS[1:]):
    found.append(str(place / folds[0]))
    settings = tiny_runs.acrnn(
      place,
      protocol__name='loso',
      protocol__best_on_test=False,
      protocol__folds=tuple(folds),
    )
    run.train(settings, found[-1])
  return found


def test_each_layer_is_tested_with_statistics_of_the_voice(workdirs, tmp_path):
  output = tmp_path / 'own.json'
  own_statistics.main([*workdirs, f'--output={output}'])
  found = json.loads(output.read_text())
  rows = {row['statistics']: row for row in found['rows']}
  assert list(rows) == ['training set', 'voice', 'voice, input', 'voice, norm']
  results = [run_folder.RunFolder(each).read_results() for each in workdirs]
  total = sum(
    np.asarray(fold.confusion)
    for each in results
    for fold in each.selections['last_recomputed'].folds
  )
  assert rows['training set']['wa'] == pytest.approx(
    np.trace(total) / total.sum()
  )
  assert found['tests'] == total.sum() == 24
  with pytest.raises(InputError, match='all have fold ann'):
    own_statistics.main([workdirs[0], workdirs[0], f'--output={output}'])


def test_unlike_runs_do_not_share_the_folds(tmp_path):
  paths = [
    str(make_run(tmp_path / name, {name: 5}, {'optim.learning_rate': rate}))
    for name, rate in (('ann', 1e-3), ('bob', 1e-4))
  ]
  with pytest.raises(InputError, match=r'bob differs .* optim\.learning_rate'):
    own_statistics.measured(paths, 'last')


@pytest.mark.parametrize('name', ['cpac', 'gmtcn'])
def test_a_network_whose_statistics_stay_is_refused(monkeypatch, name):
  """Its rows would be equal, as if the voice did not matter."""
  network = types.SimpleNamespace(
    experiment=config.experiment(tiny.load_config(name))
  )
  monkeypatch.setattr(own_statistics.records, 'joined', lambda places: None)
  monkeypatch.setattr(own_statistics.adapt, 'read', lambda *given: network)
  with pytest.raises(InputError, match=f'RUN is a run of {name}, in which no'):
    own_statistics.measured(['RUN'], 'last')


def test_mixtures_take_one_layer_from_the_voice():
  training = {'a': 1, 'b': 2}
  voice = {'a': 3, 'b': 4}
  found = own_statistics.mixtures(training, voice)
  assert found['voice, b'] == {'a': 1, 'b': 4}
  assert found['voice'] == voice and found['training set'] == training
  assert len(own_statistics.mixtures({'a': 1}, {'a': 3})) == 2
