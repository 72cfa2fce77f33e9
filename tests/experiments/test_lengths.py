"""A run judged at its own length is the run; at others, the same weights."""

from __future__ import annotations

import copy
import json
import shutil

import numpy as np
import pytest
import tiny

from experiments.lib import cost_probe, lengths
from sernet_jax.common.errors import InputError
from sernet_jax.results import run_folder
from sernet_jax.runs import run
from sernet_jax.training import batch_norm_statistics

pytestmark = pytest.mark.usefixtures('blank_figures')

FOLDER = tiny.ROOT / 'experiments' / 'input_length'


@pytest.fixture(scope='module')
def place(tmp_path_factory):
  """(folder of a tiny run, folder of its corpus, cache)."""
  folder = tmp_path_factory.mktemp('lengths')
  csv = tiny.write_corpus(folder / 'corpus')
  config = tiny.config(csv, folder / 'cache', train__epochs=1, **tiny.QUICK)
  run.train(config, folder / 'run')
  return folder


@pytest.fixture(scope='module')
def content(place):
  before = {p: p.stat().st_mtime_ns for p in (place / 'run').rglob('*')}
  found = lengths.evaluate(place / 'run', [0.1])
  after = {p: p.stat().st_mtime_ns for p in (place / 'run').rglob('*')}
  assert after == before  # the folder is only read
  return found


def test_its_own_length_repeats_the_run(place, content):
  own, *others = content['settings']
  assert own['trained'] and own['against_trained'] is None
  results = run_folder.RunFolder(place / 'run').read_results().to_json()
  assert own['summary'] == results['selections']['last']
  assert content['run']['tests_unlike_the_run'] == 0
  assert not any(setting['trained'] for setting in others)


def test_other_lengths_have_the_same_tests(content):
  own, centre, every = content['settings']
  assert (centre['duration_s'], centre['segments']) == (0.1, 'center')
  assert (every['duration_s'], every['segments']) == (0.1, 'all')
  # Recordings of 0.3 s hold three segments of 0.1 s, which vote.
  assert (centre['segments_per_utterance'], own['segments_per_utterance']) == (
    1,
    1,
  )
  assert every['segments_per_utterance'] == 3
  for setting in (centre, every):
    assert [f['n_test'] for f in setting['summary']['folds']] == [8, 8, 8]
    truth = np.sum(setting['summary']['pooled']['confusion'], axis=1)
    assert truth.tolist() == [12, 12]
    gain = setting['against_trained']
    assert gain['difference']['uar'] == pytest.approx(
      setting['summary']['pooled']['uar'] - own['summary']['pooled']['uar']
    )
    assert gain['p'] <= gain['p_holm'] <= 1


def test_statistics_are_recomputed_at_every_other_length(place, monkeypatch):
  """At its own length the run has them; elsewhere the cut makes them anew."""
  shapes = []
  compute = batch_norm_statistics.recompute

  def watched(recipe, features, *rest):
    shapes.append(features.shape)
    return compute(recipe, features, *rest)

  monkeypatch.setattr(batch_norm_statistics, 'recompute', watched)
  content = lengths.evaluate(
    place / 'run', [0.1, 0.2], selection='last_recomputed'
  )
  results = run_folder.RunFolder(place / 'run').read_results().to_json()
  own, *others = content['settings']
  assert own['summary'] == results['selections']['last_recomputed']
  assert content['run']['selection'] == 'last_recomputed'
  assert content['run']['tests_unlike_the_run'] == 0
  # Cuts that are not the own: 0.1 s once, 0.1 s in three, 0.2 s in two.
  assert len(others) == 3
  assert sorted(shape[:2] for shape in shapes) == [(24, 3), (48, 9), (72, 3)]
  with pytest.raises(InputError, match="selection is 'best_on_test'"):
    lengths.evaluate(place / 'run', [0.1], selection='best_on_test')


@pytest.fixture
def evaluate(monkeypatch):
  measured = {
    'latency_ms': {'network': 1.0, 'chain': 2.0},
    'least_ms': {'network': 0.5, 'chain': 1.5},
    'run_kib': None,
    'process_mib': None,
  }
  monkeypatch.setattr(cost_probe, 'probe', lambda *_: measured)
  return tiny.load_script(FOLDER / 'evaluate.py')


def test_the_command_writes_table_and_figure(
  place, content, evaluate, tmp_path, monkeypatch
):
  monkeypatch.setattr(lengths, 'evaluate', lambda *_: copy.deepcopy(content))
  evaluate.main(
    [str(place / 'run'), '--lengths=0.1', f'--output={tmp_path}', '--root=']
  )
  found = json.loads((tmp_path / 'results.json').read_text())
  expected = json.loads(json.dumps(content['settings']))
  for setting in expected:
    del setting['summary']['folds']
  assert found['settings'] == expected
  assert str(place) not in (tmp_path / 'results.json').read_text()
  assert [cost['duration_s'] for cost in found['costs']] == [0.1, 0.2]
  page = (tmp_path / 'README.md').read_text()
  assert 'trained at 0.2 s for 1 of 300 epochs, 1 seed, last epoch' in page
  assert page.count('0.2 s, center (as trained)') == 1
  assert (tmp_path / 'lengths.png').stat().st_size > 10_000


@pytest.mark.parametrize('text', ['', 'three', '1,,2'])
def test_lengths_that_make_no_sense_are_one_sentence(evaluate, place, text):
  with pytest.raises(
    InputError, match='is not a list of seconds; give such as'
  ):
    evaluate.main([str(place / 'run'), f'--lengths={text}'])


def test_a_run_without_its_corpus_is_refused(place, tmp_path):
  with pytest.raises(InputError, match='holds no run'):
    lengths.evaluate(tmp_path, [1.0])
  moved = tmp_path / 'run'
  shutil.copytree(place / 'run', moved)
  csv = place / 'corpus' / 'list.csv'
  text = csv.read_text()
  try:
    csv.write_text(text.replace('ann_high_0.wav,high', 'ann_high_0.wav,low'))
    with pytest.raises(InputError, match='other utterances, labels or folds'):
      lengths.evaluate(moved, [0.1])
    csv.unlink()
    with pytest.raises(InputError, match=r'list\.csv'):
      lengths.evaluate(moved, [0.1])
  finally:
    csv.write_text(text)
  (moved / 'results.json').unlink()
  with pytest.raises(InputError, match=r'results\.json is missing'):
    lengths.evaluate(moved, [0.1])


def test_lengths_no_frame_fits_in_are_refused(place):
  with pytest.raises(InputError, match=r'shorter than one frame of 1024'):
    lengths.evaluate(place / 'run', [0.05])


@pytest.fixture(scope='module')
def own_frames(place):
  """A run whose pooling leaves padding out, tested at 0.3 s, trained at 0.2."""
  changes = {
    'data__crop': 'random',
    'data__test_duration_s': 0.3,
    'model__pooling': 'masked',
    'optim__average': 0.5,
    'protocol__best_on_test': False,
  }
  csv = place / 'corpus' / 'list.csv'
  run.train(
    tiny.config(csv, place / 'cache', train__epochs=1, **tiny.QUICK, **changes),
    place / 'own_frames',
  )
  return place / 'own_frames'


def test_what_hears_its_own_frames_is_compared_with_the_length_of_training(
  own_frames, tmp_path
):
  script = tiny.load_script(FOLDER / 'own_frames.py')
  script.main(
    [str(own_frames), '--root=', '--lengths=0.1,0.3', f'--output={tmp_path}']
  )
  content = json.loads((tmp_path / 'own_frames.json').read_text())
  trained, own, shorter = content['settings']
  assert [s['duration_s'] for s in content['settings']] == [0.2, 0.3, 0.1]
  assert trained['trained'] and trained['against_trained'] is None
  # What the run itself tested, test by test.
  results = run_folder.RunFolder(own_frames).read_results().to_json()
  expected = results['selections']['average']['pooled']
  assert own['summary']['pooled'] == expected
  assert content['run']['tests_unlike_the_run'] == 0
  for setting in (own, shorter):
    assert setting['segments_per_utterance'] == 1
    gain = setting['against_trained']['difference']['uar']
    before = trained['summary']['pooled']['uar']
    assert gain == pytest.approx(setting['summary']['pooled']['uar'] - before)
  page = (tmp_path / 'README.md').read_text()
  assert page.count('0.2 s (as trained)') == 1
  assert str(own_frames) not in (tmp_path / 'own_frames.json').read_text()


def test_a_run_that_hears_padding_has_a_command_of_its_own(place):
  script = tiny.load_script(FOLDER / 'own_frames.py')
  with pytest.raises(InputError, match='hears the zeros around an utterance'):
    script.main([str(place / 'run'), '--root='])
