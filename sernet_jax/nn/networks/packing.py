"""Binary weights in a file: a bit for each, and a magnitude for each output.

In the place of LAYER/ARRAY a file has LAYER/ARRAY/signs, bytes whose highest
bit is the first weight's, 1 for a positive one, in the order of the array's
memory; and LAYER/ARRAY/scale, (outputs,), which the signs multiply.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sernet_jax.common import trees

if TYPE_CHECKING:
  from sernet_jax.nn.network import Spec

_SIGNS, _SCALE = 'signs', 'scale'
Arrays = dict[str, np.ndarray]


def signs(spec: Spec) -> list[str]:
  """Lists the names of the tensors of bits."""
  return [f'{name}/{_SIGNS}' for name in spec.binary]


def shapes(spec: Spec) -> dict[str, tuple[int, ...]]:
  """Returns name -> shape of all tensors of a file."""
  found: dict[str, tuple[int, ...]] = {}
  binary = set(spec.binary)
  for name, shape in trees.flatten(spec.shapes(), '/').items():
    if name in binary:
      found[f'{name}/{_SIGNS}'] = (-(-math.prod(shape) // 8),)
      found[f'{name}/{_SCALE}'] = (shape[-1],)
    else:
      found[name] = shape
  return found


def num_bytes(spec: Spec, each: int) -> int:
  """Counts the bytes of all weights in a file.

  Args:
    spec: the network.
    each: bytes of a number that is not one of the bits.
  """
  bits = set(signs(spec))
  return sum(
    math.prod(shape) * (1 if name in bits else each)
    for name, shape in shapes(spec).items()
  )


def packed(spec: Spec, arrays: Mapping[str, np.ndarray]) -> Arrays:
  """Returns the tensors of a file, the bits of binary weights as uint8.

  Args:
    spec: the network.
    arrays: 'layer/array' -> float32, as `network.fold` has them.
  """
  found, binary = {}, set(spec.binary)
  for name, array in arrays.items():
    if name not in binary:
      found[name] = array
      continue
    scale = np.abs(array).reshape(-1, array.shape[-1])
    assert (scale == scale[0]).all(), f'{name} is not binary'
    found[f'{name}/{_SIGNS}'] = np.packbits(array >= 0)
    found[f'{name}/{_SCALE}'] = scale[0]
  return found


def unpacked(spec: Spec, tensors: Mapping[str, np.ndarray]) -> Arrays:
  """Returns 'layer/array' -> float32 of the tensors of a file."""
  found, binary = {}, set(spec.binary)
  for name, shape in trees.flatten(spec.shapes(), '/').items():
    if name not in binary:
      found[name] = tensors[name].astype(np.float32)
      continue
    count = math.prod(shape)
    bits = np.unpackbits(tensors[f'{name}/{_SIGNS}'], count=count)
    scale = tensors[f'{name}/{_SCALE}'].astype(np.float32)
    found[name] = np.where(bits.reshape(shape) > 0, scale, -scale)
  return found
