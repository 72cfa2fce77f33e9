"""Intervals and a paired test of the difference of two settings.

The unit is the speaker: what is drawn, and what is swapped, are all answers
to one speaker's utterances. Arrays of counts are (seeds, speakers, C, C), rows
of a matrix are the truth, and both settings of a pair were tested on the same
utterances. The score of a setting is the mean over its seeds of the score of
the pooled matrix. Across corpora it is the mean over the folds too, each pooled
by itself: counts are then (seeds, folds, speakers, C, C), 0 where a fold does
not test a speaker.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from sernet_jax.corpora.utterances import is_unknown
from sernet_jax.results import metrics

EXACT_SPEAKERS = 12
# Of fewer speakers there is no interval; with fewer than `ENOUGH` it holds what
# it should far less often than 95 times in 100.
LEAST, ENOUGH = 3, 6
NUM_RANDOM = 10_000
_AT_ONCE = 2_000


def are_unknown(speakers: Collection[str]) -> bool:
  """Tells whether so many speakers are unknown that there is no interval.

  Those who are unknown would count as one voice, which they may not be.

  Args:
    speakers: names of those tested.
  """
  known = sum(not is_unknown(name) for name in speakers)
  return known < len(speakers) and known < LEAST


def scores(counts: npt.ArrayLike) -> dict[str, float]:
  """Returns `metrics.SCORES` of a setting, each the mean over its seeds.

  Args:
    counts: (seeds, speakers, C, C), or with folds.
  """
  pooled = np.asarray(counts).sum(-3)
  found = metrics.scores_of_many(pooled)
  return {name: float(values.mean()) for name, values in found.items()}


def ci95(
  counts: npt.ArrayLike,
  other: npt.ArrayLike | None = None,
  seed: int = 0,
  num_resamples: int = NUM_RANDOM,
  corpora: Sequence[str] | None = None,
) -> dict[str, list[float]] | None:
  """Returns 95 % bootstrap intervals of a setting's scores, or of their difference.

  The utterances of one speaker resemble each other, so whole speakers are
  drawn: S of S with replacement, their matrices summed, the scores taken; the
  interval runs from the 2.5th to the 97.5th percentile (the cluster
  bootstrap). Where there are several seeds, these are drawn too; with one it
  does not cover the chance in training. A draw without anybody whom some fold
  tests has no score there, and is left out.

  Args:
    counts: (seeds, speakers, C, C), or with folds.
    other: of a second setting with the same seeds and speakers; the interval
      is then that of the first minus the second, each draw used for both.
    seed: of the drawing.
    num_resamples: draws.
    corpora: that of each speaker, where as many are drawn of each as it has;
      None for one.

  Returns:
    `metrics.SCORES` -> [low, high]; None with fewer than `LEAST` speakers, in
    all, of a corpus or in a fold.
  """
  # float64 holds counts exactly, and einsum has fast products for it.
  first = np.asarray(counts, np.float64)
  num_seeds, num_speakers = len(first), first.shape[-3]
  of = np.zeros(num_speakers) if corpora is None else np.asarray(corpora)
  groups = [np.flatnonzero(of == name) for name in np.unique(of)]
  # (folds, speakers): whom each fold tests.
  tested = np.array([one.sum((0, 2, 3)) > 0 for one in _folds(first)])
  if min([*map(len, groups), *tested.sum(1)]) < LEAST:
    return None
  random = np.random.default_rng(seed)
  # How often a speaker was drawn is the weight of their matrix: one product
  # sums the matrices of all resamples.
  speakers = np.zeros((num_resamples, num_speakers), np.int64)
  for group in groups:
    speakers[:, group] = draws(random, len(group), num_resamples)
  seeds = draws(random, num_seeds, num_resamples) / num_seeds  # (r, seeds)
  scored = (speakers @ tested.T > 0).all(1)  # (r,)
  speakers, seeds = speakers[scored], seeds[scored]

  def resampled(values: np.ndarray) -> dict[str, np.ndarray]:
    folds = []
    for fold in _folds(values):
      # Counts are whole numbers, so that this sum is exact in any order.
      # (r, seeds, C, C)
      pooled = np.einsum('rs,nsij->rnij', speakers, fold, optimize=True)
      scores_of = metrics.scores_of_many(pooled)  # each (r, seeds)
      folds.append({k: (seeds * scores_of[k]).sum(1) for k in metrics.SCORES})
    return {k: np.mean([one[k] for one in folds], 0) for k in metrics.SCORES}

  drawn = resampled(first)
  if other is not None:
    second = resampled(np.asarray(other, np.float64))
    drawn = {name: drawn[name] - second[name] for name in metrics.SCORES}
  return {
    name: [float(edge) for edge in np.percentile(values, [2.5, 97.5])]
    for name, values in drawn.items()
  }


def permutation_test(
  one: npt.ArrayLike,
  other: npt.ArrayLike,
  score: str = 'uar',
  seed: int = 0,
) -> float | None:
  """Returns the two-sided p of a paired test that swaps whole speakers.

  If the settings were equally good, a speaker's answers could as well have
  come from the other one. So for every speaker they are kept or swapped, all
  seeds together: all 2^S ways up to `EXACT_SPEAKERS`, else `NUM_RANDOM` ways
  at random. p is the share of ways whose difference is at least as large as
  the observed one, which is among them, so p is never 0 (Phipson and Smyth
  2010).

  The tests hold it against `scipy.stats.permutation_test`, which calls a
  Python function for each way; this may go when SciPy takes statistics of all
  ways at once with speakers as pairs.

  Args:
    one: (seeds, speakers, C, C), or with folds.
    other: the same of the second setting, seeds and speakers in its order.
    score: one of `metrics.SCORES`.
    seed: of the random ways.

  Returns:
    p; None with fewer than 2 speakers.
  """
  a, b = np.asarray(one, np.float64), np.asarray(other, np.float64)
  assert a.shape == b.shape
  num_speakers = a.shape[-3]
  if num_speakers < 2:
    return None
  pairs = list(zip(_folds(a), _folds(b), strict=True))

  def difference(swapped: np.ndarray) -> np.ndarray:
    """Scores of (ways, speakers), 1 where a speaker is swapped: (ways,)."""
    found = []
    for a, b in pairs:
      # What a swap adds to the first and takes from the second.
      moved = np.einsum('ps,nsij->pnij', swapped, b - a, optimize=True)
      scores_a = metrics.scores_of_many(a.sum(1) + moved)[score]
      scores_b = metrics.scores_of_many(b.sum(1) - moved)[score]
      found.append((scores_a - scores_b).mean(1))  # (ways, seeds) -> (ways,)
    return np.mean(found, 0)

  observed = abs(difference(np.zeros((1, num_speakers)))[0])
  as_large = total = 0
  for swapped in _ways(num_speakers, seed):
    # Rounding must not decide between ways that are equal.
    as_large += int((np.abs(difference(swapped)) >= observed - 1e-12).sum())
    total += len(swapped)
  # All ways hold the observed one, random ways hold it only by chance.
  if num_speakers > EXACT_SPEAKERS:
    as_large, total = as_large + 1, total + 1
  return as_large / total


def smallest_p(num_speakers: int) -> float:
  """Returns the least p that `permutation_test` can give."""
  if num_speakers > EXACT_SPEAKERS:
    return 1 / (NUM_RANDOM + 1)
  # The observed way, and the one that swaps everybody: the same difference with
  # the other sign.
  return 2 / 2**num_speakers


def holm(values: Sequence[float]) -> list[float]:
  """Corrects p values for their number (Holm 1979), in their order.

  The smallest is multiplied by their number m, the next by m - 1 and so on;
  none is smaller than one before it, and none above 1.
  """
  corrected = [0.0] * len(values)
  largest = 0.0
  order = sorted(range(len(values)), key=lambda index: values[index])
  for rank, index in enumerate(order):
    largest = max(largest, min(1.0, (len(values) - rank) * values[index]))
    corrected[index] = largest
  return corrected


def spread(values: Sequence[float]) -> float | None:
  """Returns the standard deviation over seeds (ddof 1); None for one."""
  if len(values) < 2:
    return None
  mean = math.fsum(values) / len(values)
  squares = math.fsum((value - mean) ** 2 for value in values)
  return math.sqrt(squares / (len(values) - 1))


def draws(
  random: np.random.Generator, count: int, num_resamples: int
) -> np.ndarray:
  """Returns how often each of `count` was drawn in as many draws.

  Shape (resamples, count).
  """
  return random.multinomial(
    count, np.full(count, 1 / count), size=num_resamples
  )


def _folds(counts: np.ndarray) -> list[np.ndarray]:
  """Takes counts apart into folds, (seeds, speakers, C, C) each."""
  if counts.ndim == 4:
    return [counts]
  assert counts.ndim == 5
  return list(counts.swapaxes(0, 1))


def _ways(num_speakers: int, seed: int) -> Iterator[np.ndarray]:
  """Yields 0 and 1 (ways, speakers), some thousand rows at a time."""
  if num_speakers <= EXACT_SPEAKERS:
    # The binary digits of 0 to 2^S - 1; 0, the observed way, is among them.
    numbers = np.arange(2**num_speakers)
    ways = (numbers[:, None] >> np.arange(num_speakers)) & 1
  else:
    random = np.random.default_rng([seed, 1])
    ways = random.integers(0, 2, (NUM_RANDOM, num_speakers))
  for start in range(0, len(ways), _AT_ONCE):
    yield ways[start : start + _AT_ONCE].astype(np.float64)
