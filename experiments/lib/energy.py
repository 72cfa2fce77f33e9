"""An estimate of the energy of one pass, from counts and a published table.

Nothing is measured here. The prices are those of M. Horowitz, "Computing's
energy problem (and what we can do about it)", ISSCC 2014, figure 1.1.9: a
45 nm process at 0.9 V, bare arithmetic units and memories. A real processor
adds fetching and decoding instructions, caches and leakage, which often cost
more than the arithmetic; a newer process costs less. So the figures rank
networks and lengths, and predict no meter.
"""

from __future__ import annotations

import math

from sernet_jax.nn.cost import list_layers
from sernet_jax.nn.spec import ModelSpec

# Picojoules of a multiplication and an addition. With int8 the products are
# added up in 32 bits.
MULTIPLY_ADD_PJ = {
  'float32': 3.7 + 0.9,
  'float16': 1.1 + 0.4,
  'int8': 0.2 + 0.1,
}
BYTES = {'float32': 4, 'float16': 2, 'int8': 1}
# The table has 1.3 to 2.6 nJ for 64 bits from DRAM; the lower end is taken.
DRAM_PJ_PER_BYTE = 1300 / 8


def estimate(
  spec: ModelSpec, frames: int, coefficients: int = 40
) -> dict[str, dict[str, float]]:
  """Millijoules of one input through the network, without the front end.

  Args:
    spec: the network.
    frames: of the input.
    coefficients: of the input.

  Returns:
    For each of `MULTIPLY_ADD_PJ`:
    arithmetic_mj: multiply-adds of convolutions and dense layer.
    least_bytes, least_mj: with every weight and the input fetched from DRAM
      once and all maps kept on the chip: arithmetic and this traffic.
    most_bytes, most_mj: with every map written to DRAM and read again by
      what follows it, pools included: arithmetic and this traffic.
  """
  costs = list_layers(spec, frames, coefficients)
  multiply_adds = sum(each.multiply_adds for each in costs)
  weights = sum(layer.num_weights + layer.outputs for layer in spec.layers())
  maps = frames * coefficients + spec.num_classes
  moved = 0
  for each in costs:
    layer, full = each.layer, math.prod(each.size)
    moved += full * layer.inputs + full * layer.outputs  # read, written
    if layer.batch_norm:  # a convolution: its pool reads and writes
      pooled = math.prod(each.pooled)
      moved += full * layer.outputs + pooled * layer.outputs
  found = {}
  for name, price in MULTIPLY_ADD_PJ.items():
    arithmetic = multiply_adds * price * 1e-9
    least = (weights + maps) * BYTES[name]
    most = (weights + moved) * BYTES[name]
    found[name] = {
      'arithmetic_mj': arithmetic,
      'least_bytes': least,
      'least_mj': arithmetic + least * DRAM_PJ_PER_BYTE * 1e-9,
      'most_bytes': most,
      'most_mj': arithmetic + most * DRAM_PJ_PER_BYTE * 1e-9,
    }
  return found
