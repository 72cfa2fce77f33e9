"""Estimates from a stream of raw sound, one each hop, in bounded memory.

Each window is scaled by its own 99.9th percentile before its features are
computed, as a segment is in training. A coefficient of one window is therefore
not that of the same samples in the next one: every window is computed anew,
which gives the timeline of `recognize` exactly. With `held_db` windows keep one
scale while it moves little, and only what is new is computed
(`sessions.moving_window`).
"""

from __future__ import annotations

import queue
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from sernet_jax.audio import decoding, quality, reading, timeline, voice_gate
from sernet_jax.audio.containers import signatures
from sernet_jax.audio.listening import BAND_S, Listening, level_db
from sernet_jax.common import extras
from sernet_jax.common.errors import InputError, require, require_not_negative
from sernet_jax.features.spec import num_frames
from sernet_jax.nn.spec import ModelSpec
from sernet_jax.predict.inference import embeddings, options
from sernet_jax.predict.inference.result import Window, answer
from sernet_jax.predict.models import Model
from sernet_jax.predict.sessions import waveform

if TYPE_CHECKING:
  from sernet_jax.predict.sessions import moving_window

_QUEUE_S = 10  # of sound that may wait for a slow machine
_BLOCK_S = 0.05
HINT = (
  'convert it, for instance: ffmpeg -i FILE -f s16le -ac 1 -ar 16000 -, or '
  'give the file to python -m sernet_jax.predict'
)


def from_raw(
  chunks: Iterable[bytes],
  problems: list[str] | None = None,
  form: str = 's16',
  channels: int = 1,
  channel: str = quality.MEAN,
) -> Iterator[np.ndarray]:
  """Converts raw sound, cut anywhere, to float32.

  Args:
    chunks: bytes; a sample may lie across two of them.
    problems: receives a sentence if half a sample is left at the end.
    form: of the samples, one of `options.SAMPLE_FORMATS`.
    channels: their number; samples of all of them take turns.
    channel: 'mean' of them, or the number of one from 0 on.

  Returns:
    An iterator over pieces (samples,) in [-1, 1].

  Raises:
    InputError: if it is a file of any kind or text instead, is empty, or holds
      a number that is not finite.
  """
  kind, zero, scale = options.SAMPLE_FORMATS[form]
  width = np.dtype(kind).itemsize * channels
  rest, begun, read = b'', False, False
  for chunk in chunks:
    rest += chunk
    # The first bytes wait for each other, so that a file shows what it is.
    if not begun and len(rest) < signatures.HEAD_BYTES:
      continue
    if not begun:
      _require_raw(rest)
      begun = True
    whole = len(rest) // width * width
    if whole:
      read = True
      yield _samples(rest[:whole], kind, zero, scale, channels, channel)
      rest = rest[whole:]
  if not begun:
    _require_raw(rest)
    whole = len(rest) // width * width
    if whole:
      read = True
      yield _samples(rest[:whole], kind, zero, scale, channels, channel)
      rest = rest[whole:]
  require(read, 'the input ended before its first sample; pipe sound in')
  if rest and problems is not None:
    problems.append('the input ended in the middle of a sample')


def _require_raw(head: bytes) -> None:
  """Raises `InputError` if the input begins as a file or as text."""
  found = signatures.identify(head[: signatures.HEAD_BYTES])
  if found is None:
    return
  thing = found.name if found.reader else f'{found.name}, not sound'
  raise InputError(f'the input is {thing}, not raw samples; {HINT}')


def _samples(
  data: bytes, kind: str, zero: int, scale: int, channels: int, channel: str
) -> np.ndarray:
  """Converts whole samples of all channels to float32 (samples,)."""
  values = np.frombuffer(data, kind).astype(np.float32)
  with np.errstate(over='ignore', invalid='ignore'):  # told below
    block = ((values - zero) / np.float32(scale)).reshape(-1, channels)
    samples = quality.mix(block, channel)
  fault = reading.fault(block)
  require(not fault, f'the input {fault}; check --format')
  if samples is None:
    raise InputError(
      f'--channel is {channel}, the input has {channels}; count from 0 on'
    )
  return samples


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
    pieces: float32 (samples,) at `rate_hz`, of any sizes.
    model: from `models.load`.
    rate_hz: of the pieces; other rates than the model's are resampled.
    hop_s: from window to window; None as in `recognize`.
    newest_only: of windows that became full with the same piece compute only
      the last, so that estimates keep up even on a slow machine.
    listening: what counts as silence; beside the loudest window so far.
    problems: receives a sentence if the sound has a narrow band.
    held_db: the scale of a window is kept for the next ones while theirs are
      within so many dB of it, so that only new sound is computed; 0: each
      window has its own, as in `recognize`.
    voice: windows in which the voice gate is open for less than 0.3 s count as
      silence too, see `audio.voice_gate`.

  Raises:
    InputError: if rate or hop make no sense, or a scale is held and nothing can
      be kept with this hop or model.
  """
  spec = model.audio
  require(
    decoding.MIN_RATE_HZ <= rate_hz <= decoding.MAX_RATE_HZ,
    f'rate_hz is {rate_hz}; give the sample rate of the sound, such as 16000',
  )
  hop = timeline.hop_samples(hop_s, spec.sample_rate_hz, spec.num_samples)
  windows = timeline.Windows(spec.num_samples, hop)
  resampler = timeline.Resampler(rate_hz, spec.sample_rate_hz)
  moving = _moving(model, hop, held_db)
  gate = None
  if voice:
    gate = voice_gate.VoiceGate(
      voice_gate.GateSpec(spec.sample_rate_hz, model.mfcc.hop_samples)
    )
  judge = _Judge(model, listening or Listening(), moving, gate)
  if problems is not None:
    pieces = _watched(pieces, rate_hz, model.mfcc.upper_edge_hz, problems)
  return _estimates(pieces, judge, windows, resampler, newest_only)


def _moving(
  model: Model, hop: int, held_db: float
) -> moving_window.MovingWindow | None:
  """Returns what keeps the parts that windows share; None if nothing can be."""
  require_not_negative('held_db', held_db)
  if not held_db:
    return None
  # These load JAX.
  from sernet_jax.predict.recognizer import Recognizer
  from sernet_jax.predict.sessions import moving_window

  if not isinstance(model, Recognizer):
    raise InputError(
      f'held_db is {held_db:g}, but {model.name} is an exported file, which '
      'computes whole windows; leave it at 0 or give a run or safetensors file'
    )
  require(
    not model.dimensions,
    f'held_db is {held_db:g}, but {model.name} gives numbers beside its classes, '
    'which are computed of whole windows; leave it at 0',
  )
  require(
    moving_window.stands_alone(model.mfcc),
    f'held_db is {held_db:g}, but the front end looks beyond single frames; '
    'leave it at 0',
  )
  spec = model.bundle.model
  if not isinstance(spec, ModelSpec):
    raise InputError(
      f'held_db is {held_db:g}, but the network {spec.name} computes whole '
      'windows; leave it at 0'
    )
  rate_hz = model.audio.sample_rate_hz
  grid = moving_window.grid_samples(spec, model.mfcc)
  nearest = max(1, round(hop / grid)) * grid
  frames = num_frames(model.audio.num_samples, model.mfcc)
  require(
    hop < frames * model.mfcc.hop_samples,
    f'held_db is {held_db:g}, but with a hop of {hop / rate_hz:g} s windows '
    'share nothing; give a shorter hop or leave it at 0',
  )
  require(
    hop % model.mfcc.hop_samples == 0,
    f'held_db is {held_db:g}, but a hop of {hop / rate_hz:g} s is not a whole '
    f'number of frames; give --hop_s={nearest / rate_hz:g} or leave it at 0',
  )
  return model.moving_window(hop, held_db)


def _watched(
  pieces: Iterable[np.ndarray],
  rate_hz: int,
  limit_hz: float,
  problems: list[str],
) -> Iterator[np.ndarray]:
  """Passes on a stream; says once if its first seconds have a narrow band."""
  watch: quality.Watch | None = quality.Watch()
  count = 0
  for piece in pieces:
    # Silence tells nothing of the band.
    if watch is not None and quality.holds_sound(piece):
      watch.see(piece[:, None], piece, rate_hz)
      count += len(piece)
      if count >= BAND_S * rate_hz:
        _say_band(watch, limit_hz, problems)
        watch = None
    yield piece
  if watch is not None:
    _say_band(watch, limit_hz, problems)


def _say_band(
  watch: quality.Watch, limit_hz: float, problems: list[str]
) -> None:
  problems += [f'the input {said}' for said in watch.of_band(limit_hz)]


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
      segment = timeline.prepare(marked, model.audio.num_samples)
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


def microphone(rate_hz: int, problems: list[str]) -> Iterator[bytes]:
  """Yields raw 16-bit sound from the default microphone, without end.

  A piece is what came in since the last one. Ten seconds may wait; sound
  beyond that is lost, and `problems` receives a sentence about it.

  Raises:
    InputError: if sounddevice, PortAudio or a microphone is missing.
  """
  try:
    import sounddevice
  except ImportError as error:
    raise extras.missing('the microphone needs', 'microphone') from error
  except OSError as error:  # the library below it
    raise InputError(
      f'sounddevice cannot be used ({error}); install PortAudio, for instance '
      'apt install libportaudio2'
    ) from error
  waiting: queue.Queue[bytes] = queue.Queue(round(_QUEUE_S / _BLOCK_S))

  def receive(data: Any, frames: int, time: Any, status: Any) -> None:
    del frames, time
    try:
      waiting.put_nowait(bytes(data))
    except queue.Full:
      problems.append('sound was lost: the machine is too slow for this hop')
      return
    if status:
      problems.append(f'the microphone reports: {status}')

  try:
    with sounddevice.RawInputStream(
      samplerate=rate_hz,
      blocksize=round(_BLOCK_S * rate_hz),
      channels=1,
      dtype='int16',
      callback=receive,
    ):
      while True:
        parts = [waiting.get()]
        while not waiting.empty():
          parts.append(waiting.get_nowait())
        yield b''.join(parts)
  except sounddevice.PortAudioError as error:
    raise InputError(
      f'no sound from the microphone ({error}); check that one is connected '
      f'and that it can do {rate_hz} Hz'
    ) from error
