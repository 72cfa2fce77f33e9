r"""Times ten folds of 300 epochs on an accelerator, and says what takes it.

  python experiments/benchmarks/accelerator.py
  python experiments/benchmarks/accelerator.py --epochs=30 --peers=

Light-SERNet as configs/emodb.py trains it: ten folds as large as those of the
ten speakers of EMO-DB, batch 32, 3 s, float32, the test after every epoch, a
block of ten epochs a call. Features are noise, so no corpus is needed. Each
variant is a process of its own, one after another on the same device:

  whole          EPOCHS epochs as train.fold_mapping=auto trains them
  map            fold after fold
  deterministic  as whole, with XLA's deterministic operations
  tf32, bfloat16 as whole, with train.precision
  torch          the twin in PyTorch, one fold, times the folds: that is one
                 after another; `torch tf32` lets it round factors, as it does
                 by default
  profile        where the time of a block goes, kernel by kernel

All but the first train SHORT epochs, and seconds of 300 are estimated from
them; `same_bits` says whether training twice gave the same weights. The
products per second are those of the convolutions and the dense layer (forward
pass, gradients by weights and by inputs), beside those of one large matrix
product in the same precision. Writes accelerator.json beside this file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np
from fold_mapping import BATCH, COEFFICIENTS, FRAMES, timed

from sernet_jax.common import files

HERE = pathlib.Path(__file__).parent
EPOCHS = 300
# Utterances of each speaker of EMO-DB, the tests of the folds.
SPEAKERS = (49, 58, 43, 38, 55, 35, 61, 69, 56, 71)
_DETERMINISTIC = '--xla_gpu_deterministic_ops=true'
# Mapping, precision and XLA's flags.
OURS = {
  'whole': ('auto', 'float32', ''),
  'map': ('map', 'float32', ''),
  'deterministic': ('auto', 'float32', _DETERMINISTIC),
  'tf32': ('auto', 'tf32', ''),
  'bfloat16': ('auto', 'bfloat16', ''),
}
PEERS = {'torch': False, 'torch tf32': True}


def data(
  utterances: int, folds: int, frames: int = FRAMES
) -> tuple[np.ndarray, np.ndarray, list]:
  """Features, labels and (train, test) of each fold.

  Args:
    utterances: of the corpus; EMO-DB has 535.
    folds: how many of the ten speakers are left out in turn.
    frames: of an utterance.
  """
  random = np.random.default_rng(0)
  features = random.normal(size=(utterances, frames, COEFFICIENTS))
  labels = np.arange(utterances, dtype=np.int32) % 7
  ends = np.rint(np.cumsum(SPEAKERS) * utterances / sum(SPEAKERS)).astype(int)
  everything = np.arange(utterances, dtype=np.int32)
  tests = np.split(everything, ends[:-1])[:folds]
  parts = [(np.setdiff1d(everything, test), test) for test in tests]
  return features.astype(np.float32), labels, parts


def train_ours(flags: argparse.Namespace) -> dict[str, Any]:
  """Seconds, bits and speed of one variant."""
  import jax

  from sernet_jax.corpora.protocols import Fold
  from sernet_jax.nn.spec import ModelSpec
  from sernet_jax.training import batching, recipes, trial_state
  from sernet_jax.training.devices import mapping
  from sernet_jax.training.specs import LossSpec, OptimSpec

  name, precision, _ = OURS[flags.worker]
  name = mapping.choose(name, jax.devices(), 1)
  features, labels, parts = data(flags.utterances, flags.folds, flags.frames)
  recipe = recipes.Recipe(
    ModelSpec(), LossSpec(), OptimSpec(), BATCH, precision=precision
  )
  arrays = batching.fold_arrays(
    [
      Fold(f'{k}', k, train, test[:0], test)
      for k, (train, test) in enumerate(parts)
    ],
    labels,
    np.arange(flags.utterances, dtype=np.int32),
    BATCH,
  )
  trials = mapping.make(
    name,
    recipe,
    flags.block,
    features,
    labels,
    arrays,
    jax.devices(),
  )

  def train(epochs: int) -> float:
    trials.put(trial_state.init_states(recipe, arrays))
    start = time.perf_counter()
    for first in range(0, epochs, flags.block):
      count = min(flags.block, epochs - first)
      each = np.ones(len(arrays), np.int32)
      for _ in trials.advance(each * first, each * count):
        pass
    return time.perf_counter() - start

  def digest() -> str:
    found = hashlib.sha256()
    for leaf in jax.tree.leaves(trials.get()[1]):
      found.update(np.asarray(leaf).tobytes())
    return found.hexdigest()

  if flags.profile:
    import profile_block

    train(flags.block)
    with tempfile.TemporaryDirectory() as folder:
      with jax.profiler.trace(folder, create_perfetto_trace=True):
        train(flags.block)
      return {'kernels': profile_block.kernels(pathlib.Path(folder))}
  first = train(flags.short)
  bits = digest()
  again = train(flags.short)
  same = digest() == bits
  epochs = flags.epochs if flags.worker == 'whole' else flags.short
  seconds = again if epochs == flags.short else train(epochs)
  products = sum(
    _products(*map(len, part), frames=flags.frames) for part in parts
  )
  with recipes.matmul_precision(recipe):
    limit = _limit(recipes.compute_dtype(recipe), flags.limit_size)
  return {
    'device': jax.devices()[0].device_kind,
    'mapping': name,
    'precision': precision,
    'epochs': epochs,
    'train_s': seconds,
    'compile_s': first - again,
    'same_bits': same,
    'teraflops': products * epochs / seconds / 1e12,
    'matmul_teraflops': limit,
    **_per_epoch(seconds / epochs),
  }


def _per_epoch(seconds: float) -> dict[str, float]:
  """Time per epoch of all folds together."""
  return {'epoch_s': seconds, 'estimated_300_epochs_s': seconds * EPOCHS}


def _products(train: int, test: int, frames: int = FRAMES) -> float:
  """Floating-point operations of an epoch of a fold and its test."""
  from sernet_jax.nn import cost
  from sernet_jax.nn.spec import ModelSpec

  layers = cost.list_layers(ModelSpec(), frames, COEFFICIENTS)
  total = 2 * sum(each.multiply_adds for each in layers)
  # Nobody asks for a gradient by the features.
  paths = 2 * sum(
    each.multiply_adds for each in layers if each.layer.kind == 'path'
  )
  return train * (3 * total - paths) + test * total


def _limit(dtype: Any, size: int) -> float:
  """Teraflops of one large product, the best of five."""
  import jax
  import jax.numpy as jnp

  one = jax.random.normal(jax.random.key(0), (size, size), dtype or jnp.float32)
  product = jax.jit(jnp.matmul)

  def call():
    jax.block_until_ready(product(one, one))

  call()
  return 2 * size**3 / min(timed(call) for _ in range(5)) / 1e12


def train_torch(flags: argparse.Namespace) -> dict[str, Any]:
  """Seconds of one fold, times the folds."""
  import twin_torch

  features, labels, parts = data(flags.utterances, flags.folds, flags.frames)
  trial = twin_torch.Fold(
    features, labels, *parts[0], BATCH, PEERS[flags.worker]
  )
  trial.train(1)
  seconds = timed(lambda: trial.train(flags.short)) / flags.short
  # Each fold as long as its share of training examples.
  shares = [len(train) / len(parts[0][0]) for train, _ in parts]
  return {
    'device': trial.device_name,
    'epochs': flags.short,
    'epoch_of_a_fold_s': seconds,
    **_per_epoch(seconds * sum(shares)),
  }


def run(name: str, arguments: list[str]) -> dict[str, Any]:
  """A variant in its own process; what it found, or how it failed."""
  xla = OURS[name][2] if name in OURS else ''
  command = [sys.executable, __file__, *arguments, f'--worker={name}']
  environment = dict(os.environ)
  environment['XLA_FLAGS'] = f'{os.environ.get("XLA_FLAGS", "")} {xla}'.strip()
  done = subprocess.run(
    command,
    env=environment,
    capture_output=True,
    text=True,
    check=False,
  )
  if done.returncode:
    lines = done.stderr.strip().splitlines() or [f'code {done.returncode}']
    return {'failed': lines[-1][:300]}
  return json.loads(done.stdout.strip().splitlines()[-1])


def main(arguments: list[str]) -> None:
  """Runs the command; see the top of the file."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--folds', type=int, default=len(SPEAKERS))
  parser.add_argument('--epochs', type=int, default=EPOCHS)
  parser.add_argument('--short', type=int, default=20)
  parser.add_argument('--block', type=int, default=10)
  parser.add_argument('--utterances', type=int, default=sum(SPEAKERS))
  parser.add_argument('--frames', type=int, default=FRAMES)
  parser.add_argument('--limit_size', type=int, default=8192)
  parser.add_argument('--variants', default=','.join(OURS))
  parser.add_argument('--peers', default=','.join(PEERS))
  parser.add_argument(
    '--output', type=pathlib.Path, default=HERE / 'accelerator.json'
  )
  parser.add_argument('--worker', help=argparse.SUPPRESS)
  parser.add_argument('--profile', action='store_true', help=argparse.SUPPRESS)
  flags = parser.parse_args(arguments)
  if flags.worker:
    train = train_torch if flags.worker in PEERS else train_ours
    print(json.dumps(train(flags)))
    return
  import history

  files.make_folder(flags.output.parent)
  result: dict[str, Any] = {
    'question': 'seconds to train all folds, by mapping and precision',
    'folds': flags.folds,
    'utterances': flags.utterances,
    'frames': flags.frames,
    'variants': {},
  }
  names = [*filter(None, f'{flags.variants},{flags.peers}'.split(','))]
  steps = {name: (name, arguments) for name in names}
  steps['profile of whole'] = 'whole', [*arguments, '--profile']
  for name, step in steps.items():
    found = result['variants'][name] = run(*step)
    print(name, json.dumps(found, indent=1), flush=True)
    result['ratios'] = ratios(result['variants'])
    # After every variant, so that a stop loses only the one under way.
    files.write_json(flags.output, result)
  # JAX takes a device's memory as it starts, so it does so last.
  result |= history.where('accelerator.py')
  files.write_json(flags.output, result)
  print(json.dumps(result['ratios'], indent=1))
  failed = [n for n, v in result['variants'].items() if 'failed' in v]
  if failed:
    sys.exit(f'failed, and why is in {flags.output}: {", ".join(failed)}')


def ratios(variants: dict[str, dict[str, Any]]) -> dict[str, float]:
  """Seconds of `whole` over those of every other; below 1: we are faster."""
  seconds = {
    name: found['epoch_s']
    for name, found in variants.items()
    if 'epoch_s' in found
  }
  return {
    f'ratio_whole_to_{name}': seconds['whole'] / other
    for name, other in seconds.items()
    if 'whole' in seconds and name != 'whole'
  }


if __name__ == '__main__':
  main(sys.argv[1:])
