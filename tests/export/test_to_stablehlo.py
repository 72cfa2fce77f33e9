"""A StableHLO file is a program of JAX."""

from __future__ import annotations

import re

import jax
import numpy as np
import pytest
import small_model
import tiny
from exportable import BOUND, expected, heard

from sernet_jax.export import to_stablehlo


@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
def test_stablehlo_runs_without_this_package(exported_file, precision):
  content = exported_file('stablehlo', precision).read_bytes()
  program = jax.export.deserialize(bytearray(content))
  assert set(program.platforms) == {'cpu', 'cuda', 'tpu'}
  found = program.call(heard().raw[:3])
  np.testing.assert_allclose(found, expected()[:3], atol=BOUND[precision])


def test_no_path_of_the_maker_is_in_the_file(exported_file):
  content = exported_file('stablehlo', 'fp32').read_bytes()
  # A longer name than the numbers of the weights spell by chance.
  assert not re.search(rb'\w{4}\.py\b', content)
  assert str(tiny.ROOT).encode() not in content


def test_a_file_does_not_depend_on_who_calls():
  """The same weights give the same bytes, from any depth of calls."""
  model = small_model.make()

  def called_deeper(calls):
    if calls:
      return called_deeper(calls - 1)
    return to_stablehlo.convert(model, 'fp16', {})

  content = to_stablehlo.convert(model, 'fp16', {})
  assert called_deeper(7) == content
  assert b'called_deeper' not in content


def test_subnormal_samples_are_not_zero(exported_file):
  """They end the part of a recording that its scale is of."""
  content = exported_file('stablehlo', 'fp32').read_bytes()
  program = jax.export.deserialize(bytearray(content))
  sound = np.zeros((2, heard().raw.shape[1]), np.float32)
  sound[:, 300:700] = heard().raw[0, 300:700]
  sound[0, [0, -1]] = 1e-30  # the ends, marked by normal numbers
  sound[1, [0, -1]] = 1e-40, -1e-45
  normal, subnormal = program.call(sound)
  np.testing.assert_array_equal(subnormal, normal)
  sound[1, [0, -1]] = 0
  assert np.abs(program.call(sound)[1] - normal).max() > 1e-6
