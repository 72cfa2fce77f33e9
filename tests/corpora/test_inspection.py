"""The table and the picture of a corpus."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest

from sernet_jax.audio import reading
from sernet_jax.corpora import durations, inspection
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
  text = inspection.table(
    corpus, durations_s, segment_s=2.0, bad={'/x.wav': 'is empty (0 bytes)'}
  )
  rows = [line.split() for line in text.splitlines()]
  assert ['speaker', 'anger', 'joy', 'total'] in rows
  assert ['s002', '3', '2', '5'] in rows
  assert ['total', '6', '6', '12'] in rows
  assert '1.00 s to 4.50 s, mean 1.68 s, in all 18 s' in text
  assert 'longer than the segment of 2 s: 1 of 11 (9%)' in text
  assert 'problem: One thing is odd.' in text
  assert 'problem: 1 of 12 recordings cannot be used: /x.wav is empty' in text


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


def test_durations_come_from_the_files_and_bad_ones_are_named(tmp_path):
  for name, seconds in (('a', 0.5), ('b', 1.25)):
    samples = np.full(round(8000 * seconds), 0.1)
    reading.write_wav(tmp_path / f'{name}.wav', samples, 8000)
  (tmp_path / 'c.wav').touch()
  corpus = Corpus(
    'mine',
    CLASSES,
    tuple(
      Utterance(name, str(tmp_path / f'{name}.wav'), 'joy', 'ann')
      for name in 'abc'
    ),
  )
  durations_s, bad = durations.measure(corpus)
  np.testing.assert_array_equal(durations_s, [0.5, 1.25, np.nan])
  assert bad == {str(tmp_path / 'c.wav'): 'is empty (0 bytes)'}


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


def tones(tmp_path, count):
  for number in range(count):
    reading.write_wav(
      tmp_path / f'{number:02}.wav', np.full(80 + number, 0.1), 8000
    )
  return Corpus(
    'mine',
    CLASSES,
    tuple(
      Utterance(f'{n:02}', str(tmp_path / f'{n:02}.wav'), 'joy', 'ann')
      for n in range(count)
    ),
  )


def test_a_look_that_was_stopped_goes_on(tmp_path, monkeypatch):
  monkeypatch.setattr(durations, '_BLOCK', 3)
  monkeypatch.setattr(durations, '_READERS', 1)
  corpus = tones(tmp_path, 10)
  (tmp_path / '04.wav').write_bytes(b'')
  folder = tmp_path / 'cache'
  measure, measured = reading.durations, []

  def until_the_third(paths):
    if len(measured) == 2:
      raise KeyboardInterrupt
    measured.append(len(paths))
    return measure(paths)

  with monkeypatch.context() as patch:
    patch.setattr(reading, 'durations', until_the_third)
    with pytest.raises(KeyboardInterrupt):
      durations.measure(corpus, folder=folder)
  (note,) = folder.iterdir()
  note.write_text(note.read_text() + '{"start": 6, "val')  # cut off
  monkeypatch.setattr(
    reading,
    'durations',
    lambda paths: measured.append(len(paths)) or measure(paths),
  )
  seconds, bad = durations.measure(corpus, folder=folder)
  assert sum(measured) == 10
  expected = (80 + np.arange(10)) / 8000
  expected[4] = np.nan
  np.testing.assert_array_equal(seconds, expected)
  assert bad == {str(tmp_path / '04.wav'): 'is empty (0 bytes)'}
  again, _ = durations.measure(corpus, folder=folder)
  np.testing.assert_array_equal(again, seconds)
  assert sum(measured) == 10
  (tmp_path / '04.wav').chmod(0o640)  # as after giving a right to read
  durations.measure(corpus, folder=folder)
  assert sum(measured) == 20
  reading.write_wav(tmp_path / '04.wav', np.full(800, 0.1), 8000)
  seconds, bad = durations.measure(corpus, folder=folder)
  assert seconds[4] == 0.1
  assert bad == {}


def test_processes_measure_the_same(tmp_path, monkeypatch):
  monkeypatch.setattr(durations, '_MANY', 5)
  corpus = tones(tmp_path, 6)
  seconds, bad = durations.measure(corpus, processes=2)
  np.testing.assert_array_equal(seconds, (80 + np.arange(6)) / 8000)
  assert bad == {}
