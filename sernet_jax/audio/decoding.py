"""Opens recordings with the decoder they need, part after part.

libsndfile decodes what it knows, FFmpeg (`media`) the rest. What the decoder
would leave out, add or misread was found by `containers` before.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Iterator

import numpy as np
import soundfile

from sernet_jax.audio import media
from sernet_jax.audio.containers import headers, suffixes
from sernet_jax.audio.containers.layout import Layout, Part, PartFile
from sernet_jax.audio.sound import Sound
from sernet_jax.common.errors import InputError

MIN_RATE_HZ, MAX_RATE_HZ = 100, 1_000_000
MAX_CHANNELS = 256  # more are a damaged header
MAX_FRAMES = 1 << 40  # more is libsndfile's mark for an unknown length
_BLOCK_SAMPLES = 1 << 20  # of all channels
_BLOCK_S = 60  # a low rate makes many samples of few when it is raised

PathLike = str | os.PathLike


class BadFile(InputError):
  """A recording that cannot be used.

  Attributes:
    path: the file.
    reason: what is wrong with it, to follow its name: 'is silent'.
  """

  def __init__(self, path: PathLike, reason: str):
    self.path, self.reason = os.fspath(path), reason
    super().__init__(
      f'{self.path} {reason}; replace the recording or leave it out'
    )


class Source:
  """An open recording.

  Attributes:
    path: the file.
    rate_hz: its sample rate.
    channels: their number.
    frames: samples of a channel, None if that shows only when all are read.
    notes: what is odd about the file but does no harm, to follow its name.
  """

  def __init__(self, path: PathLike, rate_hz: int, channels: int) -> None:
    self.path, self.rate_hz, self.channels = path, rate_hz, channels
    self.frames: int | None = None
    self.notes: list[str] = []
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
      raise BadFile(
        path,
        f'has a sample rate of {rate_hz} Hz, outside of {MIN_RATE_HZ} to '
        f'{MAX_RATE_HZ} Hz',
      )
    if channels > MAX_CHANNELS:
      raise BadFile(
        path, f'has {channels} channels by its header, which is likely damaged'
      )

  @property
  def block_frames(self) -> int:
    """Samples of a channel that are read at a time."""
    return max(1, min(_BLOCK_SAMPLES // self.channels, _BLOCK_S * self.rate_hz))

  def blocks(self) -> Iterator[np.ndarray]:
    """Yields all samples block by block, float32 (frames, channels)."""
    raise NotImplementedError


class _Sndfile(Source):
  """A recording that libsndfile decodes; its parts are opened in turn."""

  def __init__(
    self, path: PathLike, layout: Layout, stack: contextlib.ExitStack
  ) -> None:
    self._parts: list[Part | None] = [*layout.parts] or [None]
    size = pathlib.Path(path).stat().st_size
    if len(self._parts) == 1 and layout.parts:
      (only,) = layout.parts
      if (only.start, only.stop, only.head) == (0, size, b''):
        self._only_frames = only.frames
        self._parts = [None]
    self._sounds = [
      stack.enter_context(_sound(path, part)) for part in self._parts
    ]
    first = self._sounds[0]
    super().__init__(path, first.samplerate, first.channels)
    self.notes += layout.notes
    self._exact = layout.exact
    self._check_alike()
    if self._exact:
      self.frames = sum(self._limits())

  _only_frames: int | None = None

  def _limits(self) -> list[int]:
    """Samples of a channel in each part."""
    stated = [sound.frames for sound in self._sounds]
    bounds = [
      part.frames if part else self._only_frames for part in self._parts
    ]
    return [
      count if bound is None else min(count, bound)
      for count, bound in zip(stated, bounds, strict=True)
    ]

  def _check_alike(self) -> None:
    """Raises `BadFile` if the parts differ in rate or channels."""
    first, at_s = self._sounds[0], 0.0
    for sound in self._sounds:
      same = (sound.samplerate, sound.channels) == (
        first.samplerate,
        first.channels,
      )
      if not same:
        raise BadFile(
          self.path,
          f'holds {len(self._sounds)} recordings one after the other, '
          f'{first.samplerate} Hz and {first.channels} channels at first, '
          f'{sound.samplerate} Hz and {sound.channels} from {at_s:.2f} s on; '
          'split it',
        )
      at_s += sound.frames / sound.samplerate
      if not sound.frames:
        raise BadFile(self.path, 'holds no samples')
      if sound.frames > MAX_FRAMES:
        raise BadFile(
          self.path,
          'does not say how long it is, as a file that was written to a pipe; '
          'convert it, for instance: ffmpeg -i FILE NEW.wav',
        )

  def blocks(self) -> Iterator[np.ndarray]:
    """Yields all samples block by block, float32 (frames, channels)."""
    for sound, limit in zip(self._sounds, self._limits(), strict=True):
      yield from self._part_blocks(sound, limit)

  def _part_blocks(
    self, sound: soundfile.SoundFile, limit: int
  ) -> Iterator[np.ndarray]:
    count = 0
    try:
      # Without an exact length up to the end: the stated one is an estimate.
      while not self._exact or count < limit:
        size = self.block_frames
        if self._exact:
          size = min(size, limit - count)
        block = sound.read(size, 'float32', always_2d=True)
        if not len(block):
          break
        count += len(block)
        yield block
    except soundfile.LibsndfileError as error:
      reason = f'is damaged or cut short ({_words(error)})'
      raise BadFile(self.path, reason) from error
    if self._exact and 0 < count < limit:
      raise BadFile(
        self.path,
        f'is cut short: its header promises {limit} samples, {count} are there',
      )


class _Media(Source):
  """A recording that FFmpeg decodes."""

  def __init__(self, path: PathLike, content: media.Media) -> None:
    super().__init__(path, content.rate_hz, content.channels)
    self._content = content
    self.notes += content.notes

  def blocks(self) -> Iterator[np.ndarray]:
    """Yields all samples block by block, float32 (frames, channels)."""
    try:
      yield from _joined(self._content.blocks(), self.block_frames)
    except media.MediaError as error:
      raise BadFile(self.path, str(error)) from error


class _Memory(Source):
  """A recording that is in memory."""

  def __init__(self, sound: Sound) -> None:
    self._samples = sound.samples
    super().__init__(sound, sound.rate_hz, max(1, sound.samples.shape[1]))
    self.frames = len(sound.samples)

  def blocks(self) -> Iterator[np.ndarray]:
    """Yields all samples block by block, float32 (frames, channels)."""
    for start in range(0, len(self._samples), self.block_frames):
      yield self._samples[start : start + self.block_frames]


@contextlib.contextmanager
def opened(path: PathLike) -> Iterator[Source]:
  """Opens a recording; raises `BadFile` for a fault that its header shows.

  Args:
    path: of a file, or a `Sound`.
  """
  if isinstance(path, Sound):
    yield _Memory(path)
    return
  try:
    layout, found = headers.look(path)
  except FileNotFoundError:
    raise BadFile(path, suffixes.missing(path)) from None
  except PermissionError:
    raise BadFile(path, 'may not be read (see its permissions)') from None
  except (OSError, ValueError) as error:  # ValueError: a zero byte in a name
    reason = getattr(error, 'strerror', None) or error
    raise BadFile(path, f'cannot be read ({reason})') from error
  if layout.fault:
    raise BadFile(path, layout.fault)
  with contextlib.ExitStack() as stack:
    name, reader = found[:2] if found else ('', '')
    kind, _, demuxer = reader.partition(':')
    if kind == 'ffmpeg':
      yield _media(path, name, demuxer, stack)
      return
    try:
      source: Source = _Sndfile(path, layout, stack)
    except soundfile.LibsndfileError as error:
      demuxer = _DEMUXERS.get(name, '')
      if not demuxer:
        reason = f'is not audio libsndfile can read ({_words(error)})'
        raise BadFile(path, reason) from error
      # A codec that libsndfile does not know in a container that it does.
      try:
        source = _media(path, name, demuxer, stack, layout)
      except BadFile as other:
        reason = f'{_words(error)}; through FFmpeg: {other.reason}'
        raise BadFile(
          path, f'is {name} that cannot be read ({reason})'
        ) from error
    except TypeError as error:  # the name ends in .raw
      raise BadFile(path, 'is sound without a header') from error
    yield source


# FFmpeg's names of containers that libsndfile knows too.
_DEMUXERS = {
  'a WAV file': 'wav',
  'an AIFF file': 'aiff',
  'an AU file': 'au',
  'a CAF file': 'caf',
  'an Ogg file': 'ogg',
  'an MP3 file': 'mp3',
  'a W64 file': 'w64',
  'a VOC file': 'voc',
}


def _media(
  path: PathLike,
  name: str,
  demuxer: str,
  stack: contextlib.ExitStack,
  layout: Layout | None = None,
) -> Source:
  """Opens a recording by FFmpeg, as `layout` says if that is known."""
  layout = layout or Layout()
  if len(layout.parts) > 1:
    raise BadFile(
      path,
      f'holds {len(layout.parts)} recordings one after the other, of which '
      'FFmpeg would read the first; split it',
    )
  try:
    content = media.opened(path, name, demuxer, *layout.parts)
    source = _Media(path, stack.enter_context(content))
    source.notes += layout.notes
    return source
  except media.MediaError as error:
    raise BadFile(path, str(error)) from error


# Files so called that begin like no recording are raw sound to libsndfile, of
# the rate and codec that a telephone has; without a name it says what they are.
_GUESSED = ('.au', '.snd', '.gsm', '.vox')


def _suffix(path: PathLike) -> str:
  return os.path.splitext(os.fsdecode(path))[1].lower()  # noqa: PTH122


@contextlib.contextmanager
def _sound(path: PathLike, part: Part | None) -> Iterator[soundfile.SoundFile]:
  """Opens a file, or a part of it as if it were one."""
  if part is None and _suffix(path) in _GUESSED:
    part = Part(0, pathlib.Path(path).stat().st_size)
  if part is None:
    # As bytes: a name need not be UTF-8.
    with soundfile.SoundFile(os.fsencode(path)) as sound:
      yield sound
    return
  with PartFile(path, part) as file, soundfile.SoundFile(file) as sound:
    yield sound


def _joined(blocks: Iterator[np.ndarray], size: int) -> Iterator[np.ndarray]:
  """Joins small blocks to some of `size` frames or a little more."""
  waiting: list[np.ndarray] = []
  count = 0
  for block in blocks:
    waiting.append(block)
    count += len(block)
    if count >= size:
      yield np.concatenate(waiting)
      waiting, count = [], 0
  if count:
    yield np.concatenate(waiting)


def _words(error: soundfile.LibsndfileError) -> str:
  """Returns libsndfile's message without its prefix and full stop."""
  return error.error_string.removeprefix('Error : ').strip().rstrip('.')
