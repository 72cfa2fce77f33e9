"""Sound as models and exported files take it.

Models take segments that `audio.prepare` scaled (`checked`), files sound that is
not scaled, of exactly one length.

A file computes the scale itself, from the samples between the first and the
last one that is not 0: the zeros around a short recording are not part of it.
Where a recording itself begins or ends with zeros, `padded` marks its ends
with a sample far below anything audible.
"""

from __future__ import annotations

import numpy as np

from sernet_jax.audio.spec import PERCENTILE
from sernet_jax.common.errors import InputError, require

BATCH = 16  # segments that a model is given at a time
MARK = np.float32(1e-30)


def checked(segments: np.ndarray, num_samples: int) -> np.ndarray:
  """Returns segments as float32; refuses what `audio.prepare` did not make.

  Samples that were not scaled give other labels without a sign of it.

  Args:
    segments: what a model is called with, (segments, num_samples).
    num_samples: of its `AudioSpec`.

  Raises:
    InputError: for another shape, whole numbers, values beyond 1 or not finite,
      or a segment that is a constant other than 0.
  """
  cure = (
    'give float32 (segments, samples), each through '
    f'audio.prepare(samples, {num_samples})'
  )
  array = np.asarray(segments)
  require(
    array.ndim == 2 and array.shape[1] == num_samples,
    f'the segments have shape {array.shape}, the model takes '
    f'(segments, {num_samples}); {cure}',
  )
  require(
    array.dtype.kind == 'f',
    f'the segments are {array.dtype}, which is not scaled; {cure}',
  )
  array = array.astype(np.float32, copy=False)
  # NaN is not at most 1 either. A little more is rounding.
  require(
    not array.size or bool(np.abs(array).max() <= 1.0 + 1e-3),
    f'the segments have values beyond 1 or not finite, which are not scaled; '
    f'{cure}',
  )
  # Its features are what rounding leaves, which differs from program to program.
  constant = (array == array[:, :1]).all(axis=1) & array[:, :1].any(axis=1)
  if constant.any():
    index = int(constant.argmax())
    raise InputError(
      f'segment {index} has one value, {array[index, 0]:g}, from end to end, and '
      'a constant holds no sound; leave it out'
    )
  return array


def marked(samples: np.ndarray) -> np.ndarray:
  """Marks both ends of a recording (samples,) where they are 0.

  All of it is then its own, also for a network that looks at an utterance's
  own frames alone. Silence stays as it is.
  """
  samples = np.array(samples, np.float32)
  if not samples.any():
    return samples
  for end in (0, -1):
    samples[end] = samples[end] or MARK
  return samples


def padded(samples: np.ndarray, num_samples: int) -> np.ndarray:
  """Pads a recording of at most `num_samples` as `audio.prepare` does.

  Args:
    samples: (samples,), at least one.
    num_samples: of the result.

  Returns:
    float32 (num_samples,), zeros on both sides.
  """
  samples = marked(samples)
  lack = num_samples - samples.size
  return np.pad(samples, (lack // 2, lack - lack // 2))


def unscaled(segments: np.ndarray) -> np.ndarray:
  """Undoes just enough of `audio.prepare` that a file's scaling gives it again.

  What was clipped to +-1 is raised just so far that the percentile becomes 1;
  the file clips it again.

  Args:
    segments: (batch, samples), each through `audio.prepare`.

  Returns:
    The same shape, float32.
  """
  result = np.array(segments, np.float32)
  for segment in result:
    nonzero = np.flatnonzero(segment)
    if not nonzero.size:
      continue
    size = np.abs(segment)
    # The percentile p lies between the values of ranks `above` and `above + 1`
    # from the top: p = (1 - share) * v + share * below, and v is made such
    # that p = 1.
    rank = (100 - PERCENTILE) / 100 * (nonzero[-1] - nonzero[0])
    above = int(rank)
    share = rank - above
    clipped = size >= 1
    if clipped.sum() != above + 1 or above + 1 >= size.size:
      continue  # the percentile is 1 already, or nearly all is silence
    below = float(size[~clipped].max())
    segment[clipped] *= (1 - share * below) / (1 - share)
  return result
