"""Table 1 keeps protocols apart and says how far each row was trained."""

from __future__ import annotations

import json

import pytest
import tiny
from chosen_runs import BAD, GOOD, add_recomputed, make_run

from sernet_jax.common.errors import InputError

FOLDER = tiny.ROOT / 'experiments' / 'table1'
EMODB = {'corpus': 'emodb'}


@pytest.fixture
def assemble():
  return tiny.load_script(FOLDER / 'assemble.py')


def run(folder, right=GOOD, results=None, **changes):
  changes = {name.replace('__', '.'): value for name, value in changes.items()}
  return make_run(folder, right, changes, {**EMODB, **(results or {})})


def made(assemble, output, *folders):
  assemble.main([*map(str, folders), f'--output={output}'])
  return json.loads((output / 'results.json').read_text())


def answers(content):
  """{question: answer} for cross-entropy."""
  return {
    answer['what']: answer
    for answer in content['answers']
    if answer['loss'] == 'cross_entropy'
  }


def test_rows_that_are_not_made_anew_can_be_kept(assemble, tmp_path):
  output, short = tmp_path / 'out', {'train__epochs': 40}
  first = run(tmp_path / 'l', GOOD, **short)
  made(assemble, output, first, run(tmp_path / 's', BAD, train__epochs=20))
  again = run(tmp_path / 'again', BAD, **short)
  other = run(tmp_path / 'r', GOOD, protocol__name='random10', **short)
  content = made(assemble, output, '--keep', again, other)
  assert [(row['protocol'], row['epochs']) for row in content['rows']] == [
    ('loso', 40),
    ('loso', 20),
    ('random10', 40),
  ]
  wa = [r['selections']['last']['pooled']['wa'] for r in content['rows']]
  assert wa[0] == wa[1] < wa[2]  # the first one was made anew
  assert answers(content)[
    'having heard the speakers (random10 minus loso, last)'
  ]['points']
  with pytest.raises(InputError, match='is not there; leave'):
    made(assemble, tmp_path / 'new', '--keep', other)


def test_one_row_for_each_protocol_and_what_lies_between(assemble, tmp_path):
  short = {'train__epochs': 40}
  content = made(
    assemble,
    tmp_path / 'out',
    run(tmp_path / 'r', GOOD, protocol__name='random10', **short),
    run(tmp_path / 'l', BAD, **short),
  )
  assert [row['protocol'] for row in content['rows']] == ['loso', 'random10']
  assert content['not_run'] == ['paper2021', 'emobox']
  first, second = (
    row['selections']['last']['pooled']['wa'] for row in content['rows']
  )
  assert (first, second) == pytest.approx((35 / 60, 50 / 60))
  found = answers(content)
  heard = found['having heard the speakers (random10 minus loso, last)']
  assert heard['points']['wa'] == pytest.approx(25.0)
  honest = found['published minus the honest figure (loso, last)']
  assert honest['points']['wa'] == pytest.approx(94.21 - 100 * 35 / 60)
  assert honest['trained'] == '40 of 300 epochs, seed 0'
  page = (tmp_path / 'out' / 'README.md').read_text()
  assert page.count('40 of 300 epochs, seed 0') >= 4
  assert '58.3 [' in page and '94.21' in page and '92.67' in page
  assert 'Not run: paper2021, emobox.' in page
  assert (tmp_path / 'out' / 'table1.png').stat().st_size > 10_000


def test_seeds_are_one_row_and_epochs_are_two(assemble, tmp_path):
  content = made(
    assemble,
    tmp_path / 'out',
    run(tmp_path / 'a', GOOD),
    run(tmp_path / 'b', BAD, seed=1),
    run(tmp_path / 'c', BAD, train__epochs=40),
  )
  long, short = content['rows']
  assert (long['epochs'], long['seeds']) == (300, [0, 1])
  assert (short['epochs'], short['seeds']) == (40, [0])
  assert long['selections']['last']['pooled']['wa'] == pytest.approx(
    (50 / 60 + 35 / 60) / 2
  )


def test_a_difference_needs_rows_trained_alike(assemble, tmp_path):
  content = made(
    assemble,
    tmp_path / 'out',
    run(tmp_path / 'a', train__epochs=40),
    run(tmp_path / 'b', protocol__name='random10'),
  )
  heard = [a for what, a in answers(content).items() if 'heard' in what]
  assert len(heard) == 4
  assert not any(answer['points'] for answer in heard)
  page = (tmp_path / 'out' / 'README.md').read_text()
  assert 'having heard' not in page and 'more differences want runs' in page


def test_of_rows_trained_alike_the_longest_are_compared(assemble, tmp_path):
  content = made(
    assemble,
    tmp_path / 'out',
    run(tmp_path / 'a', GOOD),
    run(tmp_path / 'b', BAD, train__epochs=20),
    run(tmp_path / 'c', BAD, train__epochs=10),
    *(
      run(tmp_path / f'r{n}', GOOD, protocol__name='random10', train__epochs=n)
      for n in (10, 20)
    ),
  )
  found = answers(content)
  heard = found['having heard the speakers (random10 minus loso, last)']
  assert heard['points']['wa'] == pytest.approx(25.0)
  assert heard['trained'] == '20 of 300 epochs, seed 0'
  honest = found['published minus the honest figure (loso, last)']
  assert honest['trained'] == '300 of 300 epochs, seed 0'


def test_parts_of_the_folds_are_not_taken_from_each_other(assemble, tmp_path):
  """They test different utterances."""
  content = made(
    assemble,
    tmp_path / 'out',
    run(tmp_path / 'a', BAD, protocol__folds=('03',)),
    run(
      tmp_path / 'b',
      GOOD,
      protocol__name='paper2021',
      protocol__folds=('1+5', '2+6'),
    ),
  )
  heard = [a for what, a in answers(content).items() if 'heard' in what]
  assert heard and not any(answer['points'] for answer in heard)


def test_recomputed_statistics_are_a_line_where_a_run_has_them(
  assemble, tmp_path
):
  folder = run(tmp_path / 'l', BAD)
  add_recomputed(folder, run(tmp_path / 'b', GOOD))
  content = made(assemble, tmp_path / 'out', folder)
  gain = next(
    answer
    for answer in content['answers']
    if answer['what'].startswith('recomputing') and answer['points']
  )
  assert gain['points']['wa'] == pytest.approx(100 * 15 / 60)
  page = (tmp_path / 'out' / 'README.md').read_text()
  assert '**last**, BatchNorm statistics recomputed' in page


def test_a_part_of_the_folds_is_a_row_that_says_so(assemble, tmp_path):
  content = made(
    assemble, tmp_path / 'out', run(tmp_path / 'a', protocol__folds=('03',))
  )
  (row,) = content['rows']
  assert (
    assemble.differences.how_far(row)
    == '300 of 300 epochs, seed 0, folds 03 only'
  )


@pytest.mark.parametrize(
  ('results', 'changes', 'message'),
  [
    ({'corpus': 'tones'}, {}, "is a run on 'tones', and this table is about"),
    ({}, {'protocol.name': 'all'}, "under the protocol 'all', which tests"),
    ({}, {'features.preset': 'reference'}, "features.preset='reference' where"),
    ({}, {'data.duration_s': 7.0}, 'data.duration_s=7.0 where the paper has'),
    ({}, {'train.batch_size': 16}, 'train.batch_size=16 where the paper'),
  ],
)
def test_a_run_of_other_settings_is_refused(
  assemble, tmp_path, results, changes, message
):
  folder = make_run(tmp_path / 'a', GOOD, changes, {**EMODB, **results})
  with pytest.raises(InputError) as error:
    assemble.main([str(folder), f'--output={tmp_path / "out"}'])
  assert message in str(error.value)
  assert '\n' not in str(error.value)
  assert not (tmp_path / 'out').exists()


def test_a_run_that_is_not_done_or_named_twice_is_refused(assemble, tmp_path):
  folder, output = run(tmp_path / 'a'), f'--output={tmp_path / "out"}'
  with pytest.raises(InputError, match='same settings and seed 0'):
    assemble.main([str(folder), str(run(tmp_path / 'b')), output])
  (folder / 'results.json').unlink()
  with pytest.raises(InputError, match=r'has no results\.json; finish the run'):
    assemble.main([str(folder), output])
  sweep = tmp_path / 'sweep'
  sweep.mkdir()
  (sweep / 'sweep.json').write_text(json.dumps({'jobs': ['seed=0']}))
  with pytest.raises(InputError, match='hold no finished run yet'):
    assemble.main([str(sweep), output])
  gammas = [run(tmp_path / f'g{n}', loss__gamma=n) for n in (1.0, 2.0)]
  with pytest.raises(InputError, match='same settings and seed 0'):
    assemble.main([*map(str, gammas), output])
  assert not (tmp_path / 'out').exists()


def test_a_sweep_stands_for_its_finished_jobs(assemble, tmp_path):
  sweep = tmp_path / 'sweep'
  run(sweep / 'seed=0')
  run(sweep / 'seed=1', seed=1)
  run(sweep / 'seed=2', seed=2)
  (sweep / 'seed=2' / 'results.json').unlink()
  jobs = {'jobs': ['seed=0', 'seed=1', 'seed=2']}
  (sweep / 'sweep.json').write_text(json.dumps(jobs))
  (row,) = made(assemble, tmp_path / 'out', sweep)['rows']
  assert row['seeds'] == [0, 1]
