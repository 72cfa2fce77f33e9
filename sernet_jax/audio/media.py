"""Sound in M4A, MP4, WebM, WMA, AAC and AMR files, by FFmpeg through PyAV.

What telephones and browsers record, and sound in videos. PyAV is an extra: it
brings FFmpeg's libraries, and frames come with their times, so that priming
and padding of a codec are cut off to the sample.
"""

from __future__ import annotations

import contextlib
import io
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from sernet_jax.audio.containers.layout import Part, PartFile
from sernet_jax.common import extras
from sernet_jax.common.errors import first_line

CONVERT = 'convert it, for instance: ffmpeg -i FILE NEW.wav'
# Their packets say how long they sound, to the sample: the last one is cut to
# that. Others say it to the decoder, or not at all.
_TIMED = ('mov',)
# By how much a container's length may exceed that of its sound: a silence that
# a codec begins with and the decoder takes off again.
_MORE_S, _MORE_FRAMES = 0.1, 3072
# And by what share where FFmpeg guesses the length from the rate of bytes.
_GUESSED = 0.02
_EXACT = ('mov', 'matroska', 'asf', 'wv', 'ape', 'tta', 'caf')


class MediaError(Exception):
  """A file that FFmpeg cannot read; its text follows the name of the file."""


class Media:
  """The first sound of a file.

  Attributes:
    rate_hz: its sample rate.
    channels: their number.
    notes: what is odd, to follow the name of the file.
  """

  def __init__(self, container: Any, stream: Any, demuxer: str) -> None:
    self._container, self._stream = container, stream
    self._demuxer = demuxer
    context = stream.codec_context  # None where the codec is not known
    if demuxer == 'caf' and context and context.name == 'alac':
      # What fills up its last packet is not in it, and FFmpeg takes it off again.
      context.options = {'flags2': '+skip_manual'}
    self.rate_hz = int(context.sample_rate or 0) if context else 0
    self.channels = int(context.channels or 0) if context else 0
    self.notes: list[str] = []
    count = len(container.streams.audio)
    if count > 1:
      self.notes.append(f'holds {count} tracks of sound; the first was read')
    if demuxer in ('aac', 'mpegts', 'mpeg'):
      self.notes.append(
        'does not say where its sound begins and ends: up to 0.1 s of silence '
        'may have been added'
      )

  def blocks(self) -> Iterator[np.ndarray]:
    """Yields all samples, float32 (frames, channels).

    Raises:
      MediaError: if the file is damaged or cut short.
    """
    import av

    convert = av.AudioResampler(format='fltp')
    count, held = 0, np.zeros((0, self.channels), np.float32)
    end: int | None = None
    try:
      for packet in self._container.demux(self._stream):
        if packet.pts is not None and packet.duration:
          ends = (packet.pts + packet.duration) * packet.time_base
          end = round(ends * self.rate_hz)
        for frame in packet.decode():
          for part in convert.resample(frame):
            # (channels, frames) -> (frames, channels)
            block = part.to_ndarray().T
            if part.sample_rate != self.rate_hz:
              raise MediaError('changes its sample rate; ' + CONVERT)
            if block.shape[1] != self.channels:
              raise MediaError('changes its channels; ' + CONVERT)
            # One block behind, so that the last one can be cut.
            yield held
            count += len(held)
            held = np.ascontiguousarray(block, np.float32)
    except _faults() as error:
      raise MediaError(f'is damaged or cut short ({_words(error)})') from error
    if self._demuxer in _TIMED and end is not None:
      held = held[: max(0, end - count)]
    yield held
    self._check(count + len(held))

  def _check(self, count: int) -> None:
    """Compares the length with what the container says of this track."""
    stream, stated_s = self._stream, 0.0
    if stream.duration is not None:
      stated_s = float(stream.duration * stream.time_base)
    elif self._container.duration and len(self._container.streams) == 1:
      stated_s = self._container.duration / 1e6
    there_s = count / self.rate_hz
    more_s = max(_MORE_S, _MORE_FRAMES / self.rate_hz)
    if self._demuxer not in _EXACT:
      more_s = max(5 * _MORE_S, _GUESSED * stated_s)
    if stated_s - there_s > more_s:
      raise MediaError(
        f'is cut short: its header promises {stated_s:.2f} s, {there_s:.2f} s '
        'are there'
      )


def _faults() -> tuple[type[Exception], ...]:
  """Errors of FFmpeg, and of the file where damage sends it to odd places."""
  import av

  return av.error.FFmpegError, OSError, ValueError


def _words(error: Exception) -> str:
  return getattr(error, 'strerror', None) or first_line(error)


@contextlib.contextmanager
def opened(
  path: str | os.PathLike[str],
  name: str,
  demuxer: str,
  part: Part | None = None,
) -> Iterator[Media]:
  """Opens the first sound of a file.

  Args:
    path: the file.
    name: what it is, for people.
    demuxer: FFmpeg's name for its container: others are not tried, as some
      open files that a file names.
    part: where the recording is in the file, if that is not all of it.

  Raises:
    MediaError: if PyAV is missing or the file cannot be read.
  """
  try:
    import av
  except ImportError as error:
    raise MediaError(
      str(extras.missing(f'is {name}, which needs', 'media', CONVERT))
    ) from error
  # Given as a file, FFmpeg opens no other.
  with contextlib.ExitStack() as stack:
    if part is None:
      file = stack.enter_context(pathlib.Path(path).open('rb'))
    else:
      file = stack.enter_context(io.BufferedReader(PartFile(path, part)))
    try:
      container = stack.enter_context(av.open(file, format=demuxer))
    except _faults() as error:
      raise MediaError(
        f'is {name} that is damaged or cut short ({_words(error)})'
      ) from error
    if not container.streams.audio:
      raise MediaError(f'is {name} without sound')
    media = Media(container, container.streams.audio[0], demuxer)
    if not media.rate_hz or not media.channels:
      raise MediaError(f'is {name} with a codec that FFmpeg does not know')
    yield media
