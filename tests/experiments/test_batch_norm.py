"""The experiment on moving statistics reads both kinds from a run."""

from __future__ import annotations

import json

import pytest
import tiny
from chosen_runs import BAD, GOOD, add_recomputed, make_run

from sernet_jax.common.errors import InputError

FOLDER = tiny.ROOT / 'experiments' / 'batch_norm'


@pytest.fixture
def assemble():
  return tiny.load_script(FOLDER / 'assemble.py')


def test_both_kinds_their_difference_and_every_speaker(assemble, tmp_path):
  folder = make_run(tmp_path / 'run', BAD)
  add_recomputed(folder, make_run(tmp_path / 'better', GOOD))
  assemble.main([str(folder), f'--output={tmp_path / "out"}'])
  (row,) = json.loads((tmp_path / 'out' / 'results.json').read_text())['rows']
  assert row['difference']['uar'] == pytest.approx(15 / 60)
  assert row['p'] == 2 / 64  # six speakers, all better
  assert row['speakers'][0] == {
    'name': 'ann',
    'last': 0.5,
    'last_recomputed': 0.9,
  }
  page = (tmp_path / 'out' / 'README.md').read_text()
  assert '58.3 [' in page and '83.3 [' in page and '+25.0 [' in page
  assert (tmp_path / 'out' / 'statistics.png').stat().st_size > 10_000


@pytest.fixture
def run(tmp_path):
  """Makes a run that has both kinds, alike."""

  def make(name, right, **changes):
    fields = {'epochs': 'train.epochs', 'loss': 'loss.name', 'seed': 'seed'}
    folder = make_run(
      tmp_path / name,
      right,
      {fields.get(key, key): value for key, value in changes.items()},
    )
    add_recomputed(folder)
    return str(folder)

  return make


def test_rows_of_runs_that_are_elsewhere_stay(assemble, run, tmp_path):
  output = f'--output={tmp_path / "out"}'
  with pytest.raises(InputError, match='is not there; leave --keep out'):
    assemble.main([run('first', BAD, epochs=40), output, '--keep'])
  assemble.main(
    [run('short', BAD, epochs=40), run('shorter', BAD, epochs=20), output]
  )
  assemble.main(
    [run('again', GOOD, epochs=40), run('long', GOOD), output, '--keep']
  )
  rows = json.loads((tmp_path / 'out' / 'results.json').read_text())['rows']
  assert [row['epochs'] for row in rows] == [300, 40, 20]
  uar = [row['scores']['last']['uar'] for row in rows]
  assert uar[2] < uar[1] == uar[0]  # the one of 40 was made anew


def test_runs_of_other_trainings_are_rows_of_their_own(assemble, run, tmp_path):
  output = f'--output={tmp_path / "out"}'
  runs = [
    run('plain', BAD),
    run('seed', BAD, seed=1),
    run('loss', BAD, loss='focal'),
    run('momentum', BAD, **{'model.batch_norm_momentum': 0.9}),
  ]
  assemble.main([*runs, output])
  page = (tmp_path / 'out' / 'README.md').read_text()
  for text in (
    '`loso`, cross-entropy, 300 of 300 epochs, seed 0 |',
    '`loso`, cross-entropy, 300 of 300 epochs, seed 1 |',
    '`loso`, focal, 300 of 300 epochs, seed 0 |',
    '`loso`, cross-entropy, 300 of 300 epochs, seed 0, momentum 0.9 |',
  ):
    assert page.count(text) == 1, text
  with pytest.raises(InputError, match='of the 2 runs 1 repeat'):
    assemble.main([runs[0], run('same', GOOD), output])


@pytest.mark.parametrize(
  ('changes', 'message'),
  [
    ({'features.num_coefficients': 20}, 'features.num_coefficients=20 where'),
    ({'loss.name': 'focal', 'loss.gamma': 1.0}, 'loss.gamma=1.0 where'),
    ({'train.precision': 'bfloat16'}, "train.precision='bfloat16' where"),
  ],
)
def test_a_run_of_other_settings_does_not_take_the_name_of_a_row(
  assemble, run, tmp_path, changes, message
):
  with pytest.raises(InputError, match=message):
    assemble.main(
      [run('other', BAD, **changes), f'--output={tmp_path / "out"}']
    )
  assert not (tmp_path / 'out').exists()


def test_a_run_without_recomputed_statistics_is_told_the_cure(
  assemble, tmp_path
):
  folder = make_run(tmp_path / 'run', BAD)
  with pytest.raises(InputError, match='run --mode=evaluate'):
    assemble.main([str(folder), f'--output={tmp_path / "out"}'])
  assert not (tmp_path / 'out').exists()
