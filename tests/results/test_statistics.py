"""Intervals and the paired test against values worked out by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from confusions import by_scikit_learn, speakers_matrices, utterances
from scipy import stats

from sernet_jax.results import metrics, statistics, summaries


def speaker(right_of_first: int, right_of_second: int) -> list[list[int]]:
  """Ten utterances of each of two classes, so many of them right."""
  return [
    [right_of_first, 10 - right_of_first],
    [10 - right_of_second, right_of_second],
  ]


BETTER = np.array([[speaker(9, 8), speaker(7, 9), speaker(8, 8)]])
WORSE = np.array([[speaker(5, 6), speaker(6, 8), speaker(7, 7)]])


def test_a_setting_that_wins_with_each_speaker_has_the_smallest_p():
  """Three speakers: 8 ways, of which the one found and its mirror."""
  assert statistics.permutation_test(BETTER, WORSE) == 2 / 8
  assert statistics.permutation_test(WORSE, BETTER) == 2 / 8
  assert statistics.smallest_p(3) == 2 / 8


def test_p_by_hand_where_a_speaker_goes_the_other_way():
  """UAR is the mean of 30 answers per class, so differences add up.

  Differences of the speakers in right answers: +6, +2, -3. With signs all
  eight sums are 5, 11, 1, -1, ... = +-(6 + 2 - 3), +-(6 + 2 + 3),
  +-(6 - 2 + 3), +-(6 - 2 - 3): 5, 11, 7 and 1. Six of eight are >= 5.
  """
  one = np.array([[speaker(9, 9), speaker(7, 7), speaker(5, 5)]])
  other = np.array([[speaker(6, 6), speaker(6, 6), speaker(6, 7)]])
  assert statistics.permutation_test(one, other) == 6 / 8


@pytest.mark.parametrize('score', metrics.SCORES)
@pytest.mark.parametrize('num_speakers', [2, 5, 8])
def test_exact_test_agrees_with_scipy(score, num_speakers):
  """All 2^S ways of swapping pairs, which SciPy calls `samples`."""
  one = speakers_matrices(num_speakers, seed=2)
  other = speakers_matrices(num_speakers, seed=3)

  def difference(a, b, axis):
    # SciPy swaps indices of speakers; (ways, S) -> (ways,)
    both = np.stack([one, other])
    scores = [
      metrics.scores_of_many(
        both.reshape(-1, 4, 4)[np.asarray(part, int)].sum(axis - 2)
      )[score]
      for part in (a, b)
    ]
    return scores[0] - scores[1]

  names = np.arange(2 * num_speakers).reshape(2, num_speakers)
  expected = stats.permutation_test(
    tuple(names),
    difference,
    permutation_type='samples',
    vectorized=True,
    n_resamples=np.inf,
    axis=-1,
  )
  found = statistics.permutation_test(one[None], other[None], score)
  assert found == pytest.approx(expected.pvalue, abs=1e-12)


def test_settings_that_agree_have_p_of_one():
  assert statistics.permutation_test(BETTER, BETTER) == 1.0


@pytest.mark.parametrize('score', metrics.SCORES)
def test_exact_test_agrees_with_going_through_all_ways(score):
  """Four speakers, two seeds, unequal classes: sixteen ways in plain loops."""
  random = np.random.default_rng(1)
  truth = random.integers(1, 9, (4, 3))

  def answers():
    return np.array(
      [
        [
          [random.multinomial(count, [0.4, 0.3, 0.3]) for count in row]
          for row in truth
        ]
        for _ in range(2)
      ]
    )

  one, other = answers(), answers()

  def value(counts):
    return np.mean([metrics.scores(c.sum(0))[score] for c in counts])

  found = value(one) - value(other)
  as_large = 0
  for ways in itertools.product([False, True], repeat=4):
    swap = np.array(ways)[None, :, None, None]
    difference = value(np.where(swap, other, one)) - value(
      np.where(swap, one, other)
    )
    as_large += abs(difference) >= abs(found) - 1e-12
  expected = as_large / 16
  assert statistics.permutation_test(one, other, score) == expected


def test_many_speakers_are_tested_at_random_and_p_is_never_zero():
  one = np.array([[speaker(9, 9)] * 20])
  other = np.array([[speaker(4, 4)] * 20])
  p = statistics.permutation_test(one, other)
  assert p == pytest.approx(1 / 10_001)
  assert p == statistics.smallest_p(20)
  assert statistics.permutation_test(one, other) == p


def test_equal_settings_are_called_different_as_often_as_promised():
  """Of 300 pairs without a difference at most about 20 % have p <= 0.2."""
  random = np.random.default_rng(2)
  ps = []
  for _ in range(300):
    right = random.binomial(10, 0.7, (2, 8, 2))
    one, other = ([[speaker(*pair) for pair in half]] for half in right)
    ps.append(statistics.permutation_test(one, other))
  assert 0.12 < np.mean(np.array(ps) <= 0.2) < 0.25


def test_one_speaker_has_neither_test_nor_interval():
  assert statistics.permutation_test(BETTER[:, :1], WORSE[:, :1]) is None
  assert statistics.ci95(BETTER[:, :1]) is None


def test_holm_by_hand():
  """Sorted 0.01 x 4, 0.02 x 3, 0.03 x 2 (below 0.06, so 0.06), 0.5."""
  assert statistics.holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx(
    [0.06, 0.04, 0.5, 0.06]
  )
  assert statistics.holm([0.7, 0.9]) == [1.0, 1.0]
  assert statistics.holm([]) == []


def test_interval_of_one_seed_is_that_of_the_results():
  matrices = dict(zip('abc', BETTER[0], strict=True))
  fold = {'name': '1', 'epoch': 1, 'confusion': BETTER[0].sum(0)}
  result = summaries.summarize([fold], matrices).to_json()
  assert statistics.ci95(BETTER) == result['ci95']


def test_bootstrap_is_the_percentiles_of_scores_of_drawn_speakers():
  counts = speakers_matrices()
  found = statistics.ci95(counts[None], seed=3, num_resamples=60)
  # The same draws, one resample at a time and by scikit-learn.
  drawn = np.random.default_rng(3).multinomial(8, np.full(8, 1 / 8), size=60)
  resampled = [
    by_scikit_learn(
      *utterances(sum(n * m for n, m in zip(row, counts, strict=True)))
    )
    for row in drawn
  ]
  for name in metrics.SCORES:
    expected = np.percentile(
      [scores[name] for scores in resampled], [2.5, 97.5]
    )
    assert found[name] == pytest.approx(expected, abs=1e-12), name


def test_interval_agrees_with_the_percentile_bootstrap_of_scipy():
  """Other draws of the same distribution: edges agree to a hundredth."""
  counts = speakers_matrices(12)
  found = statistics.ci95(counts[None])

  for name in metrics.SCORES:

    def score(names, axis, name=name):
      # (resamples, S) or (S,) indices -> scores
      pooled = counts[np.asarray(names, int)].sum(axis - 2)
      return metrics.scores_of_many(pooled)[name]

    expected = stats.bootstrap(
      (np.arange(12),),
      score,
      n_resamples=20_000,
      method='percentile',
      vectorized=True,
      axis=-1,
      rng=np.random.default_rng(5),
    ).confidence_interval
    assert found[name] == pytest.approx(list(expected), abs=0.01), name


def test_interval_holds_the_pooled_score_and_narrows_with_more_speakers():
  counts = speakers_matrices()
  wide = statistics.ci95(counts[None])
  narrow = statistics.ci95(np.concatenate([counts] * 16)[None])
  pooled = metrics.scores(counts.sum(0))
  for name in metrics.SCORES:
    low, high = wide[name]
    assert low < pooled[name] < high
    # 16 times the speakers: a quarter of the width.
    ratio = (narrow[name][1] - narrow[name][0]) / (high - low)
    assert ratio == pytest.approx(1 / 4, rel=0.1)


def test_speakers_are_resampled_whole_not_utterances():
  # Alike speakers leave nothing to vary, however few their utterances.
  alike = np.stack([[[3, 1], [1, 3]]] * 5)
  assert statistics.ci95(alike[None])['wa'] == [0.75, 0.75]


@pytest.mark.parametrize('num_speakers', [1, 2])
def test_no_interval_from_one_speaker_or_two(num_speakers):
  assert statistics.ci95(speakers_matrices(num_speakers)[None]) is None


@pytest.mark.parametrize(('num_speakers', 'most'), [(3, 0.85), (5, 0.9)])
def test_too_few_speakers_have_intervals_that_are_too_narrow(
  num_speakers, most
):
  """Speakers whose share of right answers is normal about 0.7: how often does
  an interval hold it?"""
  random = np.random.default_rng(4)
  held = 0
  for _ in range(200):
    shares = random.normal(0.7, 0.1, num_speakers)
    right = random.binomial(100, np.clip(shares, 0, 1))
    counts = [[[n, 100 - n], [0, 0]] for n in right]
    low, high = statistics.ci95([counts], num_resamples=300)['wa']
    held += low <= 0.7 <= high
  assert 0.5 < held / 200 < most


def test_interval_of_a_difference_uses_each_draw_for_both():
  """A constant difference has no width, however much speakers differ."""
  one = np.array([[speaker(9, 9), speaker(5, 5), speaker(3, 3)]])
  other = np.array([[speaker(8, 8), speaker(4, 4), speaker(2, 2)]])
  low, high = statistics.ci95(one, other)['uar']
  assert low == pytest.approx(0.1) and high == pytest.approx(0.1)


def test_seeds_widen_the_interval():
  seeds = np.array([BETTER[0], WORSE[0]])
  low, high = statistics.ci95(seeds)['uar']
  one = statistics.scores(BETTER)['uar']
  other = statistics.scores(WORSE)['uar']
  assert low < other < one < high or low <= other < one <= high
  assert statistics.scores(seeds)['uar'] == pytest.approx((one + other) / 2)


def test_folds_are_scored_by_themselves():
  """Two folds that are one give its figures; two halves give the means."""
  twice, other = (np.stack([x, x], 1) for x in (BETTER, WORSE))
  assert twice.shape == (1, 2, 3, 2, 2)
  assert statistics.scores(twice) == pytest.approx(statistics.scores(BETTER))
  assert statistics.ci95(twice, other)['wa'] == pytest.approx(
    statistics.ci95(BETTER, WORSE)['wa']
  )
  assert statistics.permutation_test(twice, other) == 2 / 8
  corpora = np.zeros((1, 2, 6, 2, 2), int)
  corpora[:, 0, :3], corpora[:, 1, 3:] = BETTER, WORSE
  for name, score in statistics.scores(corpora).items():
    means = statistics.scores(BETTER)[name], statistics.scores(WORSE)[name]
    assert score == pytest.approx(sum(means) / 2)


def test_speakers_are_drawn_within_their_corpora():
  """Alike within each: nothing varies, unless a draw mixes the corpora."""
  counts = np.array([[speaker(9, 9)] * 3 + [speaker(5, 5)] * 3])
  found = statistics.ci95(counts, corpora=list('aaabbb'))['wa']
  assert found == pytest.approx([0.7, 0.7])
  low, high = statistics.ci95(counts)['wa']
  assert low < 0.7 < high
  assert statistics.ci95(counts, corpora=list('aaaaab')) is None


def test_draws_without_anybody_whom_a_fold_tests_are_left_out():
  """The last two of five say none of the second fold's classes."""
  counts = np.array([[[speaker(9, 5)] * 5, [speaker(3, 8)] * 5]])
  counts[0, 1, 3:] = 0
  found = statistics.ci95(counts, corpora=list('aaaaa'))
  for name, score in statistics.scores(counts).items():
    assert found[name] == pytest.approx([score, score])
  counts[0, 1, 2:] = 0  # nearly every draw has one of the other two
  assert statistics.ci95(counts, corpora=list('aaaaa')) is None
  assert statistics.ci95(counts, counts, corpora=list('aaaaa')) is None


def test_spread_is_the_standard_deviation():
  assert statistics.spread([0.5, 0.7, 0.9]) == pytest.approx(0.2)
  assert statistics.spread([0.5]) is None
