"""The fast convolution equals its definition, and that numpy loops."""

from __future__ import annotations

import hypothesis
import jax
import jax.numpy as jnp
import jax.test_util
import numpy as np
import pytest
from hypothesis import strategies as st
from kernels import (
  check,
  draw,
  nearest,
  numpy_conv,
  value_and_vjp,
)

from sernet_jax.nn.kernels import convolution

# Convolution. Shapes are (examples, frames, coefficients, inputs) and
# (height, width, inputs, outputs).

CONVOLUTIONS = [
  ((2, 9, 7, 1), (11, 1, 1, 4)),
  ((2, 7, 11, 1), (1, 9, 1, 4)),
  ((3, 6, 5, 3), (3, 3, 3, 7)),
  ((2, 5, 6, 7), (3, 3, 7, 3)),
  ((2, 4, 3, 4), (3, 3, 4, 4)),
  ((2, 5, 4, 6), (1, 1, 6, 9)),
  ((1, 1, 1, 2), (3, 3, 2, 3)),
  ((2, 3, 2, 3), (11, 1, 3, 2)),
  # Enough channels for winograd.py; odd and even maps, one and many groups.
  ((3, 5, 4, 32), (3, 3, 32, 40)),
  ((2, 23, 5, 40), (3, 3, 40, 32)),
  ((5, 24, 20, 32), (3, 3, 32, 32)),
  ((1, 1, 1, 32), (3, 3, 32, 32)),
]


@jax.jit
def both_convolutions(x, kernel, weights):
  return [
    value_and_vjp(function, x, kernel, weights=weights)
    for function in (convolution.conv, convolution.plain_conv)
  ]


@pytest.mark.parametrize(('x', 'kernel'), CONVOLUTIONS)
def test_conv_equals_its_definition(x, kernel):
  check(*both_convolutions(*draw(0, x, kernel, (*x[:3], kernel[3]))))


@pytest.mark.parametrize(('x', 'kernel'), [*CONVOLUTIONS[2:4], CONVOLUTIONS[8]])
def test_conv_equals_its_definition_under_vmap(x, kernel):
  folds = 2
  arrays = draw(1, (folds, *x), (folds, *kernel), (folds, *x[:3], kernel[3]))
  check(*jax.jit(jax.vmap(both_convolutions))(*arrays))


def test_conv_equals_its_definition_when_folds_share_the_input():
  x, kernels, weights = draw(2, (2, 5, 4, 1), (2, 3, 3, 1, 4), (2, 5, 4, 4))
  mapped = jax.vmap(both_convolutions, in_axes=(None, 0, None))
  check(*jax.jit(mapped)(x, kernels, weights))


def test_conv_equals_its_definition_in_a_scan():
  steps, (x, kernel) = 3, CONVOLUTIONS[3]
  arrays = draw(3, (steps, *x), (steps, *kernel), (steps, *x[:3], kernel[3]))

  @jax.jit
  def scanned(*arrays):
    return jax.lax.scan(
      lambda carry, step: (carry, both_convolutions(*step)), 0, arrays
    )[1]

  fast, plain = scanned(*arrays)
  check(fast, plain)
  check(plain[0][1], both_convolutions(*(a[1] for a in arrays))[1][0])


def test_conv_is_the_same_eagerly():
  arrays = draw(4, *CONVOLUTIONS[3], (2, 5, 6, 3))
  check(convolution.conv(*arrays[:2]), both_convolutions(*arrays)[0][0])


@pytest.mark.skipif(jax.default_backend() != 'cpu', reason='rounds by itself')
@pytest.mark.parametrize(
  ('x', 'kernel'), [CONVOLUTIONS[i] for i in (0, 2, 3, 8)]
)
@pytest.mark.parametrize(('precision', 'bits'), [('tf32', 10), ('bf16', 7)])
def test_lower_precisions_round_factors_and_add_in_float32(
  precision, bits, x, kernel
):
  arrays = draw(6, x, kernel, (*x[:3], kernel[3]))
  y, gradients = numpy_conv(*(nearest(a, bits) for a in arrays))
  if precision == 'tf32':
    with jax.default_matmul_precision('tensorfloat32'):
      found = both_convolutions(*arrays)[0]
    within = 1e-5  # of float32 sums
  else:
    x, kernel, weights = (jnp.asarray(a, jnp.bfloat16) for a in arrays)
    found = both_convolutions(x, kernel, weights)[0]
    assert {leaf.dtype for leaf in jax.tree.leaves(found)} == {
      jnp.dtype('bfloat16')
    }
    within = 2.0**-8  # of the largest number, rounded once to bfloat16
  check(found, (y, gradients), within)
  exact = numpy_conv(*arrays)
  with pytest.raises(AssertionError):
    check((y, gradients), exact, within / 10)
  check(both_convolutions(*arrays)[0], exact)


@hypothesis.settings(max_examples=6)
@hypothesis.given(
  x=st.tuples(*map(st.integers, (1, 1, 1, 1), (3, 6, 6, 4))),
  size=st.tuples(st.sampled_from([1, 3, 5]), st.sampled_from([1, 3, 9])),
  outputs=st.integers(1, 4),
)
def test_conv_equals_numpy_loops(x, size, outputs):
  arrays = draw(5, x, (*size, x[3], outputs), (*x[:3], outputs))
  fast = jax.jit(
    lambda x, kernel, weights: value_and_vjp(
      convolution.conv, x, kernel, weights=weights
    )
  )
  check(fast(*arrays), numpy_conv(*arrays))


@pytest.mark.parametrize('inputs', [3, 32])
def test_other_devices_keep_the_usual_ways(inputs):
  """Only a CPU's program has the loops of products."""
  arrays = draw(6, (2, 5, 4, inputs), (3, 3, inputs, 32), (2, 5, 4, 32))
  traced = jax.jit(
    lambda x, kernel, weights: jax.vjp(convolution.conv, x, kernel)[1](weights)
  ).trace(*arrays)
  programs = {
    platform: traced.lower(lowering_platforms=(platform,)).as_text()
    for platform in ('cpu', 'cuda')
  }
  assert 'stablehlo.while' in programs['cpu']
  assert 'stablehlo.while' not in programs['cuda']
  x, _, weights = arrays
  usual = convolution._plain_kernel_gradient(x, weights, (3, 3))
  check(usual, numpy_conv(*arrays)[1][1])


@pytest.mark.parametrize(('x', 'kernel'), CONVOLUTIONS[2:4])
def test_conv_gradients_by_finite_differences(x, kernel):
  arrays = [a.astype(np.float64) for a in draw(19, x, kernel)]
  with jax.enable_x64(True):
    jax.test_util.check_grads(
      jax.jit(lambda x, kernel: jnp.sin(convolution.conv(x, kernel))),
      arrays,
      order=1,
      modes=['rev'],
      eps=1e-5,
      atol=1e-7,
      rtol=1e-7,
    )
