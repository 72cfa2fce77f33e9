"""The network: its layers as data, its functions, its weights elsewhere.

`ModelSpec` lists its layers; `init` and `apply` are the network of training,
`fold` and `probabilities` that of inference.

  spec          ModelSpec, and its topology as a tuple of Layer
  sizes         smaller networks, as data
  model         the network of training, in flax
  folding       BatchNorm folded into the weights of inference
  folded        the network of inference
  incremental   the next window of a stream, only where it is new
  kernels/      fast operations on CPUs, each beside its definition
  parallel      batches shared over the devices of a mesh
  cost          parameters, arithmetic and memory from the layers
  interop       the authors' Keras weights
  keras_files   their files, without Keras
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sernet_jax.common import lazy
from sernet_jax.nn.spec import PAPER_BLOCKS, PATHS, Block, Layer, ModelSpec

if TYPE_CHECKING:
  from sernet_jax.nn.folded import logits, probabilities, ready
  from sernet_jax.nn.folding import fold
  from sernet_jax.nn.interop import from_keras, to_keras
  from sernet_jax.nn.model import apply, init

__all__ = [
  'PAPER_BLOCKS',
  'PATHS',
  'Block',
  'Layer',
  'ModelSpec',
  'apply',
  'fold',
  'from_keras',
  'init',
  'logits',
  'probabilities',
  'ready',
  'to_keras',
]

_HOMES = {
  'apply': 'model',
  'fold': 'folding',
  'from_keras': 'interop',
  'init': 'model',
  'logits': 'folded',
  'probabilities': 'folded',
  'ready': 'folded',
  'to_keras': 'interop',
}


# Loads a public name on first use: most need JAX or flax.
__getattr__ = lazy.loader(__name__, _HOMES)
