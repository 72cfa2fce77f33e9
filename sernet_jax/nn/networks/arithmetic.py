"""Multiplications of a program, counted in its operations.

For networks that no formula of their own describes. Convolutions and matrix
products are counted, also those inside of loops of known length; what works
on single numbers is not, as in the cost card of Light-SERNet.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from jax.extend import core


def multiply_adds(program: core.Jaxpr) -> int:
  """Counts multiply-adds of convolutions and products, zeros included.

  Args:
    program: of `jax.make_jaxpr`.
  """
  total = 0
  for operation in program.eqns:
    name, given = operation.primitive.name, operation.params
    if name == 'conv_general_dilated':
      kernel = operation.invars[1].aval.shape
      outputs = given['dimension_numbers'].rhs_spec[0]
      cells = math.prod(operation.outvars[0].aval.shape)
      # Each cell of the result is a sum over the taps and the inputs of its
      # group, which is all of the kernel but its outputs.
      total += cells * math.prod(kernel) // kernel[outputs]
    elif name == 'dot_general':
      (contracted, _), _ = given['dimension_numbers']
      shape = operation.invars[0].aval.shape
      cells = math.prod(operation.outvars[0].aval.shape)
      total += cells * math.prod(shape[axis] for axis in contracted)
    else:
      inside = sum(multiply_adds(each) for each in _inside(operation))
      total += inside * (given['length'] if name == 'scan' else 1)
  return total


def largest(program: core.Jaxpr, weights: Collection[Any] = ()) -> int:
  """Finds the most values that one operation reads and writes together.

  Args:
    program: of `jax.make_jaxpr`.
    weights: variables that do not count, nor do they inside of loops.
  """
  most = 0
  for operation in program.eqns:
    inside = _inside(operation)
    if inside:
      for each in inside:
        given = _given(operation, each)
        # What is a weight outside is one inside, under another name.
        own = [
          inner
          for outer, inner in zip(given, each.invars, strict=True)
          if isinstance(outer, core.Var) and outer in weights
        ]
        most = max(most, largest(each, own))
      continue
    values = {
      id(one): math.prod(one.aval.shape)
      for one in (*operation.invars, *operation.outvars)
      if isinstance(one, core.Var) and one not in weights
    }
    most = max(most, sum(values.values()))
  return most


def _given(operation: Any, program: core.Jaxpr) -> list[Any]:
  """Lists what an operation gives to a program inside of it, in its order."""
  outer = list(operation.invars)
  if operation.primitive.name != 'while':
    # All of it, but the choice that comes first where there are branches.
    return outer[len(outer) - len(program.invars) :]
  # Constants of the condition, those of the body, and what both work on.
  first = operation.params['cond_nconsts']
  second = first + operation.params['body_nconsts']
  if program is operation.params['cond_jaxpr'].jaxpr:
    return outer[:first] + outer[second:]
  return outer[first:]


def _inside(operation: Any) -> list[Any]:
  """Lists the programs inside of an operation.

  What is computed otherwise on another platform counts as its definition, which
  `lax.platform_dependent` has last.
  """
  found = []
  for value in operation.params.values():
    for one in value if isinstance(value, tuple | list) else (value,):
      if hasattr(one, 'jaxpr'):
        one = one.jaxpr
      if hasattr(one, 'eqns'):
        found.append(one)
  return found[-1:] if operation.params.get('branches_platforms') else found
