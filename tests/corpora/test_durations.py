"""Lengths of recordings: measured once, resumed after a stop."""

from __future__ import annotations

import numpy as np
import pytest

from sernet_jax.audio import reading
from sernet_jax.corpora.cache import durations
from sernet_jax.corpora.utterances import Corpus, Utterance

CLASSES = ('anger', 'joy')


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
  with note.open('a') as file:  # as a damaged disk leaves it
    file.write('\n{"start": 9, "values": [-1.0]}\n{"start": 9, "values": []}')
    file.write('\n{"start": 6, "values": [NaN, 1.0, 1.0]}')
    file.write('\n{"start": 1, "values": [7.0, 7.0, 7.0]}')
    file.write('\n{"start": 12, "values": [7.0]}\n{"start": 6, "values": 3}')
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
