"""Sound as exported files take it: not scaled, of exactly one length.

A file computes the scale itself, from the samples between the first and the
last one that is not 0: the zeros around a short recording are not part of it.
Where a recording itself begins or ends with zeros, `padded` marks its ends
with a sample far below anything audible.
"""

from __future__ import annotations

import numpy as np

from sernet_jax.audio.spec import PERCENTILE

MARK = np.float32(1e-30)


def padded(samples: np.ndarray, num_samples: int) -> np.ndarray:
  """Pads a recording of at most `num_samples` as `audio.prepare` does.

  Args:
    samples: (samples,), at least one.
    num_samples: of the result.

  Returns:
    float32 (num_samples,), zeros on both sides.
  """
  samples = np.array(samples, np.float32)
  for end in (0, -1):
    samples[end] = samples[end] or MARK
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
