"""Speech emotion recognition in JAX: small, exact and honest.

The rooms of the package, from the ground up: `common`, `features`, `audio`,
`nn`, `corpora`, `training`, `results`, `runs`, `predict`, `export`, `sweep`.
For use in other projects:

  from sernet_jax import features  # the MFCC; loads jax and numpy alone
  from sernet_jax import model     # the network, `sernet_jax.nn.model`
  from sernet_jax import interop   # the authors' weights, `sernet_jax.nn.interop`
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
  from sernet_jax.nn import interop as interop, model as model

__version__ = '0.1.0'

_LAZY = {'interop': 'sernet_jax.nn.interop', 'model': 'sernet_jax.nn.model'}


def __getattr__(name: str) -> Any:
  """Loads `model` and `interop` when they are first asked for (PEP 562)."""
  if name in _LAZY:
    return importlib.import_module(_LAZY[name])
  raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
