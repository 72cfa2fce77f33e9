"""What a step of the recipe costs beside the paper's."""

from __future__ import annotations

import json

import pytest
import tiny

from experiments.lib import step_times
from experiments.recipe import cost
from sernet_jax.common.errors import InputError


def test_the_trainings_differ_in_what_they_say():
  paper, recipe, everything = (cost.made(name, '') for name in cost.TRAININGS)
  assert paper.sound is None and recipe.augment.warp
  # Everything that a config can switch on, but for the lengths of masks.
  values = vars(everything.augment)
  assert all(values.values()) and everything.loss.label_smoothing
  lengths = {e.audio for e in (paper, recipe, everything)}
  assert len(lengths) == 1
  assert {e.train.batch_size for e in (paper, everything)} == {32}


def test_seconds_are_medians_and_ratios_those_of_a_turn():
  found = {
    name: step_times.Training(lambda: None, 2, 16, 32, 10)
    for name in cost.TRAININGS
  }
  times = {name: [2.0, 1.0, 4.0] for name in found}
  times['recipe'] = [3.0, 2.0, 3.0]
  rows = cost.measured(found, times)
  assert rows['paper']['step_s'] == 1.0 and rows['recipe']['step_s'] == 1.5
  assert rows['recipe']['ratios'] == [1.5, 2.0, 0.75]
  assert rows['recipe']['ratio_to_paper'] == 1.5
  assert rows['recipe']['seconds_per_epoch'] == 24.0
  times = cost.times_to(rows, tiny.ROOT / 'experiments')
  assert [(row['training'], row['epochs']) for row in times] == [
    ('paper', 300),
    ('paper', 40),
    ('recipe', 30),
  ]
  assert times[0]['seconds'] == 16.0 * 10 * 300 and times[0]['share'] == 1.0
  assert times[2]['share'] == pytest.approx(1.5 * 30 / 300)
  assert times[0]['uar'] == pytest.approx(0.777, abs=5e-4)


def test_the_page_has_the_tables_of_the_record():
  folder = tiny.ROOT / 'experiments/recipe'
  content = json.loads((folder / 'cost.json').read_text())
  page = (folder / 'README.md').read_text()
  for text in cost.tables(content).values():
    assert text in page


def test_mistakes_are_one_sentence(tmp_path):
  for option, words in (
    ('--rounds=0', '--rounds is 0; give 1 or more'),
    ('--steps=-1', '--steps is -1; give 1 or more'),
  ):
    with pytest.raises(InputError, match=words):
      cost.main(['--root=nowhere', option, f'--output={tmp_path}'])
