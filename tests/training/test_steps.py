"""One step, one epoch, one trial: exact, masked, traced once."""

from __future__ import annotations

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import two_blocks

from sernet_jax.corpora.protocols import Fold
from sernet_jax.nn.spec import ModelSpec
from sernet_jax.training import (
  batching,
  epoch_batches,
  evaluation,
  recipes,
  steps,
  trial_state,
)
from sernet_jax.training.specs import LossSpec, OptimSpec

NUM_SEGMENTS, FRAMES, COEFFICIENTS = 22, 9, 8
SEED = 7


@pytest.fixture(scope='module')
def recipe():
  return recipes.Recipe(
    model=ModelSpec(
      num_classes=2, batch_norm_momentum=0.5, blocks=two_blocks.BLOCKS
    ),
    loss=LossSpec(),
    optim=OptimSpec(learning_rate=1e-3),
    batch_size=4,
    tracked=('validation', 'test'),
  )


@pytest.fixture(scope='module')
def corpus():
  """Features of two classes apart by a shift, and their labels."""
  random = np.random.default_rng(0)
  labels = np.arange(NUM_SEGMENTS, dtype=np.int32) % 2
  features = random.normal(size=(NUM_SEGMENTS, FRAMES, COEFFICIENTS))
  features += 1.5 * labels[:, None, None]
  return jnp.asarray(features, jnp.float32), labels


def places(*numbers):
  return np.array(numbers, np.int32)


@pytest.fixture(scope='module')
def folds():
  """The first has 13 training utterances, the second 9."""
  return [
    Fold('a', 0, np.arange(9, 22), places(6, 7, 8), np.arange(6)),
    Fold('b', 1, np.arange(9), places(9, 10), np.arange(11, 22)),
  ]


def arrays_of(folds, labels):
  owners = np.arange(NUM_SEGMENTS, dtype=np.int32)
  return batching.fold_arrays(folds, labels, owners, 4, (SEED,))


TRACES = []


@pytest.fixture(scope='module')
def run_epoch(recipe):
  """A compiled epoch; Python runs its body once for every trace."""
  body = steps.run_epoch

  def counted(*args):
    TRACES.append(1)
    return body(*args)

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(steps, 'run_epoch', counted)
    yield compiled(recipe)


def compiled(recipe):
  """An epoch, and not its arguments alone: what it is given is used up."""

  def epoch(features, labels, fold, state, number):
    return steps.run_epoch(recipe, features, labels, fold, state, number)

  return jax.jit(epoch, donate_argnames='state')


def fresh(recipe, index):
  init = jax.jit(trial_state.init_state, static_argnums=0)
  return jax.tree.map(np.asarray, init(recipe, SEED, index))


def trained(run_epoch, recipe, corpus, arrays, epochs=2):
  features, labels = corpus
  state, rows = fresh(recipe, int(arrays.index)), []
  for epoch in range(epochs):
    state, metrics = run_epoch(features, labels, arrays, state, np.int32(epoch))
    rows.append(jax.device_get(metrics))
  return jax.device_get(state), rows


@pytest.fixture(scope='module')
def together(run_epoch, recipe, corpus, folds):
  return [
    trained(run_epoch, recipe, corpus, arrays)
    for arrays in arrays_of(folds, corpus[1])
  ]


def test_all_folds_and_epochs_share_one_trace(together):
  assert len(together) == 2
  assert len(TRACES) == 1


def test_a_fold_alone_equals_the_fold_among_others(
  together, recipe, corpus, folds
):
  """Fold b is padded by two empty batches among others, by none alone."""
  (arrays,) = arrays_of(folds[1:], corpus[1])
  assert len(arrays.train) < len(arrays_of(folds, corpus[1])[1].train)
  alone, rows = trained(compiled(recipe), recipe, corpus, arrays)
  among, rows_among = together[1]
  jax.tree.map(np.testing.assert_array_equal, rows, rows_among)
  jax.tree.map(np.testing.assert_array_equal, alone, among)


def test_the_step_counts_real_batches_only(together):
  assert together[0][0].step == 2 * 4  # 13 examples in batches of 4
  assert together[1][0].step == 2 * 3


def test_an_epoch_sees_every_training_example_once_in_a_new_order(
  recipe, corpus, folds
):
  arrays = arrays_of(folds, corpus[1])
  orders = []
  for epoch in range(2):
    segments, mask = epoch_batches.shuffled(recipe, arrays[1], jnp.int32(epoch))
    assert segments.shape == mask.shape == (4, 4)
    real = np.asarray(segments)[np.asarray(mask) == 1]
    assert sorted(real) == list(folds[1].train)
    # Padding stands at the end, so only the last real batch is short.
    assert np.all(np.diff(np.asarray(mask).ravel()) <= 0)
    orders.append(real.tolist())
  assert orders[0] != orders[1]
  (alone,) = arrays_of(folds[1:], corpus[1])
  segments, mask = epoch_batches.shuffled(recipe, alone, jnp.int32(0))
  assert np.asarray(segments)[np.asarray(mask) == 1].tolist() == orders[0]


def test_batches_of_one_speaker_are_dealt_anew_in_every_epoch(recipe):
  speakers = np.repeat(np.arange(3, dtype=np.int32), (2, 9, 6))
  fold = Fold(
    'a', 1, *(np.array(rows, 'i4') for rows in (range(2, 17), (), (0, 1)))
  )
  (arrays,) = batching.fold_arrays(
    [fold], np.zeros(17, np.int32), np.arange(17), 4, (SEED,), speakers
  )
  shuffle = jax.jit(epoch_batches.shuffled, static_argnums=0)
  found = []
  for epoch in range(3):
    rows, masks = map(np.asarray, shuffle(recipe, arrays, jnp.int32(epoch)))
    assert sorted(rows[masks == 1]) == list(fold.train)
    batches = [sorted(r[m == 1]) for r, m in zip(rows, masks, strict=True)]
    assert all(len(set(speakers[batch])) == 1 for batch in batches)
    assert sorted(map(len, batches)) == [3, 3, 3, 3, 3]
    found.append(batches)
  assert found[0] != found[1] != found[2]
  # Batches and their order change, not only the order within a batch.
  assert {tuple(b) for b in found[0]} != {tuple(b) for b in found[1]}
  assert len({tuple(speakers[b[0]] for b in each) for each in found}) > 1


def test_the_training_confusion_counts_each_example_once(together, folds):
  for (_, rows), fold in zip(together, folds, strict=True):
    for row in rows:
      assert row['train']['confusion'].sum() == len(fold.train)
      assert row['test']['confusion'].sum() == len(fold.test)
      assert row['validation']['confusion'].sum() == len(fold.validation)


def test_it_learns_what_can_be_learnt(run_epoch, recipe, corpus, folds):
  arrays = arrays_of(folds, corpus[1])[0]
  _, rows = trained(run_epoch, recipe, corpus, arrays, epochs=60)
  assert rows[-1]['train']['loss'] < 0.5 * rows[0]['train']['loss']
  assert np.trace(rows[-1]['test']['confusion']) == len(folds[0].test)


def test_the_test_labels_choose_nothing_but_best_on_test(
  run_epoch, recipe, corpus, folds, together
):
  """Turning the test labels round moves only the selection named for it."""
  arrays = arrays_of(folds, corpus[1])[0]
  test = arrays.test._replace(labels=1 - arrays.test.labels)
  state, _ = trained(run_epoch, recipe, corpus, arrays._replace(test=test))
  expected = together[0][0]
  for name in ('params', 'stats', 'optimizer', 'step'):
    jax.tree.map(
      np.testing.assert_array_equal,
      getattr(state, name),
      getattr(expected, name),
    )
  jax.tree.map(
    np.testing.assert_array_equal,
    state.best['validation'],
    expected.best['validation'],
  )
  kept = [s.best['test'] for s in (state, expected)]
  assert kept[0].score != kept[1].score


def test_best_keeps_the_weights_of_its_epoch_the_first_of_equals(
  run_epoch, recipe, corpus, folds
):
  arrays = arrays_of(folds, corpus[1])[0]
  features, labels = corpus
  state, after, scores = fresh(recipe, 0), [], []
  for epoch in range(8):
    state, row = run_epoch(features, labels, arrays, state, np.int32(epoch))
    host = jax.device_get(state)
    state = host
    after.append(host.params)
    scores.append(np.trace(row['test']['confusion']) / 6)
  best = state.best['test']
  chosen = int(np.argmax(scores))  # the first of equals
  assert scores.count(max(scores)) > 1
  assert best.epoch == chosen + 1
  assert best.score == pytest.approx(max(scores))
  jax.tree.map(np.testing.assert_array_equal, best.params, after[chosen])


@pytest.mark.parametrize(
  ('by', 'chosen', 'score'), [('wa', 1, 8 / 10), ('uar', 3, (5 / 8 + 1) / 2)]
)
def test_an_epoch_is_chosen_by_accuracy_or_by_uar(
  monkeypatch, recipe, corpus, folds, by, chosen, score
):
  """Of 8 and 2 tests; a third class has none and counts for nothing."""
  rows = iter(
    jnp.array([*counts, [0, 0, 0]])
    for counts in (
      [[8, 0, 0], [2, 0, 0]],
      [[7, 0, 1], [1, 1, 0]],
      [[5, 3, 0], [0, 2, 0]],
    )
  )
  monkeypatch.setattr(steps, 'train_epoch', lambda *given: (given[4], {}))
  monkeypatch.setattr(
    steps.evaluation, 'evaluate', lambda *_: {'confusion': next(rows)}
  )
  recipe = dataclasses.replace(recipe, tracked=('validation',), choose_by=by)
  state = fresh(recipe, 0)
  arrays = arrays_of(folds, corpus[1])[0]
  for epoch in range(3):
    state, _ = steps.run_epoch(recipe, *corpus, arrays, state, epoch)
  assert state.best['validation'].epoch == chosen
  assert state.best['validation'].score == pytest.approx(score)


def test_segments_vote_with_their_mean_probability(recipe, corpus):
  features, labels = corpus
  owners = np.repeat(np.arange(NUM_SEGMENTS // 2), 2).astype(np.int32)
  fold = Fold('x', 0, np.arange(5), places(), np.array([5, 7, 10]))
  (arrays,) = batching.fold_arrays([fold], labels[::2], owners, 4, (SEED,))
  state = fresh(recipe, 0)
  weights = state.params, state.stats
  votes = evaluation.compile_predict(recipe)(features, arrays.test, *weights)
  each = fold.test.repeat(2) * 2 + np.tile([0, 1], 3)
  from sernet_jax.nn import model

  apply = jax.jit(functools.partial(model.apply, recipe.model, train=False))
  logits, _ = apply(*weights, features[each][..., None])
  expected = jax.nn.softmax(logits).reshape(3, 2, 2).mean(axis=1)
  np.testing.assert_allclose(votes[:3], expected, atol=1e-6)
  np.testing.assert_array_equal(votes[3:], 0)


def test_evaluation_is_the_loss_without_class_weights(recipe, corpus, folds):
  features, labels = corpus
  arrays = arrays_of(folds, labels)[0]
  state = fresh(recipe, 0)
  focal = dataclasses.replace(recipe, loss=LossSpec('focal', 2.0, 'balanced'))
  given = features, arrays.test, state.params, state.stats
  found = jax.jit(evaluation.evaluate, static_argnums=0)(focal, *given)
  shares = evaluation.compile_predict(focal)(*given)
  p = np.asarray(shares)[np.arange(6), labels[:6]]
  expected = np.mean(-((1 - p) ** 2) * np.log(p))
  assert found['loss'] == pytest.approx(expected, rel=1e-5)


def test_a_block_is_its_epochs_to_rounding(together, recipe, corpus, folds):
  """Two epochs in a block of three; the third row stays empty.

  A block is another program than an epoch, so XLA may order its sums in
  another way. Adam turns a gradient of nearly 0 into up to a whole step
  (1e-3), whatever its sign: single weights may differ by that, few do.
  """
  num_steps = 8

  def close(actual, desired):
    apart = np.abs(np.subtract(actual, desired, dtype=np.float64))
    assert np.mean(apart) < 1e-5 + 1e-3 * np.mean(np.abs(desired))
    assert np.max(apart, initial=0.0) < 2e-3 * num_steps

  features, labels = corpus
  arrays = arrays_of(folds, labels)[0]

  def block(fold, state, first, count):
    return steps.run_block(
      recipe, 3, features, jnp.asarray(labels), fold, state, first, count
    )

  state, rows = jax.jit(block)(
    arrays, fresh(recipe, 0), np.int32(0), np.int32(2)
  )
  expected, each = together[0]
  jax.tree.map(close, state, expected)
  for epoch in range(2):
    jax.tree.map(
      lambda many, one, epoch=epoch: close(many[epoch], one),
      rows,
      each[epoch],
    )
  assert all(np.all(leaf[2] == 0) for leaf in jax.tree.leaves(rows))


@pytest.mark.parametrize(
  ('precision', 'within'), [('bfloat16', 0.02), ('tf32', 0.0025)]
)
def test_lower_precisions_compute_roughly_and_keep_float32(
  recipe, corpus, folds, precision, within
):
  """Losses agree to the digits of the factors; only float32 is kept."""
  features, labels = corpus
  arrays = arrays_of(folds, labels)[0]
  rough = dataclasses.replace(recipe, precision=precision)
  state, _ = trained(compiled(rough), rough, corpus, arrays, epochs=1)
  assert {leaf.dtype.name for leaf in jax.tree.leaves(state)} == {
    'float32',
    'int32',
  }

  @functools.partial(jax.jit, static_argnums=0)
  def loss_of(recipe, params, stats):
    with recipes.matmul_precision(recipe):
      return evaluation.evaluate(recipe, features, arrays.test, params, stats)

  weights = fresh(recipe, 0).params, state.stats
  loss, same = (float(loss_of(r, *weights)['loss']) for r in (rough, recipe))
  assert loss != same
  assert loss == pytest.approx(same, rel=within)


def test_fp16_rounding_is_to_the_nearest():
  tree = {'a': jnp.array([0.1, 1e-9, 3.0])}
  rounded = evaluation.round_to_fp16(tree)['a']
  assert rounded.dtype == jnp.float32
  np.testing.assert_array_equal(
    rounded, np.array([0.1, 1e-9, 3.0]).astype(np.float16)
  )
