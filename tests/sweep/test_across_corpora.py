"""Comparisons of runs across corpora: the mean over the folds counts."""

from __future__ import annotations

import dataclasses

import pytest
from chosen_runs import CLASSES, FOCAL, answer, compare, write_run

from sernet_jax.common.errors import InputError
from sernet_jax.results import caveats, crossed
from sernet_jax.results.formats import json_records
from sernet_jax.results.run_folder import RunFolder
from sernet_jax.sweep.comparison import cross, last_lines, page, tables

# (corpus, class) -> takes of each of three speakers.
TAKES = {
  ('de', 'high'): 9,
  ('de', 'low'): 1,
  ('it', 'high'): 1,
  ('it', 'low'): 9,
}
SPEAKERS = ('ann', 'bob', 'cyd')


def knows_the_corpus(corpus, label, take, speaker):
  """Says what is most frequent there."""
  return 'high' if corpus == 'de' else 'low'


def knows_the_class(corpus, label, take, speaker):
  """Is right, but for one utterance of nine, and cyd's rare one."""
  rare = TAKES[corpus, label] == 1
  wrong = speaker == 'cyd' if rare else take == 0
  return CLASSES[1 - CLASSES.index(label)] if wrong else label


def run_of(folder, answer, changes=None, seed=0):
  rows = [
    {
      'selection': 'last',
      'weights_dtype': 'float16',
      'fold': corpus,
      'utterance': f'{corpus}/{speaker}_{label}_{take}',
      'speaker': f'{corpus}/{speaker}',
      'label': label,
      'predicted': answer(corpus, label, take, speaker),
      'probabilities': [0.5, 0.5],
    }
    for (corpus, label), takes in TAKES.items()
    for speaker in SPEAKERS
    for take in range(takes)
  ]
  best = [{**row, 'selection': 'best_on_test'} for row in rows]
  across = crossed.summary('loco', ('de', 'it'), CLASSES, [*rows, *best])
  changes = {**(changes or {}), 'protocol.name': 'loco', 'seed': seed}
  results = {'seed': seed, 'crossed': json_records.encode(across)}
  return write_run(folder, rows, changes, results)


@pytest.fixture(scope='module')
def content(tmp_path_factory):
  folder = tmp_path_factory.mktemp('runs')
  return compare(
    run_of(folder / 'a', knows_the_corpus),
    run_of(folder / 'b', knows_the_class, FOCAL),
    run_of(folder / 'c', knows_the_class, FOCAL, seed=1),
  )


def test_who_only_recognizes_the_corpus_guesses(content):
  first, second = (row['selections']['last'] for row in content['settings'])
  # All tests together: 54 of 60 right, and each class of 30 by nine tenths.
  assert first['scores']['uar'] == 0.5
  assert first['by_seed']['0']['uar'] == 0.5
  assert first['by_seed']['0']['wa'] == pytest.approx(0.9)
  assert first['ci95']['uar'] == [0.5, 0.5]
  expected = (24 / 27 + 2 / 3) / 2
  assert second['scores']['uar'] == pytest.approx(expected)
  assert second['by_seed']['1']['uar'] == pytest.approx(expected)
  assert content['guessing'] == pytest.approx({'wa': 0.9, 'uar': 0.5})
  assert content['runs'][0]['scores']['last']['uar'] == 0.5
  # A recall is the mean of nearly all and none, or of the others.
  assert [row['recall'] for row in first['classes']] == [0.5, 0.5]
  assert [row['support'] for row in first['classes']] == [30, 30]


def test_the_difference_is_that_of_the_means(content):
  (row,) = content['differences']
  assert row['difference']['uar'] == pytest.approx((24 / 27 + 2 / 3) / 2 - 0.5)
  # cyd of both corpora answers the rare class no better.
  assert 2 / 64 < row['p'] < 0.5
  low, high = row['ci95']['uar']
  assert low < row['difference']['uar'] < high
  assert 'mean UAR of the folds' in content['test']['name']


def within(folder, takes, num_utterances):
  """A run of loso within `de`, of some takes of each class."""
  rows = [
    answer(speaker, label, take, label)
    for speaker in SPEAKERS[: len(takes)]
    for label, count in zip(
      CLASSES, takes[SPEAKERS.index(speaker)], strict=True
    )
    for take in range(count)
  ]
  results = {'corpus': 'de', 'num_utterances': num_utterances}
  return write_run(folder, rows, {'protocol.name': 'loso'}, results)


def test_the_diagonal_is_of_the_same_recordings(tmp_path):
  across = RunFolder(run_of(tmp_path / 'across', knows_the_class))
  to = {'de': 'it>de', 'it': 'de>it'}
  rows = [{**row, 'fold': to[row['fold']]} for row in across.read_predictions()]
  made = crossed.summary('cross', ('de', 'it'), CLASSES, rows)
  results = dataclasses.replace(
    across.read_results(), protocol='cross', crossed=made
  )
  across.write_results(results)
  (cell,) = [c for c in made.selections['last'] if c.test == 'de']
  assert cell.n == 30

  def diagonal(name, takes, whole):
    run = RunFolder(within(tmp_path / name, takes, whole))
    return cross.combine(across, [run]).selections['last'][-1]

  whole = ((9, 1),) * 3
  assert diagonal('whole', whole, 30).n == 30
  with pytest.raises(InputError, match=r'has 10 tests of 30 \(folds: ann\)'):
    diagonal('part', whole[:1], 30)
  with pytest.raises(
    InputError, match=r'29 tests of de and .* 30, so that they'
  ):
    diagonal('other', (*whole[:2], (8, 1)), 29)


def test_across_corpora_the_mean_tells_whether_statistics_lag(tmp_path):
  """`last` knows the corpus alone, which all tests together do not show."""
  last, again = (
    RunFolder(run_of(tmp_path / answer.__name__, answer))
    for answer in (knows_the_corpus, knows_the_class)
  )
  results, better = last.read_results(), again.read_results()
  name = 'last_recomputed'

  def with_recomputed(found):
    crossed = results.crossed
    cells = {**crossed.selections, name: found.crossed.selections['last']}
    return dataclasses.replace(
      results,
      selections={**results.selections, name: found.last},
      crossed=dataclasses.replace(crossed, selections=cells),
    )

  assert results.last.pooled.uar == 0.9
  told = caveats.stale(with_recomputed(better))
  assert told.startswith('Mean UAR 50.0 % of `last` is near guessing')
  assert caveats.stale(with_recomputed(results)) == ''


def test_a_fold_of_two_speakers_says_why_it_has_no_interval(tmp_path):
  run = RunFolder(run_of(tmp_path, knows_the_class))
  results, rows = run.read_results(), run.read_predictions()
  without = 'say the classes of'
  assert not any(without in note for note in caveats.notes(results))
  # Two of three speakers of one corpus say what that fold is about.
  rows = [
    row for row in rows if (row['fold'], row['speaker']) != ('de', 'de/cyd')
  ]
  made = crossed.summary('loco', ('de', 'it'), CLASSES, rows)
  found = caveats.notes(dataclasses.replace(results, crossed=made))
  assert (
    'Fewer than 3 speakers say the classes of de, too few for an interval there '
    'or of a mean over the folds.'
  ) in found


def test_every_place_says_that_they_are_means(content, tmp_path):
  words = 'only recognizes the corpus may seem better than guessing'
  assert any(words in note for note in content['notes'])
  path = page.write(tmp_path, content, 'compare')
  html = path.read_text()
  assert 'all tests together.' not in html
  assert 'the score of each fold, and over the folds' in html
  assert 'mean of folds' in last_lines.summary_text(content, path)
  assert 'mean of folds' in tables.markdown(content)
