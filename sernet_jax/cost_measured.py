"""What XLA says that the network costs, for the device jax runs on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from sernet_jax import feature_cache, folded, inference, ops
from sernet_jax.bundle import Bundle


def programs(
  bundle: Bundle,
) -> dict[str, tuple[Callable, jax.ShapeDtypeStruct]]:
  """Functions of one input, and that input's shape.

  Returns:
    'plain': the network with XLA's own convolutions; 'network': as it is run,
    with Winograd's 3 x 3 convolutions on CPUs; 'chain': from the prepared
    waveform through front end and network, which is what a user waits for.
  """
  waveform = jax.ShapeDtypeStruct((1, bundle.audio.num_samples), jnp.float32)
  features = jax.eval_shape(
    lambda x: feature_cache.KINDS[bundle.feature_kind](x, bundle.mfcc)[
      ..., None
    ],
    waveform,
  )

  def network(weights, block=ops.conv_relu_pool_ready):
    return lambda x: jax.nn.softmax(
      folded.logits(bundle.model, weights, x, block)
    )

  def plain(x, block, window):
    y = ops.plain_conv(x, jnp.asarray(block['kernel'])) + block['bias']
    return ops.average_pool(jax.nn.relu(y), window)

  return {
    'plain': (network(bundle.folded, plain), features),
    'network': (network(folded.ready(bundle.folded)), features),
    'chain': (lambda x: inference.probabilities(bundle, x), waveform),
  }


def analyse(function: Callable, shape: jax.ShapeDtypeStruct) -> dict[str, Any]:
  """XLA's own analysis of one compiled program.

  Returns:
    mflops: millions of operations by its cost analysis, a multiply-add as
      two, zeros around a map not counted.
    accessed_mib: bytes that its operations read and write, added up.
    temporary_kib: the buffer for all that is neither input, output nor
      constant, as it was planned: the peak of the maps.
    Where the platform does not tell, None.
  """
  compiled = jax.jit(function).lower(shape).compile()
  cost = compiled.cost_analysis()
  memory = compiled.memory_analysis()

  def of(name, scale):
    return cost[name] * scale if cost and name in cost else None

  return {
    'mflops': of('flops', 1e-6),
    'accessed_mib': of('bytes accessed', 2**-20),
    'temporary_kib': memory.temp_size_in_bytes / 1024 if memory else None,
  }
