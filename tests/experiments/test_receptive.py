"""What a value is said to see is what its gradient reaches."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.lib import receptive
from sernet_jax.features.spec import MfccSpec
from sernet_jax.nn.kernels import convolution, norm_pool
from sernet_jax.nn.spec import (
  PAPER_BLOCKS,
  PATH_KERNELS,
  PATH_POOL,
  PATHS,
  ModelSpec,
)


def by_name(spec=None):
  return {
    (f.path, f.layer, f.stage): f for f in receptive.fields(spec or ModelSpec())
  }


def test_counted_by_hand():
  found = by_name()
  conv = found['temporal', 'temporal', 'conv']
  assert (conv.size, conv.step) == ((11, 1), (1, 1))
  pool = found['temporal', 'temporal', 'pool']
  assert (pool.size, pool.step) == ((12, 2), (2, 2))
  # 12 + 2 steps of 2 frames; 2 + 2 steps of 2 coefficients.
  block = found['temporal', 'block1', 'conv']
  assert (block.size, block.step) == ((16, 6), (2, 2))
  # Block 3 pools frames alone.
  assert found['joint', 'block3', 'pool'].step == (16, 8)
  assert found['all', 'block5', 'conv'].size == (102, 60)


def test_spans_count_the_overlap_of_frames():
  found, mfcc = by_name(), MfccSpec()
  spectral = found['spectral', 'spectral', 'conv']
  assert spectral.span_s(mfcc) == 0.064  # one frame
  temporal = found['temporal', 'temporal', 'conv']
  assert temporal.span_s(mfcc) == pytest.approx(0.064 + 10 * 0.016)
  assert found['all', 'block4', 'pool'].step_s(mfcc) == pytest.approx(0.512)


def test_only_the_paths_of_the_network_are_listed():
  found = receptive.fields(ModelSpec(paths=('joint',)))
  assert {field.path for field in found} == {'joint', 'all'}
  last = {field.path: field.size for field in found}
  assert last['all'] == last['joint']


def reached(layers):
  """Extent of the gradient of one value in the middle, by kernels of ones."""

  def value(x):
    for kernel, pool in layers:
      x = convolution.plain_conv(x, jnp.ones((*kernel, 1, 1)))
      if pool is not None:
        x = norm_pool.average_pool(x, pool)
    return x[0, x.shape[1] // 2, x.shape[2] // 2, 0]

  slope = np.asarray(jax.jit(jax.grad(value))(jnp.ones((1, 256, 128, 1))))[
    0, :, :, 0
  ]
  rows, columns = np.nonzero(slope)
  return int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1


@pytest.mark.parametrize('path', PATHS)
def test_the_gradient_reaches_as_far(path):
  found = by_name()
  layers = [(PATH_KERNELS[path], PATH_POOL)]
  layers += [(kernel, pool) for _, kernel, pool in PAPER_BLOCKS]
  assert reached(layers[:1]) == found[path, path, 'pool'].size
  assert reached(layers[:3]) == found[path, 'block2', 'pool'].size
  assert reached(layers[:5]) == found[path, 'block4', 'pool'].size
