r"""Times the mappings of folds, and the ways to convolve folds.

  python experiments/benchmarks/fold_mapping.py            # CPU, small
  python experiments/benchmarks/fold_mapping.py --folds=10 --steps=16 # GPU

Part 1: Light-SERNet (batch 32, 3 s, 40 coefficients, noise for features),
FOLDS folds for STEPS training steps, as 'map', 'vmap' and 'shard'. On a CPU
'map' has all cores as threads of an operation, or, as in `sernet_jax.main`, a
device per core besides, and 'shard' a device per core with and without threads
inside an operation; each in a process of its own, as these settings hold for a
whole process.

Part 2: forward and backward pass of single convolutions with one set of
filters per fold: vmap (a convolution of groups), patches times filters as one
batched product, and lax.map. The path has no gradient by its input, as in
training, where the input is the features.

The variants take turns for ROUNDS rounds; medians, and medians of the ratios
within a round, go to fold_mapping.json beside this file.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import numpy as np

from sernet_jax.common import files

BATCH, FRAMES, COEFFICIENTS = 32, 184, 40
# (name, examples, frames, coefficients, inputs, outputs, height, width): what
# the network has of each kind.
CONVOLUTIONS = (
  ('path 11x1', 32, 184, 40, 1, 32, 11, 1),
  ('block1 3x3', 32, 92, 20, 96, 64, 3, 3),
  ('block3 3x3', 32, 23, 5, 96, 128, 3, 3),
)
_THREADLESS = '--xla_cpu_multi_thread_eigen=false'


def timed(function) -> float:
  """Seconds of one call."""
  start = time.perf_counter()
  function()
  return time.perf_counter() - start


def mapped(name: str, folds: int, steps: int):
  """Compiles FOLDS folds in one mapping; a call trains STEPS steps of each."""
  import jax

  from sernet_jax.corpora.protocols import Fold
  from sernet_jax.nn.spec import ModelSpec
  from sernet_jax.training import batching, recipes, trial_state
  from sernet_jax.training.devices import mapping
  from sernet_jax.training.specs import LossSpec, OptimSpec

  recipe = recipes.Recipe(
    ModelSpec(), LossSpec(), OptimSpec(), BATCH, tracked=()
  )
  random = np.random.default_rng(0)
  count = BATCH * steps
  features = random.normal(size=(count, FRAMES, COEFFICIENTS))
  labels = np.arange(count, dtype=np.int32) % 7
  everything, first = np.arange(count), np.arange(1)
  arrays = batching.fold_arrays(
    [Fold(f'{k}', k, everything, first[:0], first) for k in range(folds)],
    labels,
    everything.astype(np.int32),
    BATCH,
  )
  trials = mapping.make(
    name, recipe, 1, features.astype(np.float32), labels, arrays, jax.devices()
  )
  trials.put(trial_state.init_states(recipe, arrays))
  zeros = np.zeros(folds, np.int32)

  def call():
    for _ in trials.advance(zeros, zeros + 1):
      pass

  call()
  return call


def worker(name: str, folds: int, steps: int) -> None:
  """Answers every line of stdin with the seconds of a call."""
  call = mapped(name, folds, steps)
  print('ready', flush=True)
  for _ in sys.stdin:
    print(timed(call), flush=True)


class Worker:
  """A mapping in a process of its own."""

  def __init__(self, name: str, folds: int, steps: int, flags: str):
    flags = f'{os.environ.get("XLA_FLAGS", "")} {flags}'.strip()
    self.process = subprocess.Popen(
      [
        sys.executable,
        __file__,
        f'--worker={name}',
        f'--folds={folds}',
        f'--steps={steps}',
      ],
      env={**os.environ, 'XLA_FLAGS': flags},
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      text=True,
    )
    assert self.process.stdout.readline().strip() == 'ready'

  def seconds(self) -> float:
    """Seconds of one call."""
    self.process.stdin.write('\n')
    self.process.stdin.flush()
    return float(self.process.stdout.readline())

  def close(self) -> None:
    """Ends the process."""
    self.process.stdin.close()
    self.process.wait()


def summary(times: dict[str, list[float]], base: str) -> dict[str, dict]:
  """Median seconds, and the median ratio to `base` within a round."""
  return {
    name: {
      'median_s': statistics.median(found),
      f'ratio_to_{base}': statistics.median(
        a / b for a, b in zip(found, times[base], strict=True)
      ),
    }
    for name, found in times.items()
  }


def mappings(folds: int, steps: int, rounds: int) -> dict[str, dict]:
  """Part 1."""
  import jax

  plans = {'map': ('map', ''), 'vmap': ('vmap', '')}
  if jax.default_backend() == 'cpu':
    cores = min(len(os.sched_getaffinity(0)), folds)
    devices = f'--xla_force_host_platform_device_count={cores}'
    plans['map, a fold per core'] = 'map', devices
    plans['shard'] = 'shard', devices
    plans['shard, one thread'] = 'shard', f'{devices} {_THREADLESS}'
    plans['map, one thread'] = 'map', _THREADLESS
  elif len(jax.devices()) > 1:
    plans['shard'] = 'shard', ''
  times: dict[str, list[float]] = {name: [] for name in plans}
  if jax.default_backend() == 'cpu':
    workers = {
      label: Worker(name, folds, steps, flags)
      for label, (name, flags) in plans.items()
    }
    for _ in range(rounds):
      for label, started in workers.items():
        times[label].append(started.seconds())
    for started in workers.values():
      started.close()
  else:
    calls = {k: mapped(name, folds, steps) for k, (name, _) in plans.items()}
    for _ in range(rounds):
      for label, call in calls.items():
        times[label].append(timed(call))
  return summary(times, 'map')


def convolutions(folds: int, rounds: int) -> dict[str, dict]:
  """Part 2."""
  import jax
  import jax.numpy as jnp

  from sernet_jax.nn.kernels import convolution

  def by_patches(x, kernel):
    height, width, inputs, outputs = kernel.shape
    pads = ((0, 0), (height // 2,) * 2, (width // 2,) * 2, (0, 0))
    padded = jnp.pad(x, pads)
    taps = [
      padded[:, i : i + x.shape[1], j : j + x.shape[2]]
      for i in range(height)
      for j in range(width)
    ]
    patches = jnp.concatenate(taps, axis=-1)
    return patches @ kernel.reshape(height * width * inputs, outputs)

  def gradients(function, first):
    def both(x, kernel, gradient):
      if first:
        y, back = jax.vjp(functools.partial(function, x), kernel)
      else:
        y, back = jax.vjp(function, x, kernel)
      return y, back(gradient)

    return both

  def one_by_one(function):
    return lambda *arrays: jax.lax.map(lambda one: function(*one), arrays)

  def call(program, arrays):
    jax.block_until_ready(program(*arrays))

  found = {}
  for name, examples, frames, columns, inputs, outputs, *size in CONVOLUTIONS:
    random = np.random.default_rng(0)
    shapes = (
      (folds, examples, frames, columns, inputs),
      (folds, *size, inputs, outputs),
      (folds, examples, frames, columns, outputs),
    )
    arrays = [jnp.asarray(random.normal(size=s), jnp.float32) for s in shapes]
    first = inputs == 1
    plans = {
      'groups': jax.vmap(gradients(convolution.conv, first)),
      'groups, plain gradient': jax.vmap(
        gradients(convolution.plain_conv, first)
      ),
      'patches': jax.vmap(gradients(by_patches, first)),
      'map': one_by_one(gradients(convolution.conv, first)),
    }
    calls = {}
    expected = None
    for label, plan in plans.items():
      program = jax.jit(plan)
      result = jax.block_until_ready(program(*arrays))
      expected = expected or result
      for one, other in zip(
        jax.tree.leaves(result), jax.tree.leaves(expected), strict=True
      ):
        scale = float(jnp.max(jnp.abs(other)))
        np.testing.assert_allclose(one, other, atol=3e-3 * scale)
      calls[label] = functools.partial(call, program, arrays)
    times: dict[str, list[float]] = {label: [] for label in calls}
    for _ in range(rounds):
      for label, ready in calls.items():
        times[label].append(timed(ready))
    found[name] = summary(times, 'map')
  return found


def main() -> None:
  """Runs the command; see the top of the file."""
  parser = argparse.ArgumentParser()
  parser.add_argument('--folds', type=int, default=2)
  parser.add_argument('--steps', type=int, default=2)
  parser.add_argument('--rounds', type=int, default=5)
  parser.add_argument('--part', type=int, default=0, help='1, 2, or 0 for both')
  parser.add_argument('--worker', help=argparse.SUPPRESS)
  flags = parser.parse_args()
  if flags.worker:
    worker(flags.worker, flags.folds, flags.steps)
    return
  import history

  # A part that is not run is left out: date and machine hold for all of it.
  result = {
    'question': 'seconds to train all folds a few steps, by mapping',
    'folds': flags.folds,
    'steps': flags.steps,
    'rounds': flags.rounds,
    'load_before': os.getloadavg()[0],
    **history.where('fold_mapping.py'),
  }
  if flags.part in (0, 2):
    result['convolutions'] = convolutions(flags.folds, flags.rounds)
  if flags.part in (0, 1):
    result['mappings'] = mappings(flags.folds, flags.steps, flags.rounds)
  path = pathlib.Path(__file__).with_suffix('.json')
  files.write_json(path, result)
  print(json.dumps(result, indent=1))


if __name__ == '__main__':
  main()
