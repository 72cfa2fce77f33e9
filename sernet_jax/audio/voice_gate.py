"""A voice gate for sound that never ends: energy with hysteresis.

The one definition of what the exported C sources (`gate.c`) and the page
(`gate.js`) do too. Sound is measured hop by hop. The gate opens when a hop is
`OPEN_DB` above the noise and not below `LEAST_DB`, and closes after `HANG_S` in
which every hop was less than `CLOSE_DB` above it. The noise follows the quietest
hops at once and rises slowly. Other sounds than voices open it too, steady noise
does not.
"""

from __future__ import annotations

import collections
import dataclasses
import math

import numpy as np

OPEN_DB = 12.0
CLOSE_DB = 6.0
LEAST_DB = -60.0  # of full scale
RISE_DB = 3.0  # of the noise, in a second
HANG_S = 0.3
VOICE_S = 0.3  # for which the gate must be open in a window with a voice
_STEPS = 1 << 15  # of 16 bits in full scale


@dataclasses.dataclass(frozen=True)
class GateSpec:
  """The gate at a rate, in whole hops.

  Attributes:
    rate_hz: of the sound.
    hop: samples that are measured at a time.
  """

  rate_hz: int
  hop: int

  @property
  def hang_hops(self) -> int:
    """Quiet hops in a row that close the gate."""
    return math.floor(HANG_S * self.rate_hz / self.hop)

  @property
  def voice_hops(self) -> int:
    """Open hops that make a window one with a voice."""
    return math.ceil(VOICE_S * self.rate_hz / self.hop)


class VoiceGate:
  """The gate over a stream, and where it was open.

  Args:
    spec: rate and hop.
  """

  def __init__(self, spec: GateSpec) -> None:
    self._spec = spec
    self._open: collections.deque[bool] = collections.deque()
    self._first = 0  # hop that `_open` begins with
    self._rest = np.zeros(0, np.float32)
    self._is_open, self._quiet = False, 0
    self._noise_db: float | None = None

  def push(self, samples: np.ndarray) -> None:
    """Takes in the next samples (samples,), full scale 1."""
    samples = np.concatenate([self._rest, samples])
    hop = self._spec.hop
    whole = len(samples) // hop * hop
    hops = samples[:whole].reshape(-1, hop).astype(np.float64) * _STEPS
    # An offset is not heard. At least the square of one step in one sample.
    energies = np.maximum(hop * hops.var(axis=1), 1.0)
    for level_db in 10 * np.log10(energies / (hop * float(_STEPS) ** 2)):
      self._open.append(self._step(float(level_db)))
    self._rest = samples[whole:].copy()

  def _step(self, level_db: float) -> bool:
    """Goes on by one hop; whether the gate is open behind it."""
    spec = self._spec
    if self._noise_db is None or level_db < self._noise_db:
      self._noise_db = level_db
    else:
      self._noise_db += RISE_DB * spec.hop / spec.rate_hz
    above_db = level_db - self._noise_db
    faint = level_db < LEAST_DB
    self._quiet = self._quiet + 1 if above_db < CLOSE_DB or faint else 0
    if above_db >= OPEN_DB and not faint:
      self._is_open = True
    elif self._quiet >= spec.hang_hops:
      self._is_open = False
    return self._is_open

  def has_voice(self, start: int, stop: int) -> bool:
    """Tells whether the gate was open long enough in a window.

    Windows come in the order of their starts; hops before one are forgotten.

    Args:
      start: first sample of the window in the stream.
      stop: sample behind its last one.
    """
    hop = self._spec.hop
    # Hops that lie in the window as a whole.
    first, last = -(-start // hop), stop // hop
    while self._open and self._first < first:
      self._open.popleft()
      self._first += 1
    inside = list(self._open)[: max(0, last - self._first)]
    return sum(inside) >= self._spec.voice_hops
