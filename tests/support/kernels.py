"""Plain definitions and draws that tests hold the fast kernels to."""

from __future__ import annotations

import itertools

import jax
import jax.test_util
import numpy as np

EPSILON = 1e-3


def draw(seed, *shapes):
  """Float32 arrays of standard normal numbers."""
  random = np.random.default_rng(seed)
  return [random.normal(size=shape).astype(np.float32) for shape in shapes]


def check(actual, expected, relative=1e-5):
  """Every array within `relative` of the largest number in what is expected."""
  for one, other in zip(
    jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True
  ):
    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    assert one.shape == other.shape
    scale = np.abs(other).max(initial=0)
    np.testing.assert_allclose(one, other, rtol=0, atol=relative * scale)


def value_and_vjp(function, *arguments, weights):
  """(values, gradients of sum(weights * values) by the arguments)."""
  values, pull = jax.vjp(function, *arguments)
  return values, pull(weights)


def numpy_conv(x, kernel, weights):
  """The sums as they are written, float64: value, gradients."""
  x, kernel, weights = (a.astype(np.float64) for a in (x, kernel, weights))
  height, width = kernel.shape[:2]
  frames, coefficients = x.shape[1:3]
  pad = ((0, 0), (height // 2,) * 2, (width // 2,) * 2, (0, 0))
  padded = np.pad(x, pad)
  y = np.zeros((*x.shape[:3], kernel.shape[3]))
  dpadded, dkernel = np.zeros_like(padded), np.zeros_like(kernel)
  for i, j in itertools.product(range(height), range(width)):
    cells = np.s_[:, i : i + frames, j : j + coefficients]
    y += padded[cells] @ kernel[i, j]
    dkernel[i, j] = np.einsum('nfci,nfco->io', padded[cells], weights)
    dpadded[cells] += weights @ kernel[i, j].T
  top, left = height // 2, width // 2
  dx = dpadded[:, top : top + frames, left : left + coefficients]
  return y, (dx, dkernel)


def nearest(x, bits):
  """Float32 numbers with `bits` bits of mantissa, halves to even, bit by bit."""
  cut = 23 - bits
  whole = np.asarray(x, np.float32).view(np.uint32)
  whole = whole + np.uint32((1 << (cut - 1)) - 1) + ((whole >> cut) & 1)
  return (whole & np.uint32(0xFFFFFFFF << cut & 0xFFFFFFFF)).view(np.float32)


WINDOWS = [(2, 2), (2, 1), (1, 1), (3, 2), None]


def numpy_pool(x, window):
  """Means of what lies in each window."""
  if window is None:
    return x.mean(axis=(1, 2))
  tall, wide = window
  return np.stack(
    [
      np.stack(
        [
          x[:, i : i + tall, j : j + wide].mean(axis=(1, 2))
          for j in range(0, x.shape[2], wide)
        ],
        axis=1,
      )
      for i in range(0, x.shape[1], tall)
    ],
    axis=1,
  )


MASKS = {'all': (1, 1, 1), 'some': (1, 0, 1), 'none': (0, 0, 0)}


def norm_inputs(seed, shape):
  """x with a mean and a spread of its own, scale, offset."""
  x, scale, offset = draw(seed, shape, shape[-1:], shape[-1:])
  return 3 * x + 1, scale + 1, offset


def pooled_shape(shape, window):
  if window is None:
    return (shape[0], shape[3])
  rows, columns = (-(-n // w) for n, w in zip(shape[1:3], window, strict=True))
  return (shape[0], rows, columns, shape[3])


def numpy_norm_relu_pool(x, scale, offset, mask, window):
  """Float64, the real examples picked out instead of weighed."""
  x = x.astype(np.float64)
  real = x[mask > 0]
  mean, variance = real.mean(axis=(0, 1, 2)), real.var(axis=(0, 1, 2))
  y = (x - mean) / np.sqrt(variance + EPSILON) * scale + offset
  return numpy_pool(np.maximum(y, 0), window), mean, variance
