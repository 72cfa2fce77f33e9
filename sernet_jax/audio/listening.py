"""Settings of what is heard in a recording, and the levels they compare.

The network scales every window to full level, so that it hears a voice in the
faint noise of a pause. A window counts as silence if it lies `gate_db` below
the loudest one of its recording, or below `floor_db`. Levels are those of the
sound without its mean: the offset of a sound card is not heard.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from sernet_jax.audio import quality
from sernet_jax.audio.spec import require_channel
from sernet_jax.common.errors import is_number, require, require_not_negative

FLOOR_DB = -80.0
_STEP_S = 0.1
BAND_S = 10.0  # of a stream, after which its band is judged


@dataclasses.dataclass(frozen=True)
class Listening:
  """Choice of what counts as sound.

  Attributes:
    channel: 'mean' of the channels, or the number of one from 0 on; '' for
      what the model was trained on.
    gate_db: a window this far below the loudest one is silence.
    floor_db: and so is one below this level, in dB of full scale; a sine of
      full scale has -3 dB, the last bit of 16 has -90 dB.
    least_s: a shorter recording is said to be short.
    vad: whether speech alone is heard, as Silero VAD finds it.
  """

  channel: str = ''
  gate_db: float = 40.0
  floor_db: float = FLOOR_DB
  least_s: float = 0.5
  vad: bool = False

  def __post_init__(self) -> None:
    if self.channel != '':  # checks 0 and None as well
      require_channel('--channel', self.channel)
    require(
      is_number(self.gate_db) and self.gate_db > 0,
      f'--gate_db is {self.gate_db!r}; give decibels above 0, or inf for none',
    )
    require(
      is_number(self.floor_db) and self.floor_db <= 0,
      f'--floor_db is {self.floor_db!r}; give decibels of full scale, 0 or less, '
      'or -inf for none',
    )
    require_not_negative('--least_s', self.least_s)

  def too_quiet(self, loudest_db: float) -> str:
    """Says that a recording is silent, to follow its name."""
    if loudest_db == -math.inf:
      return 'is silent: all its samples are equal'
    return (
      f'is silent: the loudest of its windows has {loudest_db:.0f} dB of full '
      f'scale, below --floor_db={self.floor_db:g}'
    )

  def short(self, seconds: float) -> list[str]:
    """Says that a recording is short, to follow its name, or nothing."""
    if seconds >= self.least_s:
      return []
    return [
      f'lasts {seconds:.2f} s, shorter than {self.least_s:g} s: too short to be '
      'judged'
    ]


def level_db(samples: np.ndarray) -> float:
  """Returns the level of samples (samples,) in dB of full scale."""
  if not samples.size:
    return -math.inf
  power = float(samples.var(dtype=np.float64))
  return 10 * math.log10(power) if power else -math.inf


def faint(most_db: float) -> list[str]:
  """Says that all segments are below `FLOOR_DB`, to follow the recording's name.

  Args:
    most_db: level of the loudest of them.
  """
  if not -math.inf < most_db < FLOOR_DB:
    return []
  return [
    f'has at most {most_db:.0f} dB of full scale in its segments, as silence '
    'with dither has: at full level it is noise'
  ]


class Levels:
  """Levels of a recording in steps of 0.1 s, taken piece by piece."""

  def __init__(self, rate_hz: int) -> None:
    self._step = max(1, round(_STEP_S * rate_hz))
    self._sums: list[float] = []
    self._squares: list[float] = []
    self._rest = np.zeros(0, np.float32)

  def push(self, samples: np.ndarray) -> None:
    """Takes in the next samples (samples,)."""
    samples = np.concatenate([self._rest, samples])
    whole = len(samples) // self._step * self._step
    steps = samples[:whole].reshape(-1, self._step)
    self._sums += steps.sum(axis=1, dtype=np.float64).tolist()
    self._squares += np.square(steps, dtype=np.float64).sum(axis=1).tolist()
    self._rest = samples[whole:].copy()

  def loudest(self, length: int, total: int) -> tuple[int, float]:
    """Finds the loudest window of a recording, in steps of 0.1 s.

    Args:
      length: samples of a window.
      total: samples of the recording.

    Returns:
      Its first sample; and its level in dB of full scale.
    """
    counts = np.full(len(self._sums), self._step)
    rows = np.stack([counts, self._sums, self._squares])
    if self._rest.size:
      rest = self._rest.astype(np.float64)
      last = [rest.size, rest.sum(), np.square(rest).sum()]
      rows = np.column_stack([rows, last])
    count = max(1, min(rows.shape[1], length // self._step))
    # Sums over any window are differences of running sums.
    rows = np.pad(np.cumsum(rows, axis=1), ((0, 0), (1, 0)))
    counts, sums, squares = rows[:, count:] - rows[:, :-count]
    windows = quality.energies(counts, sums, squares)
    best = int(np.argmax(windows)) if windows.size else 0
    start = max(0, min(best * self._step, total - length))
    power = float(windows[best]) / min(count * self._step, max(1, total))
    return start, 10 * math.log10(power) if power > 0 else -math.inf
