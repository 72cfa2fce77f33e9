"""A stream cut into windows, each judged by a model when it is full."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from sernet_jax.audio import (
  decoding,
  quality,
  segments,
  timeline,
  voice_gate,
)
from sernet_jax.audio.listening import BAND_S, Listening, level_db
from sernet_jax.common.errors import InputError, is_number, require
from sernet_jax.predict.inference import embeddings
from sernet_jax.predict.inference.result import Window, answer
from sernet_jax.predict.live import held_scale
from sernet_jax.predict.models import Model
from sernet_jax.predict.sessions import waveform

if TYPE_CHECKING:
  from sernet_jax.predict.sessions import moving_window


def estimates(
  pieces: Iterable[np.ndarray],
  model: Model,
  rate_hz: int,
  hop_s: float | None = None,
  newest_only: bool = False,
  listening: Listening | None = None,
  problems: list[str] | None = None,
  held_db: float = 0.0,
  voice: bool = False,
) -> Iterator[Window]:
  """Estimates a window each time one is full, and the rest at the end.

  Args:
    pieces: float32 (samples,) or (samples, channels) at `rate_hz`, of any
      sizes.
    model: from `models.load`.
    rate_hz: of the pieces; other rates than the model's are resampled.
    hop_s: from window to window; None as in `recognize`.
    newest_only: of windows that became full with the same piece compute only
      the last, so that estimates keep up even on a slow machine.
    listening: the channel, and what counts as silence; beside the loudest
      window so far.
    problems: receives what `recognize` notes on a recording: after the first
      seconds of sound, or at the end, on its band and channels, and at the end
      that it is short.
    held_db: the scale of a window is kept for the next ones while theirs are
      within so many dB of it, so that only new sound is computed; 0: each
      window has its own, as in `recognize`.
    voice: windows in which the voice gate is open for less than 0.3 s count as
      silence too, see `audio.voice_gate`.

  Raises:
    InputError: if rate or hop make no sense, or a scale is held and nothing can
      be kept with this hop or model; while it runs, if there is no such channel.
  """
  spec = model.audio
  require(
    is_number(rate_hz)
    and decoding.MIN_RATE_HZ <= rate_hz <= decoding.MAX_RATE_HZ
    and float(rate_hz).is_integer(),
    f'rate_hz is {rate_hz!r}; give the sample rate of the sound, such as 16000',
  )
  hop = timeline.hop_samples(hop_s, spec.sample_rate_hz, spec.num_samples)
  windows = timeline.Windows(spec.num_samples, hop)
  resampler = timeline.Resampler(rate_hz, spec.sample_rate_hz)
  moving = held_scale.moving(model, hop, held_db)
  gate = None
  if voice:
    gate = voice_gate.VoiceGate(
      voice_gate.GateSpec(spec.sample_rate_hz, model.mfcc.hop_samples)
    )
  listening = listening or Listening()
  if not listening.channel:
    listening = dataclasses.replace(listening, channel=spec.channel)
  judge = _Judge(model, listening, moving, gate)
  limit_hz = model.mfcc.upper_edge_hz
  mixed = _watched(pieces, rate_hz, limit_hz, listening, problems)
  return _estimates(mixed, judge, windows, resampler, newest_only)


def _watched(
  pieces: Iterable[np.ndarray],
  rate_hz: int,
  limit_hz: float,
  listening: Listening,
  problems: list[str] | None,
) -> Iterator[np.ndarray]:
  """Passes on one channel (samples,) of a stream; says once what is odd."""
  channel = listening.channel
  watch = None if problems is None else quality.Watch()
  count = sounding = 0
  for piece in pieces:
    block = piece[:, None] if piece.ndim == 1 else piece
    samples = quality.mix(block, channel)
    if samples is None:
      raise InputError(
        f'--channel is {channel}, the input has {block.shape[1]}; count from 0 '
        'on'
      )
    count += len(block)
    # Silence tells nothing of the band; channels that cancel are none.
    if watch is not None and quality.holds_sound(block):
      watch.see(block, samples, rate_hz)
      sounding += len(block)
      if sounding >= BAND_S * rate_hz:
        _say(watch.sentences(limit_hz, channel), problems)
        watch = None
    yield samples
  if watch is not None:
    _say(watch.sentences(limit_hz, channel), problems)
  if count:
    _say(listening.short(count / rate_hz), problems)


def _say(sentences: Iterable[str], problems: list[str] | None) -> None:
  if problems is not None:
    problems += [f'the input {said}' for said in sentences]


def _estimates(
  pieces: Iterable[np.ndarray],
  judge: _Judge,
  windows: timeline.Windows,
  resampler: timeline.Resampler,
  newest_only: bool,
) -> Iterator[Window]:
  for piece in pieces:
    full: Iterable[tuple[int, np.ndarray]]
    full = windows.push(judge.hears(resampler.push(piece)))
    if newest_only:
      full = [*full][-1:]
    for start, samples in full:
      yield judge(start, samples)
  rest = resampler.push(np.zeros(0, np.float32), last=True)
  for start, samples in windows.push(judge.hears(rest)):
    yield judge(start, samples)
  for start, samples in windows.finish():
    yield judge(start, samples)


class _Judge:
  """Model with the voice gate and the level of the loudest window so far."""

  def __init__(
    self,
    model: Model,
    listening: Listening,
    moving: moving_window.MovingWindow | None,
    gate: voice_gate.VoiceGate | None = None,
  ) -> None:
    self._gate = gate
    self._model, self._listening, self._moving = model, listening, moving
    self._run = embeddings.rows(model)
    self._loudest_db = -np.inf

  def hears(self, samples: np.ndarray) -> np.ndarray:
    """Returns the next samples (samples,) of the stream, seen by the gate."""
    if self._gate is not None:
      self._gate.push(samples)
    return samples

  def __call__(self, start: int, samples: np.ndarray) -> Window:
    """Runs the model on one window (samples,) that begins at `start`."""
    model, listening = self._model, self._listening
    rate_hz = model.audio.sample_rate_hz
    times_s = (start / rate_hz, (start + len(samples)) / rate_hz)
    found_db = level_db(samples)
    self._loudest_db = max(self._loudest_db, found_db)
    least_db = max(listening.floor_db, self._loudest_db - listening.gate_db)
    segment, gate = None, self._gate
    voice = gate is None or gate.has_voice(start, start + len(samples))
    if found_db >= least_db and voice:
      marked = waveform.marked(samples)
      segment = segments.prepare_sound(marked, model.audio.num_samples)
    if segment is None:
      return Window(*times_s, None, None)
    if self._moving is not None and len(samples) == model.audio.num_samples:
      row = self._moving(start, samples)
    else:
      row = self._run(segment[None])[0]
    label, shares, _, numbers = answer(
      row, model.classes, len(model.dimensions)
    )
    return Window(*times_s, label, shares, numbers=numbers)
