"""The package itself, as the benchmark asks of every peer."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np

from sernet_jax import features, interop, model, training
from sernet_jax.spec import LossSpec, ModelSpec, OptimSpec

SPEC = features.MfccSpec()


class Twin:
  """One training step as `training` does it, and waveform to probabilities."""

  def __init__(self, weights, x, y, waveforms, threads):
    del threads  # XLA has its own: see XLA_FLAGS
    self.recipe = training.Recipe(
      ModelSpec(), LossSpec(), OptimSpec(), len(x), seed=0, selections=()
    )
    self.params, self.stats = interop.from_keras(weights)
    init = jax.jit(training.init_state, static_argnums=0)
    self.state = init(self.recipe, 0)
    self.x, self.y = jnp.asarray(x), jnp.asarray(y, jnp.int32)
    self.waveforms = waveforms
    self.train = jax.jit(self._train, donate_argnums=0)
    self.probabilities = jax.jit(self._probabilities)

  def _train(self, state, x, y):
    return training.train_step(
      self.recipe, state, x, y, jnp.ones(len(x)), jnp.ones(7), 0, 0
    )[0]

  def step(self) -> None:
    """One training step: forward, backward, update."""
    self.state = jax.block_until_ready(self.train(self.state, self.x, self.y))

  def infer(self, count: int) -> np.ndarray:
    """Waveforms to probabilities (count, classes)."""
    return np.asarray(
      self.probabilities(self.params, self.stats, self.waveforms[:count])
    )

  def _probabilities(self, params, stats, waveforms):
    x = features.mfcc(waveforms, SPEC)[..., None]
    apply = functools.partial(model.apply, ModelSpec(), train=False)
    return jax.nn.softmax(apply(params, stats, x)[0])
