"""The network: its layers as data, its functions, its weights elsewhere.

`ModelSpec` lists its layers; `init` and `apply` are the network of training,
`fold` and `probabilities` that of inference.

  spec          ModelSpec, and its topology as a tuple of Layer
  model         the network of training, in flax
  folded        the network of inference, BatchNorm folded in
  kernels/      fast operations on CPUs, each beside its definition
  parallel      batches shared over the devices of a mesh
  cost          parameters, arithmetic and memory from the layers
  interop       the authors' Keras weights
  keras_files   their files, without Keras
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from sernet_jax.nn.spec import PAPER_BLOCKS, PATHS, Block, Layer, ModelSpec

if TYPE_CHECKING:
  from sernet_jax.nn.folded import fold, logits, probabilities, ready
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
  'fold': 'folded',
  'from_keras': 'interop',
  'init': 'model',
  'logits': 'folded',
  'probabilities': 'folded',
  'ready': 'folded',
  'to_keras': 'interop',
}


def __getattr__(name: str) -> Any:
  """Loads a public name on first use: most need JAX or flax (PEP 562)."""
  if name not in _HOMES:
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
  home = importlib.import_module(f'{__name__}.{_HOMES[name]}')
  return getattr(home, name)
