"""Agreement of numbers with annotations: CCC, correlation and error.

All three are functions of six sums over the tests (`SUMS`), which add up over
speakers: whole speakers are drawn by weighing their sums, as
`results.statistics` draws confusion matrices.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sernet_jax.results import statistics

SUMS = ('count', 'x', 'y', 'xx', 'yy', 'xy')


def sums(values: npt.ArrayLike, outputs: npt.ArrayLike) -> np.ndarray:
  """Returns `SUMS` of some tests, float64 (6,); those without a value left out.

  Args:
    values: (tests,), annotated; NaN where there is none.
    outputs: (tests,), of the network.
  """
  x, y = np.asarray(values, np.float64), np.asarray(outputs, np.float64)
  known = np.isfinite(x)
  x, y = x[known], y[known]
  return np.array([len(x), x.sum(), y.sum(), x @ x, y @ y, x @ y])


def scores(totals: npt.ArrayLike) -> dict[str, np.ndarray]:
  """Returns ccc, pearson and rmse of tests.

  Args:
    totals: (..., 6), `SUMS`.

  Returns:
    Each (...,); ccc and pearson are 0 where nothing varies, and all are NaN
    without a test.
  """
  count, x, y, xx, yy, xy = np.moveaxis(np.asarray(totals, np.float64), -1, 0)
  with np.errstate(divide='ignore', invalid='ignore'):
    mean_x, mean_y = x / count, y / count
    # Rounding must not leave a variance below 0.
    variance_x = np.maximum(xx / count - mean_x**2, 0)
    variance_y = np.maximum(yy / count - mean_y**2, 0)
    covariance = xy / count - mean_x * mean_y
    spread = variance_x + variance_y + (mean_x - mean_y) ** 2
    root = np.sqrt(variance_x * variance_y)
    error = np.sqrt(np.maximum(xx - 2 * xy + yy, 0) / count)

    def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
      # What does not vary beside rounding has no correlation.
      varies = whole > 1e-12 * (1 + xx / count + yy / count)
      found = np.where(varies, part / np.where(varies, whole, 1), 0.0)
      return np.where(count > 0, np.clip(found, -1, 1), np.nan)

    return {
      'ccc': share(2 * covariance, spread),
      'pearson': share(covariance, root),
      'rmse': error,
    }


def ci95(
  of_speakers: npt.ArrayLike,
  seed: int = 0,
  num_resamples: int = statistics.NUM_RANDOM,
) -> tuple[float, float] | None:
  """Returns the 95 % bootstrap interval of CCC over speakers.

  Args:
    of_speakers: (seeds, speakers, 6), `SUMS`.
    seed: of the drawing.
    num_resamples: draws.

  Returns:
    The 2.5th and the 97.5th percentile; None with fewer than
    `statistics.LEAST` speakers that have a value.
  """
  table = np.asarray(of_speakers, np.float64)
  table = table[:, (table[..., 0] > 0).all(axis=0)]
  num_seeds, num_speakers = table.shape[:2]
  if num_speakers < statistics.LEAST:
    return None
  random = np.random.default_rng(seed)
  speakers = statistics.draws(random, num_speakers, num_resamples)
  seeds = statistics.draws(random, num_seeds, num_resamples) / num_seeds
  pooled = np.einsum('rs,nsk->rnk', speakers, table, optimize=True)
  found = (seeds * scores(pooled)['ccc']).sum(axis=1)  # (r,)
  low, high = np.percentile(found, [2.5, 97.5])
  return float(low), float(high)
