"""Hours of made-up sound through `stream`, as fast as it takes them."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import pathlib
import subprocess
import sys
import threading
import time

import numpy as np

RATE_HZ = 16_000
BLOCK_S = 60
DIFFERENT = 60  # blocks, of which making one takes a while


@dataclasses.dataclass(frozen=True)
class Soak:
  """What a long stream has shown.

  Attributes:
    hours: of sound.
    lines: estimates that came, in order and a hop apart.
    silent: those of them without a label.
    seconds: that all of it took.
    stall_s: the longest time between two lines.
    grown_mib: memory at the end beyond that after the first tenth.
    peak_mib: most memory.
  """

  hours: float
  lines: int
  silent: int
  seconds: float
  stall_s: float
  grown_mib: float
  peak_mib: float


def blocks(count: int):
  """Yields minutes of sound, 16 bits; those of an hour come again and again."""
  for number in range(count):
    yield _minute(number % DIFFERENT)


@functools.cache
def _minute(number: int) -> bytes:
  """Voices, noise, clicks, clipping and pauses."""
  time_s = np.arange(BLOCK_S * RATE_HZ) / RATE_HZ
  random = np.random.default_rng(number)
  pitch_hz = random.uniform(80, 400)
  glide = np.cumsum(
    pitch_hz * (1 + 0.2 * np.sin(random.uniform(1, 4) * time_s))
  )
  sound = sum(np.sin(2 * np.pi / RATE_HZ * k * glide) / k for k in range(1, 9))
  sound *= np.sin(np.pi * random.uniform(1, 3) * time_s) ** 2
  sound += random.uniform(0, 0.3) * random.standard_normal(time_s.size)
  sound *= 10 ** random.uniform(-4, 0.5)  # down to 3 bits, up to clipping
  start = random.integers(time_s.size)
  sound[start : start + int(random.uniform(0, 20) * RATE_HZ)] = 0
  sound[random.integers(time_s.size, size=5)] = 1
  return np.clip(32_767 * sound, -32_768, 32_767).astype('<i2').tobytes()


def run(minutes: int, arguments: list[str], hop_s: float = 1.0) -> Soak:
  """Sends minutes of sound to `stream`; checks that no estimate is missing.

  Args:
    minutes: of sound.
    arguments: of `stream`, such as the model.
    hop_s: likewise.
  """
  words = ['-m', 'sernet_jax.stream', f'--hop_s={hop_s}', *arguments]
  begun = time.monotonic()
  lines = silent = 0
  stall_s, before, held = 0.0, None, []
  with subprocess.Popen(
    [sys.executable, *words],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)},
  ) as process:
    feeder = threading.Thread(target=_feed, args=(process.stdin, minutes))
    feeder.start()
    for line in process.stdout:
      now = time.monotonic()
      if before is not None:  # not the start, which loads and compiles
        stall_s = max(stall_s, now - before)
      before = now
      estimate = json.loads(line)
      lines += 1
      silent += estimate['label'] is None
      if lines % 30 == 0:
        held.append(_mib(process.pid, 'VmRSS'))
        peak_mib = _mib(process.pid, 'VmHWM')
      if lines % 3600 == 0:
        print(
          f'{lines} lines, {now - begun:.0f} s, {held[-1]:.0f} MiB, longest '
          f'stall {stall_s:.2f} s',
          flush=True,
        )
    feeder.join()
  assert process.returncode == 0
  early = held[len(held) // 10]
  return Soak(
    hours=minutes / 60,
    lines=lines,
    silent=silent,
    seconds=time.monotonic() - begun,
    stall_s=stall_s,
    grown_mib=max(held[-max(1, len(held) // 10) :]) - early,
    peak_mib=peak_mib,
  )


def _feed(pipe, minutes: int) -> None:
  with pipe:
    for block in blocks(minutes):
      pipe.write(block)


def _mib(process: int, field: str) -> float:
  text = pathlib.Path(f'/proc/{process}/status').read_text()
  (line,) = (one for one in text.splitlines() if one.startswith(f'{field}:'))
  return int(line.split()[1]) / 1024
