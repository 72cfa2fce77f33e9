"""Measures what units for bfloat16 could be worth to a training step.

  pip install -e '.[bench]' && python -m experiments.benchmarks.bfloat16

On one core, in CPU seconds, in turns: the first 3 x 3 block's convolution (96
to 64 channels, 32 maps of 92 x 20) by XLA, by our Winograd filtering, by nine
shifted products and by oneDNN as PyTorch calls it, in float32 and bfloat16;
all convolutions of the blocks with their gradients, ours and oneDNN's; and a
whole training step, ours in float32 and PyTorch's in both. If oneDNN's kernels
in bfloat16 stood in the place of our convolutions, at no cost of their own, the
step would be shorter by the difference: that is the most that a native kernel
can give, whatever else it fuses left aside. Writes bfloat16.json, two tables of
the page on speed and a line of the history.
"""

from __future__ import annotations

import functools
import json
import pathlib
import statistics
import sys
from collections.abc import Callable
from typing import Any

HERE = pathlib.Path(__file__).parent
PAGE = HERE.parents[1] / 'docs' / 'speed.md'
ROUNDS = 7
FRAMES, COEFFICIENTS = 184, 40  # of 3 s
OURS = 'here, Winograd, float32'
ONEDNN = {name: f'oneDNN, {name}' for name in ('float32', 'bfloat16')}
# Difference from XLA's float32, as a share of the largest value.
TOLERANCE = {'float32': 1e-5, 'bfloat16': 1e-2}
Run = Callable[[], Any]


def main() -> None:
  """Measures in turns, and writes."""
  from experiments.lib import step_times

  step_times.one_core()
  sys.path.append(str(HERE))
  import history
  import roofline
  import step
  import torch

  from experiments.lib import markdown
  from sernet_jax.nn import cost
  from sernet_jax.nn.spec import ModelSpec

  torch.set_num_threads(1)
  layers = {
    each.layer.name: each
    for each in cost.list_layers(ModelSpec(), FRAMES, COEFFICIENTS)
    if each.layer.kind == 'block'
  }
  block, errors = _forward(layers['block1'])
  content: dict[str, Any] = {
    'block_median_s': _medians(block),
    'block_error': errors,
    'block_gigaoperations': _operations(layers['block1']) / 1e9,
    'convolutions_median_s': {
      name: _medians(_with_gradients(each)) for name, each in layers.items()
    },
    'step_median_s': {
      name: seconds / step.STEPS for name, seconds in _medians(_steps()).items()
    },
  }
  content |= worth(content) | {'units': roofline.units(), 'rounds': ROUNDS}
  content |= history.where('bfloat16')
  content['packages']['torch'] = torch.__version__
  (HERE / 'bfloat16.json').write_text(json.dumps(content, indent=2) + '\n')
  markdown.fill(PAGE, 'bfloat16 block', block_table(content))
  markdown.fill(PAGE, 'bfloat16 step', step_table(content))
  history.append('bfloat16', content, HERE / 'history.jsonl')
  print(block_table(content), step_table(content), sep='\n\n')


def worth(content: dict[str, Any]) -> dict[str, Any]:
  """Computes how much faster the step can be made by other convolutions.

  Args:
    content: has 'convolutions_median_s' (layer -> way -> seconds) and
      'step_median_s' (way -> seconds).
  """
  sums = {
    way: sum(found[way] for found in content['convolutions_median_s'].values())
    for way in (OURS, *ONEDNN.values())
  }
  step_s = content['step_median_s'][OURS]
  # A layer keeps whichever way is faster.
  least = sum(
    min(found[OURS], found[ONEDNN['bfloat16']])
    for found in content['convolutions_median_s'].values()
  )
  return {
    'all_convolutions_s': sums,
    'share_of_the_step': sums[OURS] / step_s,
    'share_of_the_block': content['convolutions_median_s']['block1'][OURS]
    / step_s,
    'greatest_speed_up': step_s / (step_s - sums[OURS] + least),
    'greatest_speed_up_if_they_took_no_time': step_s / (step_s - sums[OURS]),
  }


def block_table(content: dict[str, Any]) -> str:
  """The ways to convolve the block."""
  from experiments.lib import markdown

  gigas = content['block_gigaoperations']
  return markdown.table(
    ['first 3 x 3 block, forward', 'ms', 'GFLOP/s', 'error'],
    [
      [
        way,
        f'{1e3 * seconds:.1f}',
        f'{gigas / seconds:.0f}',
        f'{content["block_error"][way]:.0e}',
      ]
      for way, seconds in content['block_median_s'].items()
    ],
  )


def step_table(content: dict[str, Any]) -> str:
  """The convolutions with their gradients, and the step."""
  from experiments.lib import markdown

  ways = (OURS, *ONEDNN.values())
  parts = {
    f'{name}, forward and gradients': found
    for name, found in content['convolutions_median_s'].items()
  }
  parts['all five'] = content['all_convolutions_s']
  parts['the training step'] = content['step_median_s']
  return markdown.table(
    ['ms on one core', *ways],
    [
      [name, *(f'{1e3 * found[way]:.0f}' for way in ways)]
      for name, found in parts.items()
    ],
  )


def _operations(each) -> float:
  return 2.0 * 32 * each.multiply_adds


def _arrays(each):
  """Input, kernel and gradient of the result, of 32 examples."""
  import numpy as np

  random = np.random.default_rng(0)
  layer = each.layer
  shapes = (
    (32, *each.size, layer.inputs),
    (*layer.kernel, layer.inputs, layer.outputs),
    (32, *each.size, layer.outputs),
  )
  return [np.float32(random.normal(size=shape)) for shape in shapes]


def _forward(each) -> tuple[dict[str, Run], dict[str, float]]:
  """Ways to convolve, and how far each is from XLA's float32."""
  import jax
  import jax.numpy as jnp
  import numpy as np

  from sernet_jax.nn.kernels import convolution

  x, kernel, _ = _arrays(each)

  def shifted(x, kernel):
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = x.shape[1:3]
    return sum(
      jnp.matmul(
        padded[:, i : i + height, j : j + width],
        kernel[i, j],
        preferred_element_type=jnp.float32,
      )
      for i in range(3)
      for j in range(3)
    )

  def run(function, dtype) -> Run:
    given = jnp.asarray(x, dtype), jnp.asarray(kernel, dtype)
    compiled = jax.jit(function).lower(*given).compile()
    return lambda: jax.block_until_ready(compiled(*given))

  ways = {
    'XLA, float32': run(convolution.plain_conv, jnp.float32),
    OURS: run(convolution.conv, jnp.float32),
    'XLA, bfloat16': run(convolution.plain_conv, jnp.bfloat16),
    'nine shifted products by XLA, bfloat16': run(shifted, jnp.bfloat16),
  }
  results = {name: np.float32(way()) for name, way in ways.items()}
  for precision, name in ONEDNN.items():
    convolve, x_there, kernel_there, _ = _of_torch(each, precision)
    ways[name] = functools.partial(convolve, x_there, kernel_there)
    results[name] = ways[name]().float().permute(0, 2, 3, 1).numpy()
  true = results['XLA, float32']
  errors = {}
  for name, found in results.items():
    errors[name] = float(np.abs(found - true).max() / np.abs(true).max())
    if not errors[name] <= TOLERANCE[name.rpartition(', ')[2]]:
      raise SystemExit(f'{name} is off by {errors[name]}')
  return ways, errors


def _with_gradients(each) -> dict[str, Run]:
  """A convolution, its gradients by map and by kernel."""
  import jax
  import jax.numpy as jnp

  from sernet_jax.nn.kernels import convolution

  given = [jnp.asarray(array) for array in _arrays(each)]

  @jax.jit
  def ours(x, kernel, dy):
    y, back = jax.vjp(convolution.conv, x, kernel)
    return y, back(dy)

  ways: dict[str, Run] = {OURS: lambda: jax.block_until_ready(ours(*given))}
  for precision, name in ONEDNN.items():
    convolve, x, kernel, dy = _of_torch(each, precision)
    x.requires_grad_()
    kernel.requires_grad_()

    def both(convolve=convolve, x=x, kernel=kernel, dy=dy):
      x.grad = kernel.grad = None
      convolve(x, kernel).backward(dy)

    ways[name] = both
  return ways


def _of_torch(each, precision: str):
  """Convolution of oneDNN and its arrays, channels last."""
  import torch

  x, kernel, dy = (torch.from_numpy(array) for array in _arrays(each))
  kind = getattr(torch, precision)
  x, dy = (
    array.permute(0, 3, 1, 2).to(kind, memory_format=torch.channels_last)
    for array in (x, dy)
  )
  kernel = kernel.permute(3, 2, 0, 1).to(
    kind, memory_format=torch.channels_last
  )
  convolve = functools.partial(torch.nn.functional.conv2d, padding='same')
  return convolve, x, kernel, dy


def _steps() -> dict[str, Run]:
  """A training step of 32 segments of 3 s."""
  import numpy as np
  import step
  import twin_torch

  recipe, x, labels = step.example()
  ways = {OURS: step.compiled(recipe, x, labels)}
  x, labels = np.array(x), np.array(labels)  # PyTorch wants to write
  sound = np.zeros((1, 48_000), np.float32)  # is not used
  for precision, name in ONEDNN.items():
    twin = twin_torch.Twin(
      {}, x, labels, sound, 1, bfloat16=precision == 'bfloat16'
    )
    ways[name] = functools.partial(twin.steps, step.STEPS)
  return ways


def _medians(ways: dict[str, Run]) -> dict[str, float]:
  """CPU seconds of each, in turns, after two calls that do not count."""
  from experiments.lib import step_times

  seconds: dict[str, list[float]] = {name: [] for name in ways}
  for number in range(ROUNDS + 2):
    for name, run in ways.items():
      taken = step_times.cpu_s(run)
      if number >= 2:
        seconds[name].append(taken)
  return {name: statistics.median(found) for name, found in seconds.items()}


if __name__ == '__main__':
  if sys.argv[1:]:
    print(__doc__)
  else:
    main()
