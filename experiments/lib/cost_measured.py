"""The cost of the network as XLA reports it for the device jax runs on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from sernet_jax.features import kinds
from sernet_jax.nn import folded
from sernet_jax.nn.kernels import convolution, norm_pool
from sernet_jax.predict.bundle import Bundle


class Program(NamedTuple):
  """A function of weights and one input.

  Attributes:
    function: of both.
    weights: arrays, given to it as they are when a recording is judged: not
      written into the program, where XLA would compute with them beforehand.
    shape: of the input.
  """

  function: Callable[[Any, jax.Array], jax.Array]
  weights: Any
  shape: jax.ShapeDtypeStruct


def programs(bundle: Bundle) -> dict[str, Program]:
  """Programs for one segment.

  Returns:
    'plain': the network with XLA's own convolutions; 'network': as it is run,
    with Winograd's 3 x 3 convolutions on CPUs; 'chain': from the prepared
    waveform through front end and network, which is what a user waits for.
  """
  waveform = jax.ShapeDtypeStruct((1, bundle.audio.num_samples), jnp.float32)

  def front_end(x):
    return kinds.KINDS[bundle.feature_kind].compute(x, bundle.mfcc)[..., None]

  def plain_block(x, block, window, mask):
    assert mask.ndim == 1  # the published network
    y = convolution.plain_conv(x, jnp.asarray(block['kernel'])) + block['bias']
    return norm_pool.average_pool(jax.nn.relu(y), window)

  def plain(weights, x):
    return jax.nn.softmax(folded.logits(bundle.model, weights, x, plain_block))

  def network(weights, x):
    return folded.probabilities(bundle.model, weights, x)

  def chain(weights, x):
    return network(weights, front_end(x))

  features = jax.eval_shape(front_end, waveform)
  ready = jax.device_put(folded.ready(bundle.folded))
  return {
    'plain': Program(plain, jax.device_put(bundle.folded), features),
    'network': Program(network, ready, features),
    'chain': Program(chain, ready, waveform),
  }


def analyze(program: Program) -> dict[str, Any]:
  """XLA's own analysis of one compiled program.

  Returns:
    mflops: millions of operations by its cost analysis, a multiply-add as
      two, zeros around a map not counted.
    accessed_mib: bytes that its operations read and write, added up.
    temporary_kib: the buffer for all that is neither input, output nor
      constant, as it was planned: the peak of the maps.
    Where the platform does not tell, None.
  """
  compiled = jax.jit(program.function).lower(*program[1:]).compile()
  cost = compiled.cost_analysis()
  memory = compiled.memory_analysis()

  def of(name, scale):
    return cost[name] * scale if cost and name in cost else None

  return {
    'mflops': of('flops', 1e-6),
    'accessed_mib': of('bytes accessed', 2**-20),
    'temporary_kib': memory.temp_size_in_bytes / 1024 if memory else None,
  }
