"""A recording in memory: samples of any type, as other libraries give them."""

from __future__ import annotations

import dataclasses
import numbers

import numpy as np
import numpy.typing as npt

from sernet_jax.common.errors import InputError, is_number, require

MOST_CHANNELS = 64
# Of floating-point sound, whose full scale is 1. A mix may go beyond it a bit.
_LARGEST = 64.0
# Type -> (its middle, its full scale). 24 bits come in the upper ones of int32.
_SCALES = {
  np.dtype(np.uint8): (128, 1 << 7),
  np.dtype(np.int8): (0, 1 << 7),
  np.dtype(np.int16): (0, 1 << 15),
  np.dtype(np.int32): (0, 1 << 31),
}


@dataclasses.dataclass(frozen=True, eq=False)
class Sound:
  """A recording that was decoded already; `reading` takes it like a path.

  Attributes:
    samples: float32 (frames, channels), full scale 1.
    rate_hz: sample rate.
    name: what messages call it.
  """

  samples: np.ndarray
  rate_hz: int
  name: str = 'the sound'

  def __fspath__(self) -> str:
    """Returns its name, where that of a file would be told."""
    return self.name


def make(
  samples: npt.ArrayLike, rate_hz: float, name: str = 'the sound'
) -> Sound:
  """Returns samples as other libraries give them as a `Sound`.

  Args:
    samples: (samples,), (1, samples) or (samples, channels); int8, int16, int32
      or uint8, scaled by the range of their type, or floating-point with full
      scale 1.
    rate_hz: sample rate, a whole number.
    name: what messages call it.

  Raises:
    InputError: for another shape or type, a rate that is not a whole number,
      or values that cannot be sound of full scale 1.
  """
  require(
    is_number(rate_hz)
    and (isinstance(rate_hz, numbers.Integral) or float(rate_hz).is_integer()),
    f'the sample rate of {name} is {rate_hz!r}; give a whole number of samples '
    'a second',
  )
  said = (
    f'{name} is not an array ({type(samples).__name__}); give its samples as a '
    'numpy array (samples,)'
  )
  try:
    array = np.asarray(samples)
  except (TypeError, ValueError, RuntimeError) as error:
    raise InputError(said) from error
  require(array.ndim > 0 or array.dtype.kind in 'iuf', said)
  require(
    not np.ma.is_masked(samples),
    f'{name} has samples that are masked, and a recording has none left out; '
    'give it filled, by .filled(0), or what is whole of it',
  )
  try:
    scaled = _scaled(_columns(array, name), name)
  except MemoryError as error:
    raise InputError(
      f'{name} has {array.size} samples, more than fit into memory; save it as '
      'a file, which is read in pieces, or give it in parts'
    ) from error
  return Sound(scaled, int(rate_hz), name)


def _columns(array: np.ndarray, name: str) -> np.ndarray:
  """Returns samples as (frames, channels); refuses what may be otherwise."""
  if array.ndim == 1:
    return array[:, None]
  require(
    array.ndim == 2,
    f'{name} has shape {array.shape}; give (samples,) or (samples, channels), '
    'and several sounds as a list to predict_batch',
  )
  if not array.size:
    return array.reshape(0, 1)
  if array.shape[0] == 1:
    return array.T
  frames, channels = array.shape
  require(
    channels < frames and channels <= MOST_CHANNELS,
    f'{name} has shape {array.shape}, which could be channels or several '
    'sounds; give channels as (samples, channels), by .T, and sounds as a list '
    'to predict_batch',
  )
  return array


def _scaled(array: np.ndarray, name: str) -> np.ndarray:
  """Returns samples of any type that has a full scale as float32."""
  kind = array.dtype.newbyteorder('=')
  if kind in _SCALES:
    middle, scale = _SCALES[kind]
    # float64 in between holds every int32 exactly.
    return ((array - np.float64(middle)) / scale).astype(np.float32)
  require(
    array.dtype.kind == 'f',
    f'{name} is {array.dtype}, which has no full scale; give int16, int32 or '
    'uint8 as they were recorded, or floating-point samples from -1 to 1',
  )
  finite = array[np.isfinite(array)]  # `reading` counts the others
  highest = float(np.abs(finite).max(initial=0.0))
  require(
    highest <= _LARGEST,
    f'{name} reaches {highest:g}, and full scale is 1; give whole numbers in '
    'their own type, such as int16, or divide by their full scale',
  )
  return array.astype(np.float32)
