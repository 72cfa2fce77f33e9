"""LSTM and GRU over time by `lax.scan`, over own frames alone.

A frame that is not the utterance's own leaves the state as it was, so that
the result of a padded utterance is that of the utterance alone, in both
directions. Shapes in comments: b examples, t frames, h units.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

Arrays = Mapping[str, jax.Array]
Step = Callable[[Any, jax.Array], tuple[Any, jax.Array]]


def lstm(
  arrays: Arrays, x: jax.Array, own: jax.Array, reverse: bool = False
) -> jax.Array:
  """Runs one direction of an LSTM (Hochreiter & Schmidhuber 1997).

  Gates stand in the order input, forget, candidate, output, as in Keras, and
  have one bias.

  Args:
    arrays: 'kernel' (inputs, 4 h), 'recurrent' (h, 4 h), 'bias' (4 h,).
    x: (examples, frames, inputs).
    own: (examples, frames) of 0 and 1.
    reverse: from the last frame to the first.

  Returns:
    (examples, frames, h), the output at each frame.
  """
  units = arrays['recurrent'].shape[0]
  zero = jnp.zeros((x.shape[0], units), x.dtype)

  def step(
    state: tuple[jax.Array, jax.Array], gates: jax.Array
  ) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
    hidden, cell = state
    i, f, g, o = jnp.split(gates + hidden @ arrays['recurrent'], 4, axis=-1)
    cell = jax.nn.sigmoid(f) * cell + jax.nn.sigmoid(i) * jnp.tanh(g)
    hidden = jax.nn.sigmoid(o) * jnp.tanh(cell)
    return (hidden, cell), hidden

  # The products with the inputs do not wait for the state.
  gates = x @ arrays['kernel'] + arrays['bias']  # (b, t, 4 h)
  return _scan(step, (zero, zero), gates, own, reverse)


def gru(
  arrays: Arrays, x: jax.Array, own: jax.Array, reverse: bool = False
) -> jax.Array:
  """Runs one direction of a GRU (Cho et al. 2014), reset before the product.

  Gates stand in the order reset, update, candidate, as in TensorFlow 1's
  GRUCell.

  Args:
    arrays: 'kernel' (inputs, 3 h), 'recurrent' (h, 3 h), 'bias' (3 h,).
    x: (examples, frames, inputs).
    own: (examples, frames) of 0 and 1.
    reverse: from the last frame to the first.

  Returns:
    (examples, frames, h), the output at each frame.
  """
  units = arrays['recurrent'].shape[0]
  # The candidate sees the hidden state after the reset, so its product cannot
  # be done with that of the gates.
  of_gates, of_candidate = jnp.split(arrays['recurrent'], [2 * units], axis=1)

  def step(hidden: jax.Array, inputs: jax.Array) -> tuple[jax.Array, jax.Array]:
    gates, candidate = jnp.split(inputs, [2 * units], axis=-1)
    gates = jax.nn.sigmoid(gates + hidden @ of_gates)
    reset, update = jnp.split(gates, 2, axis=-1)
    candidate = jnp.tanh(candidate + (reset * hidden) @ of_candidate)
    hidden = update * hidden + (1 - update) * candidate
    return hidden, hidden

  inputs = x @ arrays['kernel'] + arrays['bias']  # (b, t, 3 h)
  zero = jnp.zeros((x.shape[0], units), x.dtype)
  return _scan(step, zero, inputs, own, reverse)


def _scan(
  step: Step, state: Any, inputs: jax.Array, own: jax.Array, reverse: bool
) -> jax.Array:
  """Scans over time; frames that are not own pass the state on."""

  def masked(state: Any, now: tuple[jax.Array, jax.Array]) -> Any:
    x, real = now
    new, output = step(state, x)
    real = real[:, None] > 0
    # In reverse the padding comes first, and the state is still 0 where the
    # utterance ends.
    new = jax.tree.map(lambda a, b: jnp.where(real, a, b), new, state)
    return new, jnp.where(real, output, 0.0)

  # `lax.scan` walks along the first axis; reverse keeps outputs at their
  # frames.
  times = jnp.moveaxis(inputs, 1, 0), jnp.moveaxis(own, 1, 0)  # (t, b, ...)
  _, outputs = jax.lax.scan(masked, state, times, reverse=reverse)
  return jnp.moveaxis(outputs, 0, 1)
