"""The learning curve of a start, drawn of runs that a test makes up."""

from __future__ import annotations

import json

import pytest
import tiny
from chosen_runs import add_recomputed, counts, make_run

from experiments.fine_tuning import curve
from sernet_jax.common.errors import InputError

SHOTS = {1: (6, 8), 0: (8, 9)}


@pytest.fixture
def runs(tmp_path):
  for shots, rights in SHOTS.items():
    for way, right in zip(('scratch', 'started'), rights, strict=True):
      folder = tmp_path / 'runs' / f'{way}-{shots}'
      make_run(
        folder,
        counts(*[right] * 6),
        {
          'protocol.shots': shots,
          'train.start_from': 'emodb' if way == 'started' else '',
        },
      )
      add_recomputed(folder)
  return tmp_path / 'runs'


def test_a_table_and_a_picture_of_the_runs(runs, tmp_path, capsys):
  output = tmp_path / 'made'
  curve.main(['draw', f'--runs={runs}', f'--output={output}', '--name=made up'])
  text = capsys.readouterr().out
  assert text.startswith('made up, speakers unseen, size paper, ')
  assert '| 1 | 60.0 [60.0, 60.0] | 80.0 [80.0, 80.0] |' in text
  assert text.index('| 1 |') < text.index('| all | 80.0')
  assert '300 epochs' in text
  content = json.loads((output / 'results.json').read_text())
  assert [row['uar'] for row in content['rows']] == [0.6, 0.8, 0.8, 0.9]
  assert (output / 'curve.png').read_bytes().startswith(b'\x89PNG')


def test_runs_that_differ_are_not_drawn_together(runs):
  short = runs / 'short'
  make_run(short, counts(*[5] * 6), results={'epochs': 2})
  add_recomputed(short)
  with pytest.raises(InputError, match='different corpora, epochs or folds'):
    curve.rows(runs)


@pytest.mark.parametrize(
  ('changes', 'field'),
  [
    ({'optim.learning_rate': 0.5}, r'optim\.learning_rate'),
    ({'seed': 3}, 'seed'),
    ({'train.start_from': 'emodb_small'}, r'train\.start_from'),
  ],
)
def test_a_curve_is_of_one_kind_of_run(runs, changes, field):
  make_run(runs / 'other', counts(*[5] * 6), {'protocol.shots': 5, **changes})
  add_recomputed(runs / 'other')
  with pytest.raises(
    InputError, match=f'differs from other runs in {field}, not'
  ):
    curve.rows(runs)


def test_a_folder_without_runs_is_named(tmp_path):
  with pytest.raises(InputError, match='has no finished run; train some'):
    curve.rows(tmp_path)


def test_a_curve_is_trained_from_a_config_with_changes(tmp_path, capsys):
  table = tiny.write_corpus(tmp_path / 'corpus')
  # The weights know these classes.
  rows = table.read_text().replace(',high,', ',anger,')
  table.write_text(rows.replace(',low,', ',sadness,'))
  command = [
    *('train', '--config=recipe:manifest', '--corpus=manifest'),
    *(f'--root={table}', '--epochs=1', '--shots=1', f'--runs={tmp_path / "r"}'),
    *('--folds=ann', '--set', 'model.size=tiny', '--set', 'train.batch_size=4'),
  ]
  with pytest.raises(InputError, match=r"no field 'model\.sice'"):
    curve.main([*command, '--set', 'model.sice=tiny'])
  with pytest.raises(InputError, match=r'train\.batch_size is a int'):
    curve.main([*command, '--set', 'train.batch_size=four'])
  curve.main([*command, '--start_from=emodb_tiny'])
  found = curve.rows(tmp_path / 'r')
  assert [(row['way'], row['shots'], row['size']) for row in found] == [
    ('scratch', 1, 'tiny'),
    ('started', 1, 'tiny'),
  ]
