"""Constants and tables of the 8-bit network in C.

Kernels, scales and ranges are those of the int8 file of TensorFlow Lite. A
block's output stays a sum of 32 bits until it is pooled, so that nothing is
rounded between a convolution and its pool.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from sernet_jax.common.errors import require
from sernet_jax.export.device import c_text
from sernet_jax.export.emitters import int8
from sernet_jax.nn.spec import LEAST_VARIANCE, Layer
from sernet_jax.predict import bundle as bundle_lib
from sernet_jax.predict.bundle import Bundle
from sernet_jax.runs.weights import threshold

_LIMIT32 = 2**31 - 1
POOLINGS = ('mean', 'masked', 'statistics')  # of `nn.spec.POOLINGS`


class _Plan(NamedTuple):
  """A block with the map that it reads.

  Attributes:
    layer: the block.
    width: columns of its input.
    pool: (rows, columns) of a window; (1, 1) before the mean of the map.
    ring: rows of the input that are kept.
  """

  layer: Layer
  width: int
  pool: tuple[int, int]
  ring: int


def require_suitable(bundle: Bundle) -> None:
  """Refuses networks that the C sources do not compute.

  Raises:
    InputError: if it pools in another way, or a sum could exceed 32 bits.
  """
  pooling = bundle.light_sernet.pooling
  require(
    pooling in POOLINGS,
    f'this model has model.pooling={pooling}, which the C sources do not '
    f'compute; train it with {", ".join(POOLINGS)}, or export it to onnx or '
    'tflite',
  )
  for layer in bundle.light_sernet.layers('block'):
    products = layer.num_weights // layer.outputs
    require(
      products * 127 * 255 < _LIMIT32 // 2,
      f'{layer.name} adds up {products} products, more than 32 bits hold; '
      'export the model to another format',
    )


def constants(bundle: Bundle) -> str:
  """The macros of `c/network.h`."""
  paths, plans = bundle.light_sernet.layers('path'), _plans(bundle)
  (pool,) = {layer.pool for layer in paths}
  assert pool is not None
  tall = max(layer.kernel[0] for layer in paths)
  return c_text.constants(
    {
      'SERNET_CLASSES': len(bundle.classes),
      'SERNET_PATHS': len(paths),
      'SERNET_PATHS_TALL': tall,
      'SERNET_PATH_POOL_TALL': pool[0],
      'SERNET_PATH_POOL_WIDE': pool[1],
      'SERNET_FEATURE_ROWS': tall - 1 + pool[0],
      'SERNET_BLOCKS': len(plans),
      'SERNET_LAYERS': len(plans) + 1,
      'SERNET_MAP_BYTES': sum(_ring_bytes(plan) for plan in plans),
      'SERNET_LAST': plans[-1].layer.outputs,
      'SERNET_OWN_ROWS': int(bundle.light_sernet.masked),
      # Below this probability a label says little; 0 where nobody measured.
      'SERNET_ABSTAIN': threshold.kept(bundle.about) or 0.0,
      'SERNET_STATISTICS': int(bundle.light_sernet.pooling == 'statistics'),
    }
  )


def tables(
  bundle: Bundle, ranges: Mapping[str, int8.Range], metadata: Mapping[str, str]
) -> str:
  """The tables of `c/network.c`.

  Args:
    bundle: the model.
    ranges: least and greatest input of each block, as NAME_input.
    metadata: stored in the sources, text by name.
  """
  plans = _plans(bundle)
  steps = [_step(ranges[f'{plan.layer.name}_input']) for plan in plans]
  path_tables, path_rows = _paths(bundle)
  block_tables, block_rows = _blocks(bundle, plans, steps)
  head = bundle.folded[bundle.light_sernet.layers('dense')[0].name]
  classes = ', '.join(c_text.string(name) for name in bundle.classes)
  return '\n'.join(
    [
      f'#define SERNET_PATHS_FACTOR {c_text.number(np.float32(1 / steps[0]))}',
      f'#define SERNET_LEAST_VARIANCE {c_text.number(LEAST_VARIANCE)}',
      '',
      *path_tables,
      *block_tables,
      c_text.table('head_kernel', np.asarray(head['kernel'], np.float32).T),
      c_text.table('head_bias', np.asarray(head['bias'], np.float32)),
      'static const path paths[SERNET_PATHS] = {',
      *path_rows,
      '};\n',
      'static const block blocks[SERNET_BLOCKS] = {',
      *block_rows,
      '};\n',
      f'const char *const sernet_classes[SERNET_CLASSES] = {{{classes}}};\n',
      'const char sernet_metadata[] =',
      f'{c_text.long_string(json.dumps(dict(metadata)))};',
    ]
  )


def _paths(bundle: Bundle) -> tuple[list[str], list[str]]:
  """Tables of the paths, and their lines in the list of them."""
  texts, rows = [], []
  for layer in bundle.light_sernet.layers('path'):
    own = bundle.folded[layer.name]
    # (h, w, 1, out) -> (out, h, w, 1)
    kernel = np.asarray(own['kernel'], np.float32).transpose(3, 0, 1, 2)
    texts.append(c_text.table(f'{layer.name}_kernel', kernel))
    texts.append(
      c_text.table(f'{layer.name}_bias', np.asarray(own['bias'], np.float32))
    )
    numbers = ', '.join(str(n) for n in (layer.outputs, *layer.kernel))
    rows.append(f'    {{{numbers}, {layer.name}_kernel, {layer.name}_bias}},')
  return texts, rows


def _blocks(
  bundle: Bundle, plans: list[_Plan], steps: list[float]
) -> tuple[list[str], list[str]]:
  """Tables of the blocks, and their lines in the list of them."""
  texts, rows, offset = [], [], 0
  for number, plan in enumerate(plans):
    layer = plan.layer
    own = bundle.folded[layer.name]
    # (h, w, in, out) -> (out, h, w, in)
    weights = np.asarray(own['kernel']).transpose(3, 0, 1, 2)
    kernel = int8.kernel(weights, np.asarray(own['bias']), steps[number])
    # The next block's numbers of 8 bits; the last one's are real numbers.
    after = steps[number + 1] if number + 1 < len(plans) else 1.0
    texts += [
      c_text.table(f'{layer.name}_kernel', kernel.weights),
      c_text.table(f'{layer.name}_bias', kernel.bias),
      c_text.table(
        f'{layer.name}_scale', (kernel.sum_scales / after).astype(np.float32)
      ),
    ]
    numbers = ', '.join(
      str(n)
      for n in (
        plan.width,
        layer.inputs,
        layer.outputs,
        *layer.kernel,
        *plan.pool,
        plan.ring,
        offset,
      )
    )
    names = ', '.join(
      f'{layer.name}_{part}' for part in ('kernel', 'bias', 'scale')
    )
    rows.append(f'    {{{numbers},\n     {names}}},')
    offset += _ring_bytes(plan)
  return texts, rows


def _step(seen: int8.Range) -> float:
  """One step of a map's 8 bits; means of ReLU begin at 0."""
  assert seen[0] >= 0
  step, zero = int8.scale(seen)
  assert zero == -128
  return step


def _plans(bundle: Bundle) -> list[_Plan]:
  """The blocks with the sizes of the maps that they read."""
  width = bundle.mfcc.num_coefficients
  pool = bundle.light_sernet.layers('path')[0].pool
  plans = []
  for layer in bundle.light_sernet.layers('block'):
    assert pool is not None
    width = -(-width // pool[1])
    pool = layer.pool
    tall, wide = pool or (1, 1)
    # As many rows as one pooled row of the output reads.
    plans.append(_Plan(layer, width, (tall, wide), layer.kernel[0] - 1 + tall))
  return plans


def _ring_bytes(plan: _Plan) -> int:
  return plan.ring * plan.width * plan.layer.inputs


def metadata(bundle: Bundle) -> dict[str, str]:
  """Everything about the model but its arrays, in 8 bits."""
  about = {**bundle.about, 'precision': 'int8'}
  texts = bundle_lib.metadata(bundle)
  return {**texts, 'about': json.dumps(about)}
