"""The real FFT of frames, without communication where only batches are shared.

`jnp.fft.rfft` of an array whose leading axes are sharded over devices gathers
the whole array on each of them first: XLA's partitioner knows no better
(openxla/xla#24). This `rfft` is the same operation, on one device the same
compiled program, and tells the partitioner that every device may transform
the frames it holds. jit, vmap, derivatives in both modes and of any order,
`jax.checkpoint`, `jax.shard_map` and `jax.export` (for one device) work as on
the original.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
from jax.experimental.custom_partitioning import custom_partitioning
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jax.sharding import NamedSharding, PartitionSpec


def rfft(frames: jax.Array, fft_size: int) -> jax.Array:
  """FFT of real frames along the last axis.

  Args:
    frames: (..., samples), float32 or float64, at most `fft_size` samples.
    fft_size: shorter frames get zeros behind them.

  Returns:
    (..., fft_size // 2 + 1), complex64 or complex128.
  """
  lack = fft_size - frames.shape[-1]
  if lack:
    frames = jnp.pad(frames, [(0, 0)] * (frames.ndim - 1) + [(0, lack)])
  return _bind(_forward_p, frames, fft_size)


def _forward(frames, fft_size):
  return jnp.fft.rfft(frames, n=fft_size)


def _backward(spectrum, fft_size):
  """The transpose of `_forward` as a linear function."""
  real = jnp.zeros((), spectrum.dtype).real.dtype
  frames = jax.ShapeDtypeStruct((*spectrum.shape[:-1], fft_size), real)
  forward = functools.partial(_forward, fft_size=fft_size)
  return jax.linear_transpose(forward, frames)(spectrum)[0]


def _partitioned(function):
  """`function(x, fft_size)`, each device on its own part of a batch."""

  def sharding(fft_size, mesh, arguments, result):
    (x,) = arguments
    if not isinstance(x.sharding, NamedSharding):
      # An array that uses no axis of the mesh, as a rule; never wrong.
      return NamedSharding(mesh, PartitionSpec())
    leading = (*x.sharding.spec, *[None] * len(x.shape))[: len(x.shape) - 1]
    return NamedSharding(x.sharding.mesh, PartitionSpec(*leading, None))

  def partition(fft_size, mesh, arguments, result):
    whole_frames = sharding(fft_size, mesh, arguments, result)

    def local(x):
      # One device's program, whatever mesh the caller has set.
      with jax.sharding.use_abstract_mesh(jax.sharding.AbstractMesh((), ())):
        return function(x, fft_size)

    return mesh, local, whole_frames, (whole_frames,)

  partitioned = custom_partitioning(function, static_argnums=(1,))
  partitioned.def_partition(
    partition,
    infer_sharding_from_operands=sharding,
    sharding_rule='... i -> ... j',
    need_replication_factors=('i', 'j'),
  )
  return partitioned


def _primitive(name, function):
  """A linear operation along the last axis with rules for all transforms.

  `custom_partitioning` has neither a batching rule nor derivatives, so it
  lies inside a primitive that has. The primitive carries the traced call
  along because JAX looks there for operations that must know the devices.
  """
  partitioned = _partitioned(function)
  primitive = Primitive(name)
  primitive.def_impl(lambda x, fft_size, call: function(x, fft_size))

  def abstract(x, *, fft_size, call):
    (result,) = call.out_avals
    return x.update(shape=result.shape, dtype=result.dtype)

  def batch(arguments, axes, *, fft_size, call):
    (x,), (axis,) = arguments, axes
    return _bind(primitive, jnp.moveaxis(x, axis, 0), fft_size), 0

  primitive.def_abstract_eval(abstract)
  batching.primitive_batchers[primitive] = batch
  mlir.register_lowering(
    primitive,
    mlir.lower_fun(
      lambda x, fft_size, call: partitioned(x, fft_size),
      multiple_results=False,
    ),
  )
  return primitive, partitioned


def _bind(primitive, x, fft_size):
  shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
  call = jax.make_jaxpr(_CALLS[primitive], static_argnums=1)(shape, fft_size)
  return primitive.bind(x, fft_size=fft_size, call=call)


_forward_p, _forward_call = _primitive('frames_rfft', _forward)
_backward_p, _backward_call = _primitive('frames_rfft_transpose', _backward)
_CALLS = {_forward_p: _forward_call, _backward_p: _backward_call}

ad.deflinear2(
  _forward_p,
  lambda cotangent, _, *, fft_size, call: [
    _bind(_backward_p, cotangent, fft_size)
  ],
)
ad.deflinear2(
  _backward_p,
  lambda cotangent, _, *, fft_size, call: [
    _bind(_forward_p, cotangent, fft_size)
  ],
)
