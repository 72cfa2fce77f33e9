"""Whole runs on a tiny corpus: files, resume, and what people get wrong."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest
import tiny

from sernet_jax.common import progress_bar
from sernet_jax.common.errors import InputError
from sernet_jax.corpora import registry
from sernet_jax.export import recordings
from sernet_jax.results import report, run_folder
from sernet_jax.runs import checkpoint, loop, run
from sernet_jax.training import mapping, together

pytestmark = pytest.mark.usefixtures('blank_figures')


@pytest.fixture(scope='module')
def place(tmp_path_factory):
  """A corpus and a cache that the module shares."""
  folder = tmp_path_factory.mktemp('run')
  tiny.write_corpus(folder / 'corpus')
  return folder


def settings(place, **changes):
  csv = place / 'corpus' / 'list.csv'
  return tiny.config(csv, place / 'features', **{**tiny.QUICK, **changes})


@pytest.fixture(scope='module')
def finished(place):
  """A run of 4 epochs that nothing disturbed."""
  workdir = place / 'finished'
  run.train(settings(place, train__epochs=4), workdir)
  return workdir


def copy_of(workdir, tmp_path):
  return pathlib.Path(shutil.copytree(workdir, tmp_path / 'copy'))


def assert_same_run(one, other):
  """The same numbers to the last bit; only times differ."""
  assert (one / 'predictions.csv').read_text() == (
    other / 'predictions.csv'
  ).read_text()
  rows = [
    sorted(
      run_folder.RunFolder(folder).read_metrics(),
      key=lambda row: (row['fold'], row['epoch']),
    )
    for folder in (one, other)
  ]
  for row in (*rows[0], *rows[1]):
    del row['seconds']
  assert rows[0] == rows[1]


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
  results = run.train(settings(place, train__epochs=4), finished)
  assert results == run_folder.RunFolder(finished).read_results()
  assert 'was not opened' not in capsys.readouterr().err
  elsewhere = settings(place, train__epochs=4, data__root='/else/where')
  assert run.train(elsewhere, finished) == results
  assert "'/else/where' was not opened" in capsys.readouterr().err


def test_a_page_that_a_kill_left_undrawn_is_drawn(finished, place, tmp_path):
  workdir = copy_of(finished, tmp_path)
  page = (workdir / 'report.html').read_bytes()
  (workdir / 'report.html').unlink()
  run.train(settings(place, train__epochs=4), workdir)
  assert (workdir / 'report.html').read_bytes() == page


def test_no_page_of_fewer_epochs_stands_beside_results_of_more(
  finished, place, tmp_path, monkeypatch
):
  workdir = copy_of(finished, tmp_path)

  def killed(folder):
    raise KeyboardInterrupt

  monkeypatch.setattr(report, 'write', killed)
  with pytest.raises(KeyboardInterrupt):
    run.train(settings(place, train__epochs=5), workdir)
  assert run_folder.RunFolder(workdir).read_results().epochs == 5
  assert not (workdir / 'report.html').exists()


def test_more_epochs_go_on_to_the_same_bits_and_say_how_far_they_are(
  finished, place, tmp_path, monkeypatch, capsys
):
  workdir = tmp_path / 'longer'
  run.train(settings(place, train__epochs=1), workdir)
  assert tiny.only_progress(capsys.readouterr().err)
  monkeypatch.setattr(progress_bar, 'LOG_SECONDS', 0.0)
  run.train(settings(place, train__epochs=4), workdir)
  assert_same_run(workdir, finished)
  lines = capsys.readouterr().err.splitlines()
  training = [line for line in lines if line.startswith('training')]
  assert training[0].startswith('training: 3 of 12 epochs, ')
  assert training[-1].startswith('training: 12 of 12 epochs, ')
  assert 'UAR=' in training[-1] and 'loss=' in training[-1]


def start(place, workdir):
  """The same run as a process of its own, as people start it."""
  arguments = tiny.flags(settings(place, train__epochs=4))
  return subprocess.Popen(
    [
      sys.executable,
      '-m',
      'sernet_jax.main',
      *arguments,
      f'--workdir={workdir}',
    ],
    env={**os.environ, 'SERNET_CACHE': str(place / 'cache')},
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )


def wait_for_rows(workdir, count, process):
  path = workdir / 'metrics.jsonl'
  for _ in range(3000):
    if path.exists() and len(path.read_text().splitlines()) >= count:
      return
    assert process.poll() is None, process.stderr.read()
    time.sleep(0.02)
  raise AssertionError('the run never got that far')


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_run_goes_on_to_the_same_bits(
  finished, place, tmp_path, number
):
  workdir = tmp_path / 'stopped'
  process = start(place, workdir)
  wait_for_rows(workdir, 5, process)
  # While it lives, nobody else may write there.
  with pytest.raises(InputError, match=f'in use by process {process.pid}'):
    run.train(settings(place, train__epochs=4), workdir)
  process.send_signal(number)
  _, said = process.communicate(timeout=120)
  if number == signal.SIGTERM:
    assert process.returncode == 128 + number
    assert 'run the same command again to go on' in said
    assert 'Traceback' not in said
  assert not (workdir / 'results.json').exists()
  run.train(settings(place, train__epochs=4), workdir)
  assert_same_run(workdir, finished)


# A load that failed leaves unawaited tasks of orbax behind, which may be
# collected after their event loop has closed.
@pytest.mark.filterwarnings('ignore::pytest.PytestUnraisableExceptionWarning')
def test_a_kill_loses_no_more_than_a_block_or_a_minute(
  finished, place, tmp_path, monkeypatch
):
  """Saved after every block when they are long, whatever the epochs say."""
  saved = []
  save = checkpoint.Checkpoints.save

  def noted(self, step, tree):
    saved.append(step)
    save(self, step, tree)

  monkeypatch.setattr(checkpoint.Checkpoints, 'save', noted)
  config = settings(place, train__epochs=2, train__checkpoint_epochs=10)
  run.train(config, tmp_path / 'quick')
  assert saved == [2 * len(tiny.SPEAKERS)]
  saved.clear()
  monkeypatch.setattr(loop, 'SAVE_SECONDS', 0.0)
  run.train(config, tmp_path / 'slow')
  assert saved == list(range(1, 2 * len(tiny.SPEAKERS) + 1))
  slow, other = (
    [
      {**row, 'seconds': None}
      for row in run_folder.RunFolder(folder).read_metrics()
      if row['epoch'] <= 2
    ]
    for folder in (tmp_path / 'slow', finished)
  )
  assert slow == other


def test_a_damaged_checkpoint_falls_back_and_ends_the_same(
  finished, place, tmp_path, capsys
):
  workdir = tmp_path / 'damaged'
  run.train(settings(place, train__epochs=3), workdir)
  newest = max((workdir / 'checkpoints').iterdir(), key=lambda p: int(p.name))
  for path in newest.rglob('*'):
    if path.is_file():
      path.write_bytes(b'damaged')
  run.train(settings(place, train__epochs=4), workdir)
  assert 'is damaged' in capsys.readouterr().err
  assert_same_run(workdir, finished)


def test_one_fold_alone_equals_the_fold_among_others(finished, place, tmp_path):
  workdir = tmp_path / 'alone'
  run.train(settings(place, train__epochs=4, protocol__folds=('bob',)), workdir)
  folders = [run_folder.RunFolder(folder) for folder in (workdir, finished)]
  rows = [
    [row for row in folder.read_metrics() if row['fold'] == 'bob']
    for folder in folders
  ]
  for row in (*rows[0], *rows[1]):
    del row['seconds']
  assert rows[0] == rows[1]


def test_evaluate_gives_the_results_of_the_checkpoint(
  finished, place, tmp_path
):
  workdir = copy_of(finished, tmp_path)
  before = run_folder.RunFolder(workdir).read_results()
  (workdir / 'results.json').unlink()
  assert run.evaluate(settings(place, train__epochs=4), workdir) == before


def test_a_validation_speaker_adds_a_selection(place, tmp_path):
  workdir = tmp_path / 'validation'
  results = run.train(
    settings(place, train__epochs=2, protocol__validation='speaker'),
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
    run.train(settings(place, train__epochs=4, seed=1), finished)


def test_fewer_epochs_than_done_are_refused(finished, place, tmp_path):
  with pytest.raises(InputError, match=r'already did 4 epochs.*train.epochs=2'):
    run.train(settings(place, train__epochs=2), finished)
  unfinished = copy_of(finished, tmp_path)
  (unfinished / 'results.json').unlink()
  with pytest.raises(InputError, match=r'already did 4 epochs.*train.epochs=2'):
    run.train(settings(place, train__epochs=2), unfinished)


def test_a_folder_with_other_things_in_it_is_left_alone(place, tmp_path):
  (tmp_path / 'thesis.tex').write_text('years of work')
  with pytest.raises(InputError, match=r'holds thesis.tex but no run'):
    run.train(settings(place), tmp_path)
  assert [path.name for path in tmp_path.iterdir()] == ['thesis.tex']


def test_a_changed_corpus_is_noticed(finished, place, tmp_path):
  workdir = copy_of(finished, tmp_path)
  csv = tiny.write_corpus(tmp_path / 'corpus')
  text = csv.read_text().splitlines()
  csv.write_text('\n'.join(text[:-1]) + '\n')
  changed = settings(place, train__epochs=5, data__manifest=str(csv))
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
  wanted = settings(place, data__manifest=str(csv), train__epochs=1)
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


def test_a_value_that_is_not_finite_stops_with_numbers(place, tmp_path):
  wild = settings(place, optim__learning_rate=1e30)
  with pytest.raises(
    InputError, match=r'fold ann became .* in epoch \d at learning rate 1e\+30'
  ):
    run.train(wild, tmp_path / 'wild')
  assert not (tmp_path / 'wild' / 'results.json').exists()


def test_inspect_prints_a_table_and_draws_a_picture(place, tmp_path):
  text = run.inspect(settings(place), tmp_path)
  assert 'ann' in text and 'high' in text
  assert (tmp_path / 'corpus.png').stat().st_size > 10_000
  run.train(settings(place, train__epochs=1), tmp_path)  # in the same folder


def test_the_default_folder_differs_with_the_settings(place):
  one = run.default_workdir(settings(place))
  assert one.parts[0] == 'runs'
  assert one.name.startswith('tiny-')
  assert one == run.default_workdir(settings(place, train__epochs=9))
  assert one != run.default_workdir(settings(place, seed=1))


def test_emodb_at_its_full_size_has_the_paper_s_folds(emodb_root):
  corpus = registry.load('emodb', emodb_root)
  assert len(corpus.utterances) == 535
  assert len(corpus.speakers) == 10


def test_training_on_everything_tests_nothing_and_says_so(place, tmp_path):
  workdir = tmp_path / 'all'
  config = settings(place, protocol__name='all', train__epochs=2)
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


def losses(workdir):
  """(fold, epoch) -> training and test loss."""
  return {
    (row['fold'], row.get('seed', 0), row['epoch']): (
      row['train']['loss'],
      row['test']['loss'],
    )
    for row in run_folder.RunFolder(workdir).read_metrics()
  }


def test_epochs_in_one_call_agree_to_rounding(finished, place, tmp_path):
  """Blocks of 3 epochs: 1 to 3, then 4 alone; begun in single epochs."""
  workdir = tmp_path / 'blocks'
  run.train(settings(place, train__epochs=1), workdir)
  run.train(settings(place, train__epochs=4, train__report_epochs=3), workdir)
  ours, expected = losses(workdir), losses(finished)
  assert ours.keys() == expected.keys()
  for key, values in expected.items():
    tolerance = {1: 0, 2: 0.01, 3: 0.03, 4: 0.1}[key[-1]]
    assert ours[key] == pytest.approx(values, rel=tolerance)


def test_a_run_begun_with_map_goes_on_with_vmap(
  finished, place, tmp_path, monkeypatch
):
  """Rounding apart: 1e-6 in a step, 4e-4 after an epoch (measured).

  Whole blocks take one trace and one compilation, however many they are.
  """
  made = []
  make = mapping.make

  def noted(*args):
    made.append(make(*args))
    return made[-1]

  monkeypatch.setattr(mapping, 'make', noted)
  for program in (mapping.one_program, together.program):
    program.cache_clear()  # counts what other tests compiled
  workdir = tmp_path / 'mixed'
  run.train(settings(place, train__epochs=2), workdir)
  run.train(
    settings(place, train__epochs=4, train__fold_mapping='vmap'), workdir
  )
  assert [trials.program._cache_size() for trials in made] == [1, 1]
  ours, expected = losses(workdir), losses(finished)
  assert ours.keys() == expected.keys()
  for key, values in expected.items():
    tolerance = {1: 0, 2: 0, 3: 0.01, 4: 0.05}[key[-1]]
    assert ours[key] == pytest.approx(values, rel=tolerance)


def test_several_seeds_are_reported_with_their_spread(
  finished, place, tmp_path
):
  workdir = tmp_path / 'seeds'
  results = run.train(settings(place, train__epochs=4, train__seeds=2), workdir)
  ours, alone = losses(workdir), losses(finished)
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
  assert results.last.folds[0].epoch == (4, 4)
  folder = run_folder.RunFolder(workdir)
  assert {row['seed'] for row in folder.read_predictions()} == {0, 1}
  assert 'seed' not in run_folder.RunFolder(finished).read_predictions()[0]
  said = report.summary_text(results)
  assert '4 epochs, 2 seeds, 48 tests' in said
  assert 'over seeds: UAR mean' in said
  page = folder.report.read_text()
  assert 'Each seed' in page and 'seeds 0, 1' in page
  assert 'Only part of the protocol' not in page
  with pytest.raises(InputError, match=r'train.seeds=2, not 3'):
    run.train(settings(place, train__epochs=4, train__seeds=3), workdir)


def test_tf32_is_refused_where_it_would_be_something_else(
  place, tmp_path, monkeypatch
):
  monkeypatch.setattr(jax, 'default_backend', lambda: 'tpu')
  with pytest.raises(InputError, match=r"'tf32', which tpu does not support"):
    run.train(settings(place, train__precision='tf32'), tmp_path / 'tf32')
  assert not (tmp_path / 'tf32').exists()


def test_a_run_from_before_seeds_and_precision_is_recalled(
  finished, place, tmp_path
):
  workdir = copy_of(finished, tmp_path)
  config = json.loads((workdir / 'config.json').read_text())
  for name in ('seeds', 'precision', 'report_epochs', 'fold_mapping'):
    del config['train'][name]
  (workdir / 'config.json').write_text(json.dumps(config))
  results = run.train(settings(place, train__epochs=4), workdir)
  assert results == run_folder.RunFolder(finished).read_results()
