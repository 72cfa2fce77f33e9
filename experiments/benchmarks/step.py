"""Times a training step with and without this package's own operations.

  python experiments/benchmarks/step.py
  XLA_FLAGS=--xla_cpu_multi_thread_eigen=false taskset -c 0 \
    python experiments/benchmarks/step.py       # one core

One training step of Light-SERNet (batch 32, 3 s, float32, inside lax.scan as
in training), in turn with the operations of `sernet_jax.nn.kernels`, with the same
gradients but XLA's convolutions in the place of `winograd`, and with the plain
definitions. Medians and the medians of the ratios of a turn go to step.json
beside this file.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import statistics
import time
from unittest import mock

import history
import jax
import jax.numpy as jnp
import numpy as np

from sernet_jax.nn.kernels import convolution, fused_paths, norm_pool
from sernet_jax.nn.spec import ModelSpec
from sernet_jax.training import recipes, steps as steps_lib, trial_state
from sernet_jax.training.specs import LossSpec, OptimSpec

ROUNDS = 7
SLOW = ('plain',)  # takes part in the first turn alone
STEPS = 2
BATCH = 32
FRAMES, COEFFICIENTS = 184, 40  # of 3 s
_IN_MEMORY = {
  'fused_paths.conv_norm_relu_pool': fused_paths.plain_conv_norm_relu_pool
}
# What stands in the place of what.
VARIANTS = {
  'own': {},
  'maps_in_memory': _IN_MEMORY,
  'no_winograd': {**_IN_MEMORY, 'winograd.suits': lambda kernel: False},
  'plain': {
    **_IN_MEMORY,
    'convolution.conv': convolution.plain_conv,
    'norm_pool.norm_relu_pool': norm_pool.plain_norm_relu_pool,
  },
}


def example():
  """Returns the recipe of the paper, features and labels of a batch."""
  random = np.random.default_rng(0)
  x = random.normal(size=(BATCH, FRAMES, COEFFICIENTS, 1))
  labels = random.integers(0, 7, BATCH)
  recipe = recipes.Recipe(
    ModelSpec(), LossSpec(), OptimSpec(), BATCH, tracked=()
  )
  return recipe, jnp.asarray(x, jnp.float32), jnp.asarray(labels, jnp.int32)


def compiled(recipe, x, labels):
  """STEPS training steps as one call."""
  program, state = compiled_and_state(recipe, x, labels)
  return lambda: jax.block_until_ready(program(state))


def compiled_and_state(recipe, x, labels):
  """STEPS training steps as one program; the state goes in and comes out."""

  def steps(state):
    def body(state, _):
      return steps_lib.train_step(
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

  init = jax.jit(trial_state.init_state, static_argnums=0)
  state = init(recipe, 0, 0)
  return jax.jit(steps).lower(state).compile(), state


def main():
  """Compiles all, times them in turn, prints and stores the figures."""
  given = example()
  programs = {}
  for name, changes in VARIANTS.items():
    with contextlib.ExitStack() as stack:
      for place, other in changes.items():
        stack.enter_context(mock.patch(f'sernet_jax.nn.kernels.{place}', other))
      programs[name] = compiled(*given)

  times = {name: [] for name in programs}
  for turn in range(ROUNDS):
    for name, program in programs.items():
      if turn and name in SLOW:
        continue
      start = time.perf_counter()
      program()
      times[name].append((time.perf_counter() - start) / STEPS)
  result = {
    'question': 'seconds per training step, own operations against others',
    'median_s': {name: statistics.median(t) for name, t in times.items()},
    **{
      f'ratio_own_to_{name}': statistics.median(
        a / b for a, b in zip(times['own'], times[name], strict=False)
      )
      for name in programs
      if name != 'own'
    },
    'rounds': ROUNDS,
    **history.where('step.py'),
  }
  path = pathlib.Path(__file__).with_name('step.json')
  path.write_text(json.dumps(result, indent=1) + '\n')
  print(json.dumps(result, indent=1))


if __name__ == '__main__':
  main()
