"""The package itself, as the benchmark asks of every peer."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from sernet_jax import features, folded, inference, interop, jax_setup, training
from sernet_jax.bundle import Bundle
from sernet_jax.spec import AudioSpec, LossSpec, ModelSpec, OptimSpec

SPEC = features.MfccSpec()


class Twin:
  """One training step as `training` does it, and waveform to probabilities."""

  def __init__(self, weights, x, y, waveforms, threads):
    del threads  # XLA has its own: see XLA_FLAGS
    jax_setup.one_core_devices()  # as the commands do
    self.recipe = training.Recipe(
      ModelSpec(), LossSpec(), OptimSpec(), len(x), selections=()
    )
    self.params, self.stats = interop.from_keras(weights)
    init = jax.jit(training.init_state, static_argnums=0)
    self.state = init(self.recipe, 0, 0)
    self.x, self.y = jnp.asarray(x), jnp.asarray(y, jnp.int32)
    self.waveforms = waveforms
    self.train = jax.jit(self._train, static_argnums=1, donate_argnums=0)
    fixed = bundle(weights)
    self.recognisers = {
      count: inference.Recogniser([fixed], batch=count)
      for count in (1, len(waveforms))
    }

  def _train(self, state, count, x, y):
    def step(state, _):
      return training.train_step(
        self.recipe, state, x, y, jnp.ones(len(x)), jnp.ones(7), 0, 0, 0
      )

    return jax.lax.scan(step, state, None, length=count)[0]

  def steps(self, count: int) -> None:
    """Training steps as part of one program, as an epoch is one."""
    self.state = jax.block_until_ready(
      self.train(self.state, count, self.x, self.y)
    )

  def infer(self, count: int) -> np.ndarray:
    """Waveforms to probabilities (count, classes)."""
    return self.recognisers[count](self.waveforms[:count])


def bundle(weights: dict[str, np.ndarray]) -> Bundle:
  """A model of these Keras weights, as `predict` and `export` take it."""
  params, stats = interop.from_keras(weights)
  return Bundle(
    model=ModelSpec(),
    mfcc=SPEC,
    feature_kind='mfcc',
    audio=AudioSpec(),
    classes=tuple('ABCDEFG'),
    folded=folded.fold(ModelSpec(), params, stats),
    about={'name': 'benchmark'},
  )
