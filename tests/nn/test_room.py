"""The names that the room makes public."""

from __future__ import annotations

import commands
import pytest

from sernet_jax import nn
from sernet_jax.nn import folded, folding, interop, model, spec


def test_public_names_are_those_of_their_modules():
  homes = {
    'folded': folded,
    'folding': folding,
    'interop': interop,
    'model': model,
  }
  for name, home in nn._HOMES.items():
    assert getattr(nn, name) is getattr(homes[home], name)
  assert set(nn.__all__) - set(nn._HOMES) <= set(vars(spec))
  with pytest.raises(AttributeError, match='has no attribute'):
    _ = nn.folt


def test_a_spec_needs_neither_jax_nor_numpy():
  program = (
    'import sys, sernet_jax.nn; sernet_jax.nn.ModelSpec().layers(); '
    "print({'flax', 'jax', 'numpy'} & set(sys.modules))"
  )
  assert commands.python(program) == 'set()'
