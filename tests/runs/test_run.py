"""Whole runs on a tiny corpus: files, results, and what people get wrong."""

from __future__ import annotations

import json

import committee
import jax
import numpy as np
import pytest
import tiny
import tiny_runs

from sernet_jax.common.errors import InputError
from sernet_jax.corpora import registry
from sernet_jax.export import recordings
from sernet_jax.results import report, run_folder
from sernet_jax.runs import config as config_lib, run

pytestmark = pytest.mark.usefixtures('blank_figures')


def test_a_run_leaves_all_its_files(finished):
  names = {path.name for path in finished.iterdir()}
  assert names >= {
    'config.json',
    'environment.json',
    'folds.json',
    'metrics.jsonl',
    'results.json',
    'predictions.csv',
    'examples.npz',
    'statistics.npz',
    'report.html',
    'figures',
    'checkpoints',
  }


def test_results_have_the_agreed_keys_and_add_up(finished):
  results = json.loads((finished / 'results.json').read_text())
  assert results['protocol'] == 'loso'
  assert results['classes'] == ['high', 'low']
  assert results['weights_dtype'] == 'float16'
  names = ['last', 'last_recomputed', 'best_on_test']
  assert list(results['selections']) == names
  assert list(results['selections_float32']) == names
  # The path, both blocks, the dense layer; each with its biases.
  assert results['cost']['fp16_bytes'] == 2 * (60 + 1760 + 1056 + 66)
  for selection in results['selections'].values():
    assert np.sum(selection['pooled']['confusion']) == 24
    assert [fold['name'] for fold in selection['folds']] == list(tiny.SPEAKERS)
    assert set(selection['ci95']) == {'wa', 'uar', 'f1_macro', 'f1_weighted'}
    for fold in selection['folds']:
      assert fold['n_test'] == 8
      assert np.trace(fold['confusion']) / 8 == pytest.approx(fold['wa'])
  assert [f['epoch'] for f in results['selections']['last']['folds']] == [4] * 3
  assert results['seconds'] > 0


def test_predictions_agree_with_the_metrics_of_the_last_epoch(finished):
  """float32 predictions are those the epoch's evaluation counted."""
  folder = run_folder.RunFolder(finished)
  counts = {
    fold.name: [list(row) for row in fold.confusion]
    for fold in folder.read_results().selections_float32['last'].folds
  }
  for row in folder.read_metrics():
    if row['epoch'] == 4:
      assert row['test']['confusion'] == counts[row['fold']]


def test_best_on_test_is_never_worse_than_last_in_float32(finished):
  results = run_folder.RunFolder(finished).read_results().selections_float32
  for last, best in zip(
    results['last'].folds, results['best_on_test'].folds, strict=True
  ):
    assert best.wa >= last.wa


def test_a_finished_run_is_recalled_without_work(
  finished, place, monkeypatch, capsys
):
  def fail(*args, **kwargs):
    raise AssertionError('work was done')

  monkeypatch.setattr(run, 'Data', fail)
  results = run.train(tiny_runs.settings(place, train__epochs=4), finished)
  assert results == run_folder.RunFolder(finished).read_results()
  err = capsys.readouterr().err
  assert 'no recording or list was opened' in err
  assert 'was not opened' not in err
  elsewhere = tiny_runs.settings(
    place, train__epochs=4, data__root='/else/where'
  )
  assert run.train(elsewhere, finished) == results
  assert "'/else/where' was not opened" in capsys.readouterr().err


def test_other_recordings_of_several_corpora_are_not_recalled_in_silence(
  finished, place, tmp_path, capsys
):
  """A finished run is told apart by no folder, and so says whose it is."""
  workdir = tiny_runs.copy_of(finished, tmp_path)
  csv = place / 'corpus' / 'list.csv'

  def settings(corpora):
    return tiny_runs.settings(
      place, data__manifest='', data__corpora=corpora, train__epochs=4
    )

  run_folder.RunFolder(workdir).write_config(
    config_lib.to_dict(settings(f'home={csv}:/data/clean,other={csv}'))
  )
  run.train(settings(f'home={csv}:/data/clean, other={csv}'), workdir)
  assert 'was not opened' not in capsys.readouterr().err
  run.train(settings(f'home={csv}:/data/noisy,other={csv}'), workdir)
  err = capsys.readouterr().err
  assert ':/data/clean' in err
  assert f":/data/noisy,other={csv}' was not opened" in err


def test_a_run_says_what_of_a_corpus_takes_part(
  place, tmp_path, monkeypatch, capsys
):
  def enough(*args, **kwargs):
    raise InputError('enough')

  monkeypatch.setattr(run, 'Data', enough)
  limited = tiny_runs.settings(place, data__most_per_corpus=6)
  with pytest.raises(InputError, match='enough'):
    run.train(limited, tmp_path / 'run')
  assert capsys.readouterr().err == (
    'note: 6 of 24 utterances take part: at most 6 of a corpus.\n'
  )


def test_a_page_that_a_kill_left_undrawn_is_drawn(finished, place, tmp_path):
  workdir = tiny_runs.copy_of(finished, tmp_path)
  page = (workdir / 'report.html').read_bytes()
  (workdir / 'report.html').unlink()
  run.train(tiny_runs.settings(place, train__epochs=4), workdir)
  assert (workdir / 'report.html').read_bytes() == page


def test_no_page_of_fewer_epochs_stands_beside_results_of_more(
  finished, place, tmp_path, monkeypatch
):
  workdir = tiny_runs.copy_of(finished, tmp_path)

  def killed(folder):
    raise KeyboardInterrupt

  monkeypatch.setattr(report, 'write', killed)
  with pytest.raises(KeyboardInterrupt):
    run.train(tiny_runs.settings(place, train__epochs=5), workdir)
  assert run_folder.RunFolder(workdir).read_results().epochs == 5
  assert not (workdir / 'report.html').exists()


def test_evaluate_gives_the_results_of_the_checkpoint(
  finished, place, tmp_path
):
  workdir = tiny_runs.copy_of(finished, tmp_path)
  before = run_folder.RunFolder(workdir).read_results()
  (workdir / 'results.json').unlink()
  assert (
    run.evaluate(tiny_runs.settings(place, train__epochs=4), workdir) == before
  )


def test_a_validation_speaker_adds_a_selection(place, tmp_path):
  workdir = tmp_path / 'validation'
  results = run.train(
    tiny_runs.settings(place, train__epochs=2, protocol__validation='speaker'),
    workdir,
  )
  assert list(results.selections) == [
    'last',
    'last_recomputed',
    'validation',
    'best_on_test',
  ]
  assert 'validation' in run_folder.RunFolder(workdir).read_metrics()[0]


def test_a_folder_of_other_settings_is_refused(finished, place):
  with pytest.raises(InputError, match=r'seed=0, not 1; choose another'):
    run.train(tiny_runs.settings(place, train__epochs=4, seed=1), finished)


def test_fewer_epochs_than_done_are_refused(finished, place, tmp_path):
  with pytest.raises(InputError, match=r'already did 4 epochs.*train.epochs=2'):
    run.train(tiny_runs.settings(place, train__epochs=2), finished)
  unfinished = tiny_runs.copy_of(finished, tmp_path)
  (unfinished / 'results.json').unlink()
  with pytest.raises(InputError, match=r'already did 4 epochs.*train.epochs=2'):
    run.train(tiny_runs.settings(place, train__epochs=2), unfinished)


def test_a_folder_with_other_things_in_it_is_left_alone(place, tmp_path):
  (tmp_path / 'thesis.tex').write_text('years of work')
  with pytest.raises(InputError, match=r'holds thesis.tex but no run'):
    run.train(tiny_runs.settings(place), tmp_path)
  assert [path.name for path in tmp_path.iterdir()] == ['thesis.tex']


@pytest.mark.parametrize(
  'left',
  [
    ['run.lock'],
    ['folds.json'],
    ['folds.json.99999999.tmp'],
    ['folds.json', 'environment.json', 'config.json.99999999.tmp'],
    ['corpus.png', 'environment.json.99999999.tmp'],
    ['history.json', 'folds.json', 'environment.json'],
  ],
)
def test_a_start_that_was_killed_can_be_repeated(place, tmp_path, left):
  """Whatever files it had begun, and even if the corpus has changed since."""
  for name in left:
    (tmp_path / name).write_text('{"folds": ')
  wanted = tiny_runs.settings(place, train__epochs=1, protocol__folds=('ann',))
  assert run.train(wanted, tmp_path).epochs == 1
  assert not list(tmp_path.glob('*.tmp'))


def test_the_config_of_a_run_is_written_last(place, tmp_path, monkeypatch):
  """A folder that has one holds all that a resumed run reads."""

  def killed(folder, config):
    raise KeyboardInterrupt

  monkeypatch.setattr(run_folder.RunFolder, 'write_config', killed)
  with pytest.raises(KeyboardInterrupt):
    run.train(tiny_runs.settings(place), tmp_path / 'run')
  assert sorted(path.name for path in (tmp_path / 'run').iterdir()) == [
    'environment.json',
    'folds.json',
    'history.json',
    'run.lock',
  ]


def test_a_changed_corpus_is_noticed(finished, place, tmp_path):
  workdir = tiny_runs.copy_of(finished, tmp_path)
  csv = tiny.write_corpus(tmp_path / 'corpus')
  text = csv.read_text().splitlines()
  csv.write_text('\n'.join(text[:-1]) + '\n')
  changed = tiny_runs.settings(place, train__epochs=5, data__manifest=str(csv))
  config = json.loads((workdir / 'config.json').read_text())
  config['data']['manifest'] = str(csv)
  (workdir / 'config.json').write_text(json.dumps(config))
  with pytest.raises(InputError, match=r'other utterances, labels or folds'):
    run.train(changed, workdir)


def test_bad_files_are_named_and_leave_no_folder(place, tmp_path):
  csv = tiny.write_corpus(tmp_path / 'corpus')
  bad = [tmp_path / 'corpus' / f'ann_low_{take}.wav' for take in (0, 2)]
  for path in bad:
    path.write_bytes(b'')
  wanted = tiny_runs.settings(place, data__manifest=str(csv), train__epochs=1)
  with pytest.raises(InputError) as caught:
    run.train(wanted, tmp_path / 'run')
  assert all(path.name in str(caught.value) for path in bad)
  assert not (tmp_path / 'run').exists()
  wanted.data.on_bad_file = 'skip'
  results = run.train(wanted, tmp_path / 'run')
  assert sorted(results.skipped_files) == [str(path) for path in bad]
  assert results.num_utterances == 22
  page = (tmp_path / 'run' / 'report.html').read_text()
  assert bad[0].name in page


def test_inspect_prints_a_table_and_draws_a_picture(place, tmp_path):
  text = run.inspect(tiny_runs.settings(place), tmp_path)
  assert 'ann' in text and 'high' in text
  assert (tmp_path / 'corpus.png').stat().st_size > 10_000
  run.train(
    tiny_runs.settings(place, train__epochs=1), tmp_path
  )  # in the same folder


def test_the_default_folder_differs_with_the_settings(place):
  one = run.default_workdir(tiny_runs.settings(place))
  assert one.parts[0] == 'runs'
  assert one.name.startswith('tiny-')
  assert one == run.default_workdir(tiny_runs.settings(place, train__epochs=9))
  assert one != run.default_workdir(tiny_runs.settings(place, seed=1))


def test_emodb_at_its_full_size_has_the_paper_s_folds(emodb_root):
  corpus = registry.load('emodb', emodb_root)
  assert len(corpus.utterances) == 535
  assert len(corpus.speakers) == 10


def test_training_on_everything_tests_nothing_and_says_so(place, tmp_path):
  workdir = tmp_path / 'all'
  config = tiny_runs.settings(place, protocol__name='all', train__epochs=2)
  results = run.train(config, workdir)
  assert list(results.selections) == ['last', 'last_recomputed']
  (fold,) = results.last.folds
  assert fold.n_test == results.num_utterances
  rows = run_folder.RunFolder(workdir).read_metrics()
  assert all('test' not in row for row in rows)
  said = report.summary_text(results)
  assert 'The tests are the training set itself' in said
  assert (
    'say nothing about new recordings' in (workdir / 'report.html').read_text()
  )


def test_several_seeds_are_reported_with_their_spread(
  finished, place, tmp_path
):
  workdir = tmp_path / 'seeds'
  results = run.train(
    tiny_runs.settings(place, train__epochs=4, train__seeds=2), workdir
  )
  ours, alone = tiny_runs.losses(workdir), tiny_runs.losses(finished)
  # The first seed is the run of one seed, to the bit.
  assert {k: v for k, v in ours.items() if k[1] == 0} == alone
  assert {k[1] for k in ours} == {0, 1}
  assert results.seeds == (0, 1)
  before = run_folder.RunFolder(finished).read_results()
  assert 'seeds' not in before.to_json()
  # An export of every fold and seed finds its test.
  corpus = recordings.Corpus(workdir)
  rows = run_folder.RunFolder(workdir).read_metrics()
  for name in {run_folder.trial_of(row) for row in rows}:
    test = corpus.test(name, results.classes)
    assert len(test.owners) and test.what.startswith('test of')
  for name, selection in results.selections.items():
    first, second = selection.over_seeds.seeds
    assert (first.seed, second.seed) == (0, 1)
    assert first.to_json() == {'seed': 0, **before.selections[name].to_json()}
    # Every utterance is tested once with each seed, so the pooled UAR is the
    # mean over seeds.
    assert np.sum(selection.pooled.confusion) == 2 * 24
    scores = [seed.pooled.uar for seed in (first, second)]
    assert selection.pooled.uar == pytest.approx(np.mean(scores))
    spread = selection.over_seeds
    assert spread.mean.uar == pytest.approx(np.mean(scores))
    assert spread.sd.uar == pytest.approx(np.std(scores, ddof=1))
    rows = [
      row
      for row in run_folder.RunFolder(workdir).read_predictions()
      if (row['selection'], row['weights_dtype']) == (name, 'float16')
    ]
    counts = committee.counts(rows, results.classes)
    assert np.array_equal(spread.together.pooled.confusion, counts)
    assert spread.together.folds[0].epoch == selection.folds[0].epoch
  assert results.last.folds[0].epoch == (4, 4)
  folder = run_folder.RunFolder(workdir)
  assert {row['seed'] for row in folder.read_predictions()} == {0, 1}
  assert 'seed' not in run_folder.RunFolder(finished).read_predictions()[0]
  said = report.summary_text(results)
  assert '4 epochs, 2 seeds, 48 tests' in said
  assert 'over seeds: UAR mean' in said
  together = results.last.over_seeds.together.pooled.uar
  assert f'; as a committee {100 * together:.1f} %' in said
  page = folder.report.read_text()
  assert 'as a committee' in page
  assert 'Each seed' in page and 'seeds 0, 1' in page
  assert 'Only part of the protocol' not in page
  with pytest.raises(InputError, match=r'train.seeds=2, not 3'):
    run.train(
      tiny_runs.settings(place, train__epochs=4, train__seeds=3), workdir
    )


def test_tf32_is_refused_where_it_would_be_something_else(
  place, tmp_path, monkeypatch
):
  monkeypatch.setattr(jax, 'default_backend', lambda: 'tpu')
  with pytest.raises(InputError, match=r"'tf32', which tpu does not support"):
    run.train(
      tiny_runs.settings(place, train__precision='tf32'), tmp_path / 'tf32'
    )
  assert not (tmp_path / 'tf32').exists()


def test_a_run_from_before_seeds_and_precision_is_recalled(
  finished, place, tmp_path
):
  workdir = tiny_runs.copy_of(finished, tmp_path)
  config = json.loads((workdir / 'config.json').read_text())
  for name in ('seeds', 'precision', 'report_epochs', 'fold_mapping'):
    del config['train'][name]
  (workdir / 'config.json').write_text(json.dumps(config))
  results = run.train(tiny_runs.settings(place, train__epochs=4), workdir)
  assert results == run_folder.RunFolder(finished).read_results()
