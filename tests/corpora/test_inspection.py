"""The table and the picture of a corpus."""

from __future__ import annotations

import dataclasses

import matplotlib as mpl
import numpy as np
import pytest

from sernet_jax.audio import reading
from sernet_jax.audio.spec import AudioSpec
from sernet_jax.corpora import inspection
from sernet_jax.corpora.utterances import SYNTHETIC_NOTE, Corpus, Utterance
from sernet_jax.results.figures import corpus_plot, style

CLASSES = ('anger', 'joy')


def make_corpus(num_speakers=3, **options):
  """Speaker k says k + 1 angry and two joyful utterances."""
  utterances = [
    Utterance(f'{k:03}{label}{i:03}', f'/{k}{label}{i}', label, f's{k:03}')
    for k in range(num_speakers)
    for label, count in (('anger', k + 1), ('joy', 2))
    for i in range(count)
  ]
  return Corpus('mine', CLASSES, tuple(utterances), **options)


def test_counts_are_speakers_by_classes():
  np.testing.assert_array_equal(
    inspection.counts(make_corpus()), [[1, 2], [2, 2], [3, 2]]
  )


def test_the_table_has_counts_totals_durations_and_problems():
  corpus = make_corpus(problems=('One thing is odd.',))
  durations_s = np.array([1.0] * 6 + [2.0] * 4 + [4.5, np.nan])
  # Two utterances are parts of one file.
  utterances = list(corpus.utterances)
  for index in (1, 2):
    utterances[index] = dataclasses.replace(
      utterances[index], path='/two.wav', start_s=float(index)
    )
  corpus = dataclasses.replace(corpus, utterances=tuple(utterances))
  text = inspection.table(
    corpus, durations_s, 2.0, bad={utterances[1].path: 'is empty (0 bytes)'}
  )
  rows = [line.split() for line in text.splitlines()]
  assert ['speaker', 'anger', 'joy', 'total'] in rows
  assert ['s002', '3', '2', '5'] in rows
  assert ['total', '6', '6', '12'] in rows
  assert '1.00 s to 4.50 s, mean 1.68 s, in all 18 s' in text
  assert 'longer than the segment of 2 s: 1 of 11 (9%)' in text
  assert 'problem: One thing is odd.' in text
  assert 'problem: 2 of 12 recordings cannot be used: /two.wav is' in text


def test_some_recordings_are_listened_to(tmp_path):
  """A telephone's band is told, and silence; what is bad was said already."""
  corpus = make_corpus()
  random = np.random.default_rng(0)
  moved = []
  for index, utterance in enumerate(corpus.utterances):
    path = tmp_path / f'{index}.wav'
    rate_hz = 16_000 if index else 8000
    if index != 3:
      samples = 0.1 * random.normal(size=rate_hz)
      samples = np.full(rate_hz, 0.25) if index == 5 else samples
      reading.write_wav(path, samples, rate_hz)
    moved.append(dataclasses.replace(utterance, path=str(path)))
  corpus = dataclasses.replace(corpus, utterances=tuple(moved))
  bad = {moved[3].path: 'does not exist'}
  odd, silent = inspection.listen(corpus, AudioSpec(), 7600.0, bad)
  assert f'{tmp_path}/5.wav is silent: all its 16000 samples are 0.25' in silent
  assert f'1 of 12 recordings: {tmp_path}/0.wav has no sound above 4.0' in odd
  assert f'note: {odd}' in inspection.table(corpus, np.ones(12), odd=[odd])


def test_the_table_without_problems_says_so():
  text = inspection.table(make_corpus(), np.ones(12))
  assert 'no problems found' in text
  assert 'in all 12 s' in text


def test_the_table_of_many_speakers_is_cut_but_counts_all():
  corpus = make_corpus(100)
  text = inspection.table(corpus, np.ones(len(corpus.utterances)))
  assert len(text.splitlines()) < 60
  rows = [line.split() for line in text.splitlines()]
  assert ['60', 'more', '4230', '120', '4350'] in rows
  assert ['total', '5050', '200', '5250'] in rows


def test_long_durations_are_told_in_hours():
  text = inspection.table(make_corpus(), np.full(12, 1000.0))
  assert 'in all 3 h 20 min' in text


def test_a_synthetic_corpus_says_so():
  text = inspection.table(make_corpus(synthetic=True), np.ones(12))
  assert SYNTHETIC_NOTE in text


@pytest.mark.parametrize('num_speakers', [1, 2, 10, 40, 130])
@pytest.mark.parametrize('synthetic', [False, True])
def test_the_picture_has_names_inside_its_borders(
  tmp_path, monkeypatch, num_speakers, synthetic
):
  corpus = make_corpus(num_speakers, synthetic=synthetic)
  durations_s = np.linspace(0.5, 9.0, len(corpus.utterances))
  drawn = []
  save = style.save
  monkeypatch.setattr(
    style,
    'save',
    lambda figure, path: (drawn.append(figure), save(figure, path)),
  )
  path = tmp_path / 'figures/corpus.png'
  corpus_plot.figure(corpus, durations_s, path, segment_s=3.0)
  assert path.read_bytes().startswith(b'\x89PNG')
  (figure,) = drawn
  texts = [text.get_text() for text in figure.texts]
  assert (SYNTHETIC_NOTE in texts) == synthetic
  upper, lower = figure.axes[:2]
  for axis in (upper, lower):
    box = axis.get_tightbbox()
    assert box.x0 >= 0
    assert box.y0 >= 0
    assert box.x1 <= figure.bbox.x1
    assert box.y1 <= figure.bbox.y1
  boxes = [label.get_window_extent() for label in upper.get_xticklabels()]
  for left, right in zip(boxes, boxes[1:], strict=False):
    assert left.x1 <= right.x0, 'names of speakers overlap'


def test_the_picture_needs_no_durations_and_leaves_the_look_alone(tmp_path):
  before = dict(mpl.rcParams)
  corpus = make_corpus()
  path = tmp_path / 'corpus.png'
  corpus_plot.figure(corpus, np.full(12, np.nan), path)
  assert path.stat().st_size > 0
  assert dict(mpl.rcParams) == before
