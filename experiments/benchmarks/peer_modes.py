"""The ways of running Light-SERNet that `peers.py` compares.

What users of the other libraries do for speed is here: compiling, bfloat16,
and both; Adam is fused and PyTorch's arrays have their channels last in all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class Mode:
  """One way.

  Attributes:
    library: whose it is.
    title: of it among those of its library.
    twin: module that has it, as a class `Twin`.
    options: of that class.
    precision: of the factors of its products.
    trains: whether it can be trained.
    recognizes: whether it gives probabilities too.
  """

  library: str
  title: str
  twin: str
  options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  precision: str = 'float32'
  trains: bool = True
  recognizes: bool = True

  @property
  def label(self) -> str:
    """Library and title."""
    return ', '.join(filter(None, [self.library, self.title]))


OURS = 'sernet_jax'
_HALF = {'bfloat16': True}
_COMPILED = {'compiled': True}
MODES = {
  OURS: Mode('sernet_jax', '', 'twin_jax'),
  'sernet_jax_bf16': Mode(
    'sernet_jax',
    'bfloat16',
    'twin_jax',
    {'precision': 'bfloat16'},
    'bfloat16',
    recognizes=False,
  ),
  'torch': Mode('PyTorch', 'eager', 'twin_torch'),
  'torch_compile': Mode('PyTorch', 'compile', 'twin_torch', _COMPILED),
  'torch_bf16': Mode(
    'PyTorch', 'eager, bfloat16', 'twin_torch', _HALF, 'bfloat16'
  ),
  'torch_compile_bf16': Mode(
    'PyTorch',
    'compile, bfloat16',
    'twin_torch',
    {**_COMPILED, **_HALF},
    'bfloat16',
  ),
  'keras': Mode('Keras, TF', 'tf.function', 'twin_keras'),
  'keras_jit': Mode('Keras, TF', 'jit_compile', 'twin_keras', _COMPILED),
  'keras_bf16': Mode('Keras, TF', 'bfloat16', 'twin_keras', _HALF, 'bfloat16'),
  'keras_jit_bf16': Mode(
    'Keras, TF',
    'jit_compile, bfloat16',
    'twin_keras',
    {**_COMPILED, **_HALF},
    'bfloat16',
  ),
  'onnxruntime': Mode('ONNX Runtime', '', 'twin_files', trains=False),
  'litert': Mode('LiteRT', '', 'twin_files', trains=False),
}
# Kind of the file of those that run one.
FILES = {'onnxruntime': 'model.onnx', 'litert': 'model.tflite'}
# What probabilities may differ by: rounding.
TOLERANCE = {'float32': 1e-4, 'bfloat16': 2e-2}
