"""Trainings that learn nothing say so."""

from __future__ import annotations

import numpy as np
import pytest
import tiny

from sernet_jax.results import run_folder
from sernet_jax.runs import config, defaults, run, summary


def row(confusion, epoch=9, **more):
  return {
    'fold': 'ann',
    'epoch': epoch,
    'train': {'confusion': confusion},
    **more,
  }


@pytest.mark.parametrize(
  ('rows', 'said'),
  [
    ([row([[4, 0], [4, 0]])], '1 of 1 training learnt nothing'),
    ([row([[4, 0], [3, 1]])], ''),
    ([row([[4, 0], [4, 0]]), row([[4, 0], [3, 1]], 10)], ''),  # the last epoch
    ([row([[4, 0], [4, 0]], 4)], ''),  # too early to say
    ([row([[4, 0], [0, 0]])], ''),  # there is but one class
    (
      [row([[4, 0], [4, 0]], seed=0), row([[4, 0], [0, 4]], seed=1)],
      '1 of 2 trainings learnt nothing',
    ),
  ],
)
def test_one_answer_to_all_of_the_training_is_nothing_learnt(rows, said):
  found = ' '.join(summary._of_learning(rows))
  assert bool(found) == bool(said) and said in found


def gmtcn(place, floor):
  """GM-TCN as its config trains it, but for the floor, on the tiny corpus."""
  content = tiny.config(
    place / 'corpus' / 'list.csv', place / 'features', data__duration_s=0.35
  ).to_dict()
  made = tiny.load_config('gmtcn').to_dict()
  for part in ('model', 'features', 'optim'):
    content[part] = made[part]
  content['train']['epochs'] = 8
  content['protocol']['folds'] = ('ann',)
  content['loss'] = {'floor': made['loss']['floor'] if floor is None else floor}
  return defaults.merged(content)


def test_large_logits_are_learnt_without_a_floor(tmp_path, blank_figures):
  """GM-TCN's features are not standardized, and its first logits are large."""
  tiny.write_corpus(tmp_path / 'corpus')
  last = {}
  for name, floor in (('clipped', 1e-7), ('published', None)):
    settings = gmtcn(tmp_path, floor)
    assert config.experiment(settings).loss.floor == (floor or 0)
    run.train(settings, tmp_path / name)
    folder = run_folder.RunFolder(tmp_path / name)
    last[name] = folder.read_metrics()[-1]['train']
    said = ' '.join(folder.read_results().cautions)
    assert ('learnt nothing' in said) == (name == 'clipped')
  assert np.isfinite(last['published']['loss'])
  assert last['published']['loss'] < last['clipped']['loss'] / 4
