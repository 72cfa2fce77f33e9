"""The block of one channel equals its definition, and this equals numpy."""

from __future__ import annotations

import functools

import hypothesis
import jax
import jax.numpy as jnp
import jax.test_util
import numpy as np
import pytest
from hypothesis import strategies as st
from kernels import (
  EPSILON,
  MASKS,
  WINDOWS,
  check,
  draw,
  numpy_conv,
  numpy_norm_relu_pool,
  pooled_shape,
  value_and_vjp,
)

from sernet_jax.nn.kernels import (
  convolution,
  fused_paths,
  norm_pool,
  precision,
)

# Not 1 x 1: BatchNorm takes the factor of a single tap away again, and its
# gradient is rounding.
SIZES = [(11, 1), (1, 9), (3, 3), (5, 3)]
OUTPUTS = 4


def fused(x, kernel, scale, offset, mask, window, epsilon, axis=None):
  """One path, with the results of `norm_pool.norm_relu_pool`."""
  paths = [fused_paths.Path(kernel, scale, offset)]
  y, ((mean, variance),) = fused_paths.conv_norm_relu_pool(
    x, paths, mask, window, epsilon, axis
  )
  return y, mean, variance


def plain(x, kernel, scale, offset, mask, window, epsilon, axis=None):
  """The same from the plain operations alone."""
  y = convolution.plain_conv(x, kernel)
  return norm_pool.plain_norm_relu_pool(
    y, scale, offset, mask, window, epsilon, axis
  )


def inputs(seed, shape, size):
  """x with a mean of its own, kernel, scale, offset."""
  x, kernel, scale, offset = draw(
    seed, shape, (*size, 1, OUTPUTS), (OUTPUTS,), (OUTPUTS,)
  )
  return 3 * x + 1, kernel, scale + 1, offset


@functools.partial(jax.jit, static_argnums=6)
def both(x, kernel, scale, offset, mask, weights, window):
  return [
    value_and_vjp(
      lambda *args, f=function: f(*args, mask, window, EPSILON),
      x,
      kernel,
      scale,
      offset,
      weights=(weights, jnp.ones_like(scale), jnp.ones_like(scale)),
    )
    for function in (fused, plain)
  ]


def weights_of(seed, shape, window, *lead):
  """Weights of the results, for a gradient."""
  return draw(seed, (*lead, *pooled_shape((*shape[:3], OUTPUTS), window)))[0]


@pytest.mark.parametrize('mask', MASKS.values(), ids=MASKS)
@pytest.mark.parametrize(
  ('size', 'window'),
  [*((size, (2, 2)) for size in SIZES), *(((3, 3), w) for w in WINDOWS)],
)
def test_it_equals_its_definition(size, window, mask):
  shape = (3, 13, 10, 1)
  weights = weights_of(1, shape, window)
  found, wanted = both(
    *inputs(0, shape, size), np.array(mask, np.float32), weights, window
  )
  check(found, wanted)
  assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(found))


def test_paths_lie_side_by_side():
  shape, window = (3, 13, 10, 1), (2, 2)
  mask = np.array(MASKS['some'], np.float32)
  paths = [inputs(seed, shape, size)[1:] for seed, size in enumerate(SIZES)]
  paths[1] = [a[..., :3] for a in paths[1]]  # they may differ in width
  x = inputs(0, shape, (3, 3))[0]
  width = sum(len(path[-1]) for path in paths)
  (weights,) = draw(11, (3, 7, 5, width))

  def one_by_one(x, paths):
    found = [plain(x, *path, mask, window, EPSILON) for path in paths]
    return jnp.concatenate([y for y, *_ in found], axis=-1)

  def at_once(x, paths):
    paths = [fused_paths.Path(*path) for path in paths]
    return fused_paths.conv_norm_relu_pool(x, paths, mask, window, EPSILON)[0]

  found, wanted = (
    jax.jit(functools.partial(value_and_vjp, f, weights=weights))(x, paths)
    for f in (at_once, one_by_one)
  )
  check(found, wanted)


@pytest.mark.parametrize('mapped', ['vmap', 'scan'])
def test_it_equals_its_definition_mapped(mapped):
  folds, shape, window = 2, (3, 7, 6, 1), (2, 2)
  arrays = [inputs(seed, shape, (3, 3)) for seed in range(folds)]
  arrays = [np.stack(each) for each in zip(*arrays, strict=True)]
  mask = np.array([MASKS['all'], MASKS['some']], np.float32)
  arrays += [mask, weights_of(2, shape, window, folds)]
  one = functools.partial(both, window=window)
  if mapped == 'vmap':
    found = jax.jit(jax.vmap(one))(*arrays)
  else:
    found = jax.jit(lambda *a: jax.lax.map(lambda each: one(*each), a))(*arrays)
  check(*found)


def test_a_batch_may_be_shared_over_an_axis():
  shape, window, parts = (4, 7, 6, 1), (2, 2), 2
  mask = np.array([1, 0, 1, 1], np.float32)
  x, *others = inputs(3, shape, (3, 3))
  weights = weights_of(4, shape, window)

  def share(x, mask, weights):
    zeros = jnp.zeros(OUTPUTS)
    return value_and_vjp(
      lambda *args: fused(*args, mask, window, EPSILON, 'data'),
      x,
      *others,
      weights=(weights, zeros, zeros),
    )

  cut = [a.reshape(parts, -1, *a.shape[1:]) for a in (x, mask, weights)]
  values, gradients = jax.jit(jax.vmap(share, axis_name='data'))(*cut)
  (wanted, *moments), (dx, *others) = both(x, *others, mask, weights, window)[1]
  check(values[0].reshape(wanted.shape), wanted)
  check(values[1:], [np.stack([each] * parts) for each in moments])
  check(gradients[0].reshape(dx.shape), dx)
  check([g.sum(axis=0) for g in gradients[1:]], others)


@hypothesis.settings(max_examples=8)
@hypothesis.given(
  shape=st.tuples(*map(st.integers, (1, 1, 1), (4, 12, 9))),
  size=st.sampled_from(SIZES),
  window=st.sampled_from(WINDOWS),
  masked=st.integers(0, 2),
)
def test_it_equals_numpy(shape, size, window, masked):
  mask = np.ones(shape[0], np.float32)
  mask[1 : 1 + masked] = 0
  x, kernel, scale, offset = inputs(5, (*shape, 1), size)
  found = jax.jit(fused, static_argnums=(5, 6))(
    x, kernel, scale, offset, mask, window, EPSILON
  )
  y, *_ = numpy_conv(x, kernel, np.zeros((*shape, OUTPUTS), np.float32))
  # Of a map whose cells are all the same nothing but rounding is left.
  hypothesis.assume(y.size // OUTPUTS > 1)
  check(found, numpy_norm_relu_pool(y, scale, offset, mask, window), 2e-5)


@pytest.mark.parametrize('size', SIZES[:2])
def test_a_large_mean_costs_little(size):
  # The zeroth coefficient of speech lies far from the others, and from zero.
  shape, window = (4, 30, 40, 1), (2, 2)
  x, kernel, scale, offset = inputs(6, shape, size)
  x = x + np.where(np.arange(40) == 0, -300.0, 0.0)[:, None].astype(np.float32)
  mask = np.ones(4, np.float32)
  weights = weights_of(6, shape, window)
  arrays = x, kernel, scale, offset
  found, _ = both(*arrays, mask, weights, window)
  zeros = np.zeros(OUTPUTS)
  with jax.enable_x64(True):
    exact = value_and_vjp(
      lambda *args: plain(*args, mask.astype(float), window, EPSILON),
      *(a.astype(np.float64) for a in arrays),
      weights=(weights.astype(np.float64), zeros, zeros),
    )
    exact = jax.tree.map(np.asarray, exact)
  check(found, exact, 5e-6)


def test_gradients_by_finite_differences():
  arrays = [a.astype(np.float64) for a in inputs(7, (3, 5, 4, 1), (3, 3))]
  mask = np.array(MASKS['some'], np.float64)

  @jax.jit
  def pooled(*arrays):
    y, *_ = fused(*arrays, mask, (2, 2), EPSILON)
    return jnp.sin(y)

  with jax.enable_x64(True):
    jax.test_util.check_grads(
      pooled, arrays, order=1, modes=['rev'], eps=1e-5, atol=1e-7, rtol=1e-7
    )


def test_no_gradient_flows_through_the_moments():
  x, kernel, scale, offset = inputs(8, (2, 4, 3, 1), (3, 3))

  def moments(x, kernel):
    _, mean, variance = fused(
      x, kernel, scale, offset, jnp.ones(2), (2, 2), EPSILON
    )
    return mean.sum() + variance.sum()

  gradients = jax.jit(jax.grad(moments, argnums=(0, 1)))(x, kernel)
  assert not any(np.any(gradient) for gradient in gradients)


def test_the_map_does_not_reach_the_memory():
  shape = (16, 184, 40, 1)
  arrays = inputs(9, shape, (11, 1))
  map_bytes = 4 * np.prod(shape) * OUTPUTS

  def scratch_bytes(function):
    def loss(kernel):
      x, _, scale, offset = arrays
      y, *_ = function(x, kernel, scale, offset, jnp.ones(16), (2, 2), EPSILON)
      return jnp.sum(y * y)

    compiled = jax.jit(jax.grad(loss)).lower(arrays[1]).compile()
    return compiled.memory_analysis().temp_size_in_bytes

  assert scratch_bytes(fused) < map_bytes
  assert scratch_bytes(plain) > map_bytes


@pytest.mark.parametrize('why', ['channels', 'tf32'])
def test_what_it_does_not_suit_goes_the_usual_way(why, monkeypatch):
  calls = []
  usual = fused_paths.plain_conv_norm_relu_pool
  monkeypatch.setattr(
    fused_paths,
    'plain_conv_norm_relu_pool',
    lambda *arguments, **named: calls.append(0) or usual(*arguments, **named),
  )
  x, kernel, scale, offset = inputs(10, (2, 4, 3, 1), (3, 3))
  if why == 'tf32':
    monkeypatch.setattr(precision, '_wants_tf32', lambda: True)
  else:
    x, kernel = np.tile(x, 2), np.tile(kernel, (1, 1, 2, 1))
  fused(x, kernel, scale, offset, jnp.ones(2), (2, 2), EPSILON)
  assert calls
