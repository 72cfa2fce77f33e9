"""A trained model as one file for other runtimes, from raw sound on.

  from sernet_jax import export
  export.write(path, bundle, 'onnx', 'fp32')

`predict.plain.chain` describes the computation once; `to_onnx`, `to_tflite`
and `to_stablehlo` write it down. `writing` writes a file,
`checking` compares it with the JAX model on `recordings`, in processes of
their own (`probe`). The command is `__main__`. What runs the files is
`sernet_jax.predict.sessions`.

Importing this package loads none of its modules, so that `--help` needs no
JAX; a name is loaded when it is first used (PEP 562).
"""

from typing import TYPE_CHECKING

from sernet_jax.common import lazy

if TYPE_CHECKING:
  from sernet_jax.export.checking import check as check
  from sernet_jax.export.writing import write as write

_MODULES = {'check': 'checking', 'write': 'writing'}
__all__ = list(_MODULES)


__getattr__ = lazy.loader(__name__, _MODULES)
