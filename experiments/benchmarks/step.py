"""How much do the gradients of `ops` save in a training step?

  python experiments/benchmarks/step.py

One training step of Light-SERNet (batch 32, 3 s, float32, inside lax.scan as
in training) with the operations of `sernet_jax.ops` and with their plain
definitions, in turn; medians and the median of the pairwise ratios go to
step.json beside this file.
"""

from __future__ import annotations

import json
import pathlib
import statistics
import time

import history
import jax
import jax.numpy as jnp
import numpy as np

from sernet_jax import ops, training
from sernet_jax.spec import LossSpec, ModelSpec, OptimSpec

ROUNDS = 5
STEPS = 2
BATCH = 32


def compiled(recipe, x, labels):
  """STEPS training steps as one program; the state goes in and comes out."""

  def steps(state):
    def body(state, _):
      return training.train_step(
        recipe,
        state,
        x,
        labels,
        jnp.ones(BATCH),
        jnp.ones(7),
        jnp.int32(0),
        jnp.int32(0),
        jnp.int32(0),
      )

    return jax.lax.scan(body, state, None, length=STEPS)

  init = jax.jit(training.init_state, static_argnums=0)
  state = init(recipe, 0, 0)
  program = jax.jit(steps).lower(state).compile()
  return lambda: jax.block_until_ready(program(state))


def main():
  """Compiles both, times them in turn, prints and stores the figures."""
  random = np.random.default_rng(0)
  x = jnp.asarray(random.normal(size=(BATCH, 184, 40, 1)), jnp.float32)
  labels = jnp.asarray(random.integers(0, 7, BATCH), jnp.int32)
  recipe = training.Recipe(
    ModelSpec(), LossSpec(), OptimSpec(), BATCH, selections=()
  )
  own = compiled(recipe, x, labels)
  saved = ops.conv, ops.norm_relu_pool
  ops.conv, ops.norm_relu_pool = ops.plain_conv, ops.plain_norm_relu_pool
  plain = compiled(recipe, x, labels)
  ops.conv, ops.norm_relu_pool = saved

  times = {'own': [], 'plain': []}
  for _ in range(ROUNDS):
    for name, program in (('own', own), ('plain', plain)):
      start = time.perf_counter()
      program()
      times[name].append((time.perf_counter() - start) / STEPS)
  ratio = statistics.median(
    a / b for a, b in zip(times['own'], times['plain'], strict=True)
  )
  result = {
    'question': 'seconds per training step, own gradients against plain ones',
    'median_s': {name: statistics.median(t) for name, t in times.items()},
    'ratio_own_to_plain': ratio,
    'rounds': ROUNDS,
    **history.where('step.py'),
  }
  path = pathlib.Path(__file__).with_name('step.json')
  path.write_text(json.dumps(result, indent=1) + '\n')
  print(json.dumps(result, indent=1))


if __name__ == '__main__':
  main()
