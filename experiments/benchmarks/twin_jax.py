"""The package itself, as the benchmark asks of every peer."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from sernet_jax import features
from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common import jax_setup
from sernet_jax.nn import folded, interop
from sernet_jax.nn.spec import ModelSpec
from sernet_jax.predict import recognizer
from sernet_jax.predict.bundle import Bundle
from sernet_jax.training import recipes, steps as steps_lib, trial_state
from sernet_jax.training.devices import device_layout
from sernet_jax.training.specs import LossSpec, OptimSpec

SPEC = features.MfccSpec()


class Twin:
  """One training step as `training` does it, and waveform to probabilities."""

  def __init__(self, weights, x, y, waveforms, threads, precision='float32'):
    del threads  # XLA has its own: see XLA_FLAGS
    jax_setup.one_core_devices()  # as the commands do
    # The cores share the batch, as with train.fold_mapping=shard and one fold.
    mesh = device_layout.lay_out(1, len(x), jax.devices()).mesh(jax.devices())
    shared = device_layout.DATA if mesh.shape[device_layout.DATA] > 1 else None
    self.recipe = recipes.Recipe(
      ModelSpec(),
      LossSpec(),
      OptimSpec(),
      len(x),
      tracked=(),
      precision=precision,
      axis=shared,
    )
    self.params, self.stats = interop.from_keras(weights)
    init = jax.jit(trial_state.init_state, static_argnums=0)
    self.waveforms = waveforms
    each, whole = PartitionSpec(device_layout.DATA), PartitionSpec()
    self.state, self.x, self.y = (
      jax.device_put(tree, NamedSharding(mesh, spec))
      for tree, spec in (
        (init(self.recipe, 0, 0), whole),
        (x, each),
        (y.astype(np.int32), each),
      )
    )

    def train(state, count, x, y):
      return jax.shard_map(
        lambda state, x, y: self._train(state, count, x, y),
        mesh=mesh,
        in_specs=(whole, each, each),
        out_specs=whole,
        check_vma=False,
      )(state, x, y)

    self.train = jax.jit(train, static_argnums=1, donate_argnums=0)
    self.bundle = bundle(weights)
    self.recognizers = {}

  def _train(self, state, count, x, y):
    def step(state, _):
      return steps_lib.train_step(
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
    found = self.recognizers.get(count)
    if found is None:
      found = recognizer.Recognizer([self.bundle], batch=count)
      self.recognizers[count] = found
    return found(self.waveforms[:count])

  def classify(self, count: int) -> np.ndarray:
    """The same, where others get features: the package takes sound."""
    return self.infer(count)


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
