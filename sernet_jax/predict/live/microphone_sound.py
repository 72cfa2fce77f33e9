"""Sound of the default microphone as raw bytes."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Any

from sernet_jax.common import extras
from sernet_jax.common.errors import InputError

_QUEUE_S = 10  # of sound that may wait for a slow machine
_BLOCK_S = 0.05


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
