"""Cross-entropy, focal and margin loss, one value per example.

`LossSpec.floor` decides what becomes of a label whose probability is next to 0.
Keras clips probabilities, and outside of its limits the gradient is 0: a network
whose first logits lie in the hundreds then learns nothing at all. Without a floor
the loss is computed from the logits.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from sernet_jax.nn import parallel
from sernet_jax.training.specs import LossSpec

# Least of what teachers answer.
PROBABILITY_FLOOR = 1e-7
# Next to 0, and its logarithm is finite.
_TINY = float(jnp.finfo(jnp.float32).tiny)
# Next to 1, where a focal weight with a gamma below 1 still has a slope.
_ALMOST_1 = 1 - 2.0**-24
# Of the margin loss: what the label's probability and all others are to pass, and
# how much the others count.
_PRESENT, _ABSENT, _OTHERS = 0.9, 0.1, 0.5


def from_probability(probability: jax.Array, spec: LossSpec) -> jax.Array:
  """Computes the loss of examples whose label has this probability.

  -ln p for the cross-entropy, -(1 - p)^gamma ln p for the focal loss (Lin et
  al., ICCV 2017, equation 4, without the balancing factor); p is first clipped to
  [floor, 1 - floor], as Keras does.

  Args:
    probability: any shape, in [0, 1].
    spec: which loss.

  Returns:
    The same shape, at least 0.
  """
  highest = min(1 - spec.floor, _ALMOST_1)
  p = jnp.clip(probability, spec.floor or _TINY, highest)
  return _of_log(jnp.log(p), p, spec)


def _of_log(log_p: jax.Array, p: jax.Array, spec: LossSpec) -> jax.Array:
  if spec.name == 'focal':
    return -((1 - p) ** spec.gamma) * log_p
  return -log_p


def _margin(probabilities: jax.Array) -> jax.Array:
  """Computes the margin loss of each class, (..., classes), if it is the label.

  max(0, 0.9 - p)^2 of the label and half of max(0, p - 0.1)^2 of each other
  class (Sabour et al. 2017, equation 4, with probabilities for lengths).
  """
  short = jnp.square(jnp.maximum(0.0, _PRESENT - probabilities))
  over = _OTHERS * jnp.square(jnp.maximum(0.0, probabilities - _ABSENT))
  return short + over.sum(axis=-1, keepdims=True) - over


def of_labels(
  probabilities: jax.Array, labels: jax.Array, spec: LossSpec
) -> jax.Array:
  """Computes the loss of each example's label.

  Args:
    probabilities: (examples, classes).
    labels: (examples,) of whole numbers in [0, classes).
    spec: which loss.

  Returns:
    (examples,), at least 0.
  """
  margin = spec.name == 'margin'
  picked = _picked(_margin(probabilities) if margin else probabilities, labels)
  return picked if margin else from_probability(picked, spec)


def _picked(values: jax.Array, labels: jax.Array) -> jax.Array:
  """Takes of each row, (examples, classes), the value of its label."""
  return jnp.take_along_axis(values, labels[:, None], axis=1)[:, 0]


def _of_logits(logits: jax.Array, spec: LossSpec) -> jax.Array:
  """Computes the loss of each class, (examples, classes), if it is the label."""
  if spec.name == 'margin':
    return _margin(jax.nn.softmax(logits))
  if spec.floor:
    return from_probability(jax.nn.softmax(logits), spec)
  log_p = jax.nn.log_softmax(logits)
  return _of_log(log_p, jnp.minimum(jnp.exp(log_p), _ALMOST_1), spec)


def per_example(
  logits: jax.Array, labels: jax.Array, spec: LossSpec
) -> jax.Array:
  """Computes the loss of each example's label under the softmax.

  Args:
    logits: (examples, classes).
    labels: (examples,) of whole numbers in [0, classes).
    spec: which loss.

  Returns:
    (examples,), at least 0.
  """
  if not spec.floor:
    return _picked(_of_logits(logits, spec), labels)
  return of_labels(jax.nn.softmax(logits), labels, spec)


def soft(logits: jax.Array, targets: jax.Array, spec: LossSpec) -> jax.Array:
  """Computes the loss of each example against probabilities of the classes.

  The sum over the classes of their probability times their loss; for a
  one-hot target `per_example`. Label smoothing (Szegedy et al. 2016) mixes the
  targets with the uniform distribution.

  Args:
    logits: (examples, classes).
    targets: (examples, classes), each row sums to 1.
    spec: which loss.

  Returns:
    (examples,), at least 0.
  """
  share = spec.label_smoothing
  targets = (1 - share) * targets + share / targets.shape[-1]
  values = _of_logits(logits, spec)  # (b, classes)
  return jnp.sum(targets * values, axis=-1)


def distilled(
  logits: jax.Array, answers: jax.Array, temperature: float
) -> jax.Array:
  """Computes how far each example is from what teachers answer.

  T^2 KL(answers || softmax(logits / T)), as Hinton, Vinyals and Dean (2015)
  train: divided logits tell which other classes an example is like, and the
  factor keeps the gradients as large as those of a label.

  Args:
    logits: (examples, classes) of the student.
    answers: (examples, classes), probabilities of the teachers at the same
      temperature.
    temperature: T.

  Returns:
    (examples,), at least 0 but for rounding; 0 where both agree.
  """
  own = jax.nn.log_softmax(logits / temperature)
  theirs = jnp.log(jnp.clip(answers, PROBABILITY_FLOOR, 1.0))
  return temperature**2 * jnp.sum(answers * (theirs - own), axis=-1)


def masked_mean(
  values: jax.Array, mask: jax.Array, axis: str | None = None
) -> jax.Array:
  """Computes the mean of the values whose mask is 1, or 0 if there is none.

  Args:
    values: (examples,).
    mask: (examples,) of 0 and 1.
    axis: of the mesh that examples are shared over, see `nn.parallel`; the
      result is then what this device adds to the mean over all.
  """
  count = parallel.total(jnp.sum(mask), axis)
  return jnp.sum(values * mask) / jnp.maximum(count, 1.0)


def class_weights(
  labels: jax.Array, mask: jax.Array, num_classes: int, spec: LossSpec
) -> jax.Array:
  """Computes the weight of each class; all 1 unless `balanced`.

  Balanced: N / (K * N_k), so that the mean weight of an example is 1 when
  all K classes occur.

  Args:
    labels: (examples,) of the fold's training set.
    mask: (examples,) of 0 and 1.
    num_classes: K.
    spec: which weights.

  Returns:
    (num_classes,); 0 for a class without examples.
  """
  if spec.class_weights == 'none':
    return jnp.ones(num_classes)
  counts = jnp.zeros(num_classes).at[labels].add(mask)  # N_k
  weights = jnp.sum(mask) / (num_classes * jnp.maximum(counts, 1.0))
  return jnp.where(counts > 0, weights, 0.0)
