"""Speech emotion recognition in JAX: small, exact and honest.

The rooms of the package, from the ground up: `common`, `features`, `audio`,
`nn`, `corpora`, `training`, `results`, `runs`, `predict`, `export`, `sweep`.
For use in other projects:

  import sernet_jax
  sernet_jax.load().predict('recording.wav')   # emotions in a file
  sernet_jax.load().predict(samples, rate_hz)  # or in a sound in memory

  from sernet_jax import features  # the MFCC; loads jax and numpy alone
  from sernet_jax import model     # the network, `sernet_jax.nn.model`
  from sernet_jax import interop   # the authors' weights, `sernet_jax.nn.interop`
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
  from sernet_jax.nn import interop as interop, model as model
  from sernet_jax.predict.inference.predictor import load as load

__version__ = '0.1.0'

# Name -> its module, and the name in it, '' for the module itself.
_LAZY = {
  'interop': ('sernet_jax.nn.interop', ''),
  'load': ('sernet_jax.predict.inference.predictor', 'load'),
  'model': ('sernet_jax.nn.model', ''),
}


def __getattr__(name: str) -> Any:
  """Loads a public name when it is first asked for (PEP 562)."""
  if name in _LAZY:
    home, inside = _LAZY[name]
    module = importlib.import_module(home)
    return getattr(module, inside) if inside else module
  raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


def __dir__() -> list[str]:
  """Lists the public names, before they are loaded too."""
  return sorted({*globals(), *_LAZY})
