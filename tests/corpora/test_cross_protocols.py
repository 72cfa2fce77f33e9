"""Tests across corpora: sides of a fold, the matrix, whole runs."""

from __future__ import annotations

import csv
import dataclasses
import itertools
import shutil

import numpy as np
import pytest
import tiny

from sernet_jax.common.errors import InputError
from sernet_jax.corpora import joined, protocols
from sernet_jax.corpora.protocols import ProtocolSpec
from sernet_jax.corpora.utterances import Corpus, Utterance
from sernet_jax.results import (
  caveats,
  crossed as crossed_lib,
  report,
  summaries,
)
from sernet_jax.results.formats import results_json
from sernet_jax.results.run_folder import RunFolder
from sernet_jax.runs import run
from sernet_jax.sweep.comparison import cross_command

CROSSING = [p.name for p in protocols.PROTOCOLS.values() if p.crosses_corpora]
HAS = {
  'de': {'ann': 'abc', 'bob': 'abc', 'cyd': 'ab'},
  'en': {'dan': 'abd', 'eve': 'abd'},
  'it': {'flo': 'abcd', 'gus': 'abcd'},
}


def make(has=HAS):
  """A joined corpus; each speaker says each of some classes twice."""
  utterances = [
    Utterance(
      f'{name}/{who}{label}{take}',
      f'/no/{name}/{who}{label}{take}.wav',
      label,
      f'{name}/{who}',
      corpus=name,
    )
    for name, speakers in has.items()
    for who, labels in speakers.items()
    for label in labels
    for take in range(2)
  ]
  utterances.sort(key=lambda u: u.name)
  classes = sorted({u.label for u in utterances})
  return Corpus('+'.join(has), tuple(classes), tuple(utterances))


def told(corpus, places, field):
  return {getattr(corpus.utterances[place], field) for place in places}


@pytest.mark.parametrize('name', CROSSING)
def test_unknown_speakers_choose_no_epoch(name):
  """They may be many, or one of those who train."""
  corpus = make({**HAS, 'xx': {'unknown': 'ab', 'you': 'ab'}})
  assert protocols.make(corpus, ProtocolSpec(name))
  with pytest.raises(
    InputError, match='4 of 8 recordings of xx, so no speaker'
  ):
    protocols.make(corpus, ProtocolSpec(name, 'speaker'))


@pytest.mark.parametrize('validation', ['none', 'speaker'])
@pytest.mark.parametrize('name', CROSSING)
def test_sides_share_classes_and_no_corpus(name, validation):
  corpus = make()
  folds = protocols.make(corpus, ProtocolSpec(name, validation))
  assert [fold.index for fold in folds] == list(range(len(folds)))
  for fold in folds:
    train = np.concatenate([fold.train, fold.validation])
    assert not told(corpus, train, 'corpus') & told(corpus, fold.test, 'corpus')
    assert not told(corpus, fold.train, 'speaker') & told(
      corpus, fold.validation, 'speaker'
    )
    assert told(corpus, fold.test, 'label') == told(corpus, train, 'label')
    assert bool(len(fold.validation)) == (validation == 'speaker')
    for part in (fold.train, fold.validation, fold.test):
      assert part.dtype == np.int32
      assert list(part) == sorted(set(part.tolist()))


def test_the_folds_of_both_protocols():
  corpus = make()
  loco = protocols.make(corpus, ProtocolSpec('loco'))
  assert [fold.name for fold in loco] == ['de', 'en', 'it']
  assert told(corpus, loco[0].train, 'corpus') == {'en', 'it'}
  assert told(corpus, loco[0].test, 'label') == set('abc')
  pairs = protocols.make(corpus, ProtocolSpec('cross'))
  assert [fold.name for fold in pairs] == [
    'de>en', 'de>it', 'en>de', 'en>it', 'it>de', 'it>en',
  ]  # fmt: skip
  assert told(corpus, pairs[0].train, 'label') == set('ab')
  assert len(pairs[0].test) == 8  # two speakers, two classes, twice
  (one,) = protocols.make(corpus, ProtocolSpec('cross', folds=('it>en',)))
  assert (one.name, one.index) == ('it>en', 5)


def test_the_first_speaker_of_each_training_corpus_is_held_out():
  corpus = make()
  fold = protocols.make(corpus, ProtocolSpec('loco', 'speaker'))[2]
  assert told(corpus, fold.validation, 'speaker') == {'de/ann', 'en/dan'}


def test_what_cannot_be_crossed_is_refused():
  with pytest.raises(InputError, match='needs at least two corpora, and de is'):
    protocols.make(make({'de': HAS['de']}), ProtocolSpec('loco'))
  apart = make({'de': {'ann': 'ab', 'bob': 'ab'}, 'en': {'eve': 'bc'}})
  with pytest.raises(InputError, match=r"'de>en' .* classes \['b'\] on both"):
    protocols.make(apart, ProtocolSpec('cross'))
  lonely = make({'de': {'ann': 'ab'}, 'en': {'eve': 'ab', 'flo': 'ab'}})
  with pytest.raises(InputError, match=r"'de/ann' is the only speaker that"):
    protocols.make(lonely, ProtocolSpec('cross', 'speaker'))
  silent = make({'de': {'ann': 'c', 'bob': 'ab'}, 'en': {'eve': 'ab'}})
  with pytest.raises(InputError, match=r"'de/ann' says none of the classes"):
    protocols.make(silent, ProtocolSpec('cross', 'speaker'))


def rows_of(fold, speaker, right, wrong, label='a', other='b'):
  return [
    {
      'selection': 'last',
      'fold': fold,
      'speaker': speaker,
      'label': label,
      'predicted': label if take < right else other,
    }
    for take in range(right + wrong)
  ]


def test_the_matrix_holds_the_figures_of_its_folds():
  rows = [
    *rows_of('de>en', 'en/dan', 3, 1),
    *rows_of('de>en', 'en/eve', 1, 0, 'b', 'a'),
    *rows_of('de>en', 'en/fay', 0, 1, 'b', 'a'),
    *rows_of('en>de', 'de/ann', 2, 0),
    *rows_of('en>de', 'de/ann', 1, 3, 'b', 'c'),
  ]
  crossed = crossed_lib.summary('cross', ['en', 'de'], 'abc', rows)
  one, two = crossed.selections['last']
  assert (one.train, one.test, one.n) == (('de',), 'en', 6)
  assert one.classes == ('a', 'b')
  assert one['uar'] == pytest.approx((3 / 4 + 1 / 2) / 2)
  assert one['wa'] == pytest.approx(4 / 6)
  low, high = one.ci95['uar']
  assert low <= one['uar'] <= high
  assert two.ci95 is None  # one speaker
  names, columns, values, intervals = crossed_lib.matrix(crossed)
  assert names == columns == ['de', 'en']
  np.testing.assert_allclose(values, [[np.nan, 0.625], [0.625, np.nan]])
  assert np.isnan(intervals[1, 0]).all()
  lines = crossed_lib.table(crossed)
  assert lines[0].split() == ['train', '\\', 'test', 'de', 'en']
  assert lines[1].split() == ['de', '-', '62.5']
  assert crossed_lib.uneven(crossed) == []
  fewer = [row for row in rows if row['label'] == 'a' or row['fold'] == 'de>en']
  uneven = crossed_lib.uneven(
    crossed_lib.summary('cross', ['en', 'de'], 'abc', fewer)
  )
  assert uneven == ['en>de (a)']


def test_a_left_out_corpus_has_its_trainers_in_one_row():
  rows = [
    row
    for fold in ('de', 'en', 'it')
    for who in 'xy'
    for row in rows_of(fold, f'{fold}/{who}', 2, 1)
  ]
  crossed = crossed_lib.summary('loco', ['de', 'en', 'it'], 'ab', rows)
  names, columns, values, _ = crossed_lib.matrix(crossed)
  assert names == ['en+it', 'de+it', 'de+en']
  assert columns == ['de', 'en', 'it']
  assert np.isfinite(values).sum() == 3


@pytest.fixture(scope='module')
def corpora_of_two(tmp_path_factory):
  """Two tiny corpora of different recordings."""
  root = tmp_path_factory.mktemp('corpora')
  one = tiny.write_corpus(root / 'one')
  two = tiny.write_corpus(root / 'two', duration_s=0.25)
  return f'one={one},two={two}', {'one': one, 'two': two}


@pytest.fixture(scope='module')
def crossed_run(corpora_of_two, tmp_path_factory):
  text, lists = corpora_of_two
  root = tmp_path_factory.mktemp('runs')
  settings = tiny.config(
    '',
    root / 'cache',
    data__corpora=text,
    data__classes='high,low',
    protocol__name='cross',
    train__epochs=1,
    **tiny.QUICK,
  )
  results = run.train(settings, root / 'cross').to_json()
  return RunFolder(root / 'cross'), results, lists


def test_a_run_across_corpora_is_worth_the_mean_of_its_folds():
  """One corpus is always 'a', one always 'b': guessing, though with the third all
  tests together have a UAR of 75 per cent."""
  rows = [
    *rows_of('de', 'de/x', 3, 0),
    *rows_of('de', 'de/x', 0, 1, 'b', 'a'),
    *rows_of('en', 'en/y', 0, 1),
    *rows_of('en', 'en/y', 3, 0, 'b', 'a'),
    *rows_of('it', 'it/z', 2, 0),
    *rows_of('it', 'it/z', 1, 1, 'b', 'a'),
  ]
  crossed = crossed_lib.summary('loco', ['de', 'en', 'it'], 'ab', rows)
  found = crossed_lib.headline(crossed)
  assert (found['count'], found['guess']) == (3, 0.5)
  assert found['uar']['mean'] == pytest.approx((0.5 + 0.5 + 0.75) / 3)
  assert found['uar']['low'] == ('de', 0.5)
  assert found['uar']['high'] == ('it', 0.75)
  assert found['wa']['mean'] == pytest.approx(0.75)


def test_a_run_across_corpora_ends_in_a_matrix(crossed_run):
  folder, results, _ = crossed_run
  assert results['corpus'] == 'one+two'
  folds = results['selections']['last']['folds']
  cells = results['crossed']['selections']['last']
  assert [cell['fold'] for cell in cells] == ['one>two', 'two>one']
  for fold, cell in zip(folds, cells, strict=True):
    assert fold['uar'] == pytest.approx(cell['uar'])
    assert fold['n_test'] == cell['n'] == 24
  assert set(results['crossed']['selections']) == set(results['selections'])
  for name in ('last', 'best_on_test'):
    assert (folder.figures / f'matrix_{name}.png').read_bytes()
  page = folder.report.read_text()
  assert 'Across corpora' in page
  mean = np.mean([cell['uar'] for cell in cells])
  assert f'UAR, mean of 2 folds, last epoch<b>{100 * mean:.1f} %</b>' in page
  assert 'Macro F1, last epoch' not in page  # of all tests together
  assert 'one corpus, tested on another' in page
  text = report.summary_text(folder.read_results())
  assert 'epoch with the best WA on the test corpora' in text
  assert f'last epoch; {100 * mean:.1f} in the mean:' in text
  assert any(line.split()[:1] == ['two'] for line in text.splitlines())
  assert not any(
    'Only part' in note for note in caveats.notes(folder.read_results())
  )
  # The same again is recalled, not trained.
  config = folder.read_config()
  assert config['protocol']['name'] == 'cross'


def test_corpora_of_few_speakers_are_told(crossed_run):
  folder, _, _ = crossed_run
  results = folder.read_results()
  told = [note for note in caveats.notes(results) if 'interval' in note]
  assert len(told) == 2
  assert told[1].startswith(
    'Only 3 speakers of two were tested, and an interval'
  )
  speakers = [s for s in results.last.speakers if s.name != 'two/cyd']
  last = dataclasses.replace(results.last, speakers=tuple(speakers))
  selections = {**results.selections, 'last': last}
  notes = caveats.notes(dataclasses.replace(results, selections=selections))
  assert any('2 speakers of two were tested, too few for' in n for n in notes)
  page = ' '.join(folder.report.read_text().split())
  assert 'none with fewer than 3, too narrow with fewer than 6' in page


def test_part_of_a_protocol_is_said_to_be_one(crossed_run):
  results = crossed_run[0].read_results()

  def is_part(**changes):
    notes = caveats.notes(dataclasses.replace(results, **changes))
    return any('Only part' in note for note in notes)

  assert not is_part()
  three = dataclasses.replace(results.crossed, corpora=('one', 'three', 'two'))
  assert is_part(crossed=three)
  assert is_part(protocol='loco', crossed=three)


def test_figures_within_corpora_fill_the_diagonal(
  crossed_run, tmp_path, capsys
):
  folder, results, lists = crossed_run
  # A run within a corpus, as far as the command looks at it.
  within = RunFolder(tmp_path / 'within')
  settings = folder.read_config()
  settings['data'] |= {'corpora': '', 'manifest': str(lists['one'])}
  settings['protocol'] |= {'name': 'loso'}
  rows = [
    row
    for row in folder.read_predictions()
    if (row['fold'], row['weights_dtype']) == ('two>one', 'float16')
  ]
  selections = {
    name: summaries.from_predictions(
      [row for row in rows if row['selection'] == name],
      results['classes'],
      {'two>one': 1},
    ).to_json()
    for name in results['selections']
  }
  last = selections['last']
  said = {
    **results,
    'protocol': 'loso',
    'corpus': 'one',
    'num_utterances': 24,
    'selections': selections,
    'selections_float32': None,
  }
  within.write_config(settings)
  within.write_results(results_json.decode(said))
  out = tmp_path / 'out'
  command = [str(folder.path), '--within', str(within.path)]
  command += ['--output', str(out)]
  assert cross_command.main(command) == 0
  assert f'{100 * last["pooled"]["uar"]:.1f}' in capsys.readouterr().out
  rows = list(csv.DictReader((out / 'matrix.csv').read_text().splitlines()))
  assert [(row['train'], row['test']) for row in rows] == [
    ('one', 'two'),
    ('two', 'one'),
    ('one', 'one'),
  ]
  assert float(rows[2]['uar']) == last['pooled']['uar']
  assert (out / 'matrix.png').read_bytes().startswith(b'\x89PNG')

  def refused(**changes):
    within.write_results(results_json.decode({**said, **changes}))
    assert cross_command.main(command) == 2
    return capsys.readouterr().err

  assert "protocol.name='random10'" in refused(protocol='random10')
  assert 'figures of different tasks' in refused(classes=['high', 'mid'])
  assert 'is about three, which is not in' in refused(corpus='three')
  assert 'has train.epochs=300' in refused(epochs=300)
  within.write_results(results_json.decode(said))
  settings['loss']['name'] = 'focal'
  within.write_config(settings)
  assert cross_command.main(command) == 2
  assert "loss.name='focal'" in capsys.readouterr().err
  settings['loss']['name'] = 'cross_entropy'
  within.write_config(settings)
  assert cross_command.main([*command, '--within', str(within.path)]) == 2
  assert 'are both runs within one' in capsys.readouterr().err
  assert cross_command.main([str(within.path)]) == 2
  assert "name one of 'cross'" in capsys.readouterr().err
  assert cross_command.main([str(folder.path), '--selection', 'lst']) == 2
  assert "did you mean 'last'" in capsys.readouterr().err


def test_every_pair_has_a_name_of_its_own():
  names = [name for name, *_ in protocols.PROTOCOLS['cross'].pairs('abcd')]
  assert len(set(names)) == 12
  assert set(names) == {
    f'{one}>{two}' for one, two in itertools.permutations('abcd', 2)
  }


def test_moving_the_recordings_changes_no_run(crossed_run, tmp_path):
  """Folders are not part of a run: it goes on when the data have moved."""
  folder, _, lists = crossed_run
  moved = []
  for name, path in lists.items():
    shutil.copytree(path.parent, tmp_path / name, symlinks=True)
    moved.append(f'{name}={path}:{tmp_path / name}')
  before = joined.load(folder.read_config()['data']['corpora'], 'high,low')
  after = joined.load(','.join(moved), 'high,low')
  assert [u.name for u in before.utterances] == [
    u.name for u in after.utterances
  ]
  assert after.utterances[0].path.startswith(str(tmp_path))
