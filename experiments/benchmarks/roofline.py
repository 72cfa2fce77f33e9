"""Measures what one core can do, and how near a training step comes to it.

  python -m experiments.benchmarks.roofline

On one core, in CPU seconds, so that other work on the machine matters little:
the greatest rate of matrix products in float32 (XLA's and numpy's BLAS) and in
bfloat16 with sums in float32 (XLA's), and a training step of 32 segments of
3 s in float32. The step's arithmetic is that of the plain network (`nn.cost`):
a forward pass, the gradients by every kernel and by every map but the
features. What it would cost at the peak is the roof; Winograd's filtering needs
fewer multiplications, so the ratio is of useful arithmetic. Writes
roofline.json, the table of the page on speed and a line of the history.
"""

from __future__ import annotations

import json
import pathlib
import statistics
import sys
from collections.abc import Callable
from typing import Any

HERE = pathlib.Path(__file__).parent
PAGE = HERE.parents[1] / 'docs' / 'speed.md'
SIZES = (512, 1024)
ROUNDS = 5
FRAMES, COEFFICIENTS = 184, 40  # of 3 s
# Flags of /proc/cpuinfo that say what multiplies.
UNITS = ('avx2', 'fma', 'avx512f', 'avx512_bf16', 'amx_bf16', 'amx_tile')


def main() -> None:
  """Measures in turns, and writes."""
  from experiments.lib import step_times

  step_times.one_core()

  sys.path.append(str(HERE))
  import history
  import step

  from experiments.lib import markdown

  train = step.compiled(*step.example())
  rates: dict[str, list[float]] = {}
  steps_s = []
  for number in range(ROUNDS + 1):
    found = {name: max(_rates(run)) for name, run in _products().items()}
    steps = step_times.cpu_s(train) / step.STEPS
    if number:  # the first round compiles
      steps_s.append(steps)
      for name, rate in found.items():
        rates.setdefault(name, []).append(rate)
  content = summary(
    {name: statistics.median(found) for name, found in rates.items()},
    statistics.median(steps_s),
    step_operations(step.BATCH),
  )
  content |= {'units': units(), 'rounds': ROUNDS, **history.where('roofline')}
  (HERE / 'roofline.json').write_text(json.dumps(content, indent=2) + '\n')
  markdown.fill(PAGE, 'roofline', table(content))
  history.append('roofline', content, HERE / 'history.jsonl')
  print(table(content))


def step_operations(batch: int) -> float:
  """Operations of a training step, a multiply-add as two."""
  from sernet_jax.nn import cost
  from sernet_jax.nn.spec import ModelSpec

  layers = cost.list_layers(ModelSpec(), FRAMES, COEFFICIENTS)
  # Nothing asks for the gradient by the features, which the paths read.
  passes = [2 if each.layer.kind == 'path' else 3 for each in layers]
  return (
    2.0
    * batch
    * sum(
      each.multiply_adds * count
      for each, count in zip(layers, passes, strict=True)
    )
  )


def summary(
  rates: dict[str, float], step_s: float, operations: float
) -> dict[str, Any]:
  """Computes what the step would take at each peak, and its share of it.

  Args:
    rates: operations per second of each kind of product.
    step_s: CPU seconds of a step.
    operations: of a step.
  """
  best = max(rate for name, rate in rates.items() if 'float32' in name)
  return {
    'median_gflops': {name: rate / 1e9 for name, rate in rates.items()},
    'step_s': step_s,
    'step_gigaoperations': operations / 1e9,
    'step_at_peak_s': {name: operations / rate for name, rate in rates.items()},
    'ratio_step_to_float32_peak': step_s * best / operations,
  }


def units() -> list[str]:
  """Lists which of `UNITS` the processor has; none where nothing says so."""
  try:
    text = pathlib.Path('/proc/cpuinfo').read_text()
  except OSError:
    return []
  lines = [line for line in text.splitlines() if line.startswith('flags')]
  return [name for name in UNITS if lines and name in lines[0].split()]


def table(content: dict[str, Any]) -> str:
  """The measured peaks as a Markdown table."""
  from experiments.lib import markdown

  rows = [
    [name, f'{rate:.1f}', f'{1e3 * content["step_at_peak_s"][name]:.0f}']
    for name, rate in content['median_gflops'].items()
  ]
  gigas, step_s = content['step_gigaoperations'], content['step_s']
  rows.append(
    ['the training step', f'{gigas / step_s:.1f}', f'{1e3 * step_s:.0f}']
  )
  return markdown.table(
    ['on one core', 'GFLOP/s', 'ms of a training step'], rows
  )


def _products() -> dict[str, list[tuple[Callable[[], Any], float]]]:
  """Kind -> (a product, its operations), of several sizes."""
  import jax
  import jax.numpy as jnp
  import numpy as np

  @jax.jit
  def product(a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.matmul(a, b, preferred_element_type=jnp.float32)

  random = np.random.default_rng(0)
  found: dict[str, list[tuple[Callable[[], Any], float]]] = {}
  for size in SIZES:
    a = np.float32(random.normal(size=(size, size)))
    whole, half = jnp.asarray(a), jnp.asarray(a, jnp.bfloat16)

    def xla(x: jax.Array) -> Callable[[], Any]:
      return lambda: jax.block_until_ready(product(x, x))

    operations = 2.0 * size**3
    for name, run in (
      ('float32, XLA', xla(whole)),
      ('float32, BLAS of numpy', lambda a=a: a @ a),
      ('bfloat16, XLA', xla(half)),
    ):
      found.setdefault(name, []).append((run, operations))
  return found


def _rates(products: list[tuple[Callable[[], Any], float]]) -> list[float]:
  """Operations per CPU second of each product, the best of three."""
  from experiments.lib import step_times

  rates = []
  for run, operations in products:
    run()
    rates.append(operations / min(step_times.cpu_s(run) for _ in range(3)))
  return rates


if __name__ == '__main__':
  if sys.argv[1:]:
    print(__doc__)
  else:
    main()
