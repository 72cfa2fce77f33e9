"""The real FFT of frames and its magnitude.

`rfft` needs no communication between devices. If the leading axes of an array
are sharded, `jnp.fft.rfft` first gathers the whole array on each device,
because XLA's partitioner does not know that an FFT is independent over these
axes (openxla/xla#24 and jax-ml/jax#15680, both open). `rfft` is the same
operation, on one device the same compiled program, and tells the partitioner
that every device may transform the frames it holds. jit, vmap, derivatives in
both modes and of any order, `jax.checkpoint`, `jax.shard_map` and `jax.export`
(for one device) work as on the original.

`rfft` may be deleted for `jnp.fft.rfft` once the oldest jax that setup.py
allows shards FFTs over batch axes by itself; tests/features/test_sharding.py
then passes without it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental.custom_partitioning import custom_partitioning
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jax.sharding import NamedSharding, PartitionSpec


def rfft(frames: jax.Array, fft_size: int) -> jax.Array:
  """Computes the FFT of real frames along the last axis.

  Args:
    frames: (..., samples), float32 or float64, at most `fft_size` samples.
    fft_size: shorter frames get zeros behind them.

  Returns:
    (..., fft_size // 2 + 1), complex64 or complex128.
  """
  missing = fft_size - frames.shape[-1]
  if missing:
    frames = jnp.pad(frames, [(0, 0)] * (frames.ndim - 1) + [(0, missing)])
  return _bind(_forward_p, frames, fft_size)


@jax.custom_jvp
def magnitude(values: jax.Array) -> jax.Array:
  """Absolute values of complex numbers, with derivative 0 at 0 as `jnp.abs`.

  The plain square root. `jnp.abs` also guards against squares that overflow or
  underflow, which costs a tenth of the whole chain on CPUs; sound does not
  reach 1e19, and values below 1e-19 become 0.
  """
  return jnp.sqrt(values.real**2 + values.imag**2)


@magnitude.defjvp
def _magnitude_jvp(
  primals: tuple[jax.Array], tangents: tuple[jax.Array]
) -> tuple[jax.Array, jax.Array]:
  (values,), (change,) = primals, tangents
  size = magnitude(values)
  # d|z| = Re(conj(z) dz) / |z|
  along = values.real * change.real + values.imag * change.imag
  # The inner `where` keeps a division by 0 out, whose NaN the outer one would
  # let into the gradient.
  return size, jnp.where(size > 0, along / jnp.where(size > 0, size, 1), 0)


def _forward(frames: jax.Array, fft_size: int) -> jax.Array:
  """Computes the FFT as JAX does, (..., fft_size) to (..., bins)."""
  return jnp.fft.rfft(frames, n=fft_size)


def _backward(spectrum: jax.Array, fft_size: int) -> jax.Array:
  """Applies the transpose of `_forward`, (..., bins) to (..., fft_size)."""
  real = jnp.zeros((), spectrum.dtype).real.dtype
  frames = jax.ShapeDtypeStruct((*spectrum.shape[:-1], fft_size), real)
  forward = functools.partial(_forward, fft_size=fft_size)
  return jax.linear_transpose(forward, frames)(spectrum)[0]


# A function of (x, fft_size) along the last axis of x.
_Transform = Callable[[jax.Array, int], jax.Array]


def _partitioned(function: _Transform) -> custom_partitioning:
  """Makes each device apply `function` to its own part of a batch."""

  def sharding(
    fft_size: int,
    mesh: jax.sharding.Mesh,
    arguments: Sequence[Any],
    result: Any,
  ) -> NamedSharding:
    (x,) = arguments
    if not isinstance(x.sharding, NamedSharding):
      # Replicated: usually the array uses no axis of the mesh, and if it does,
      # the result is still right.
      return NamedSharding(mesh, PartitionSpec())
    # As the argument is, but with whole frames. A spec may name fewer axes than
    # there are: those behind are whole.
    leading = (*x.sharding.spec, *[None] * len(x.shape))[: len(x.shape) - 1]
    return NamedSharding(x.sharding.mesh, PartitionSpec(*leading, None))

  def partition(
    fft_size: int,
    mesh: jax.sharding.Mesh,
    arguments: Sequence[Any],
    result: Any,
  ) -> tuple[Any, ...]:
    whole_frames = sharding(fft_size, mesh, arguments, result)

    def local(x: jax.Array) -> jax.Array:
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


def _primitive(
  name: str, function: _Transform
) -> tuple[Primitive, custom_partitioning]:
  """Makes a primitive of a linear operation along the last axis.

  `custom_partitioning` has neither a batching rule nor derivatives, so it is
  wrapped in a primitive that has both. The traced call is a parameter of the
  primitive because JAX searches the parameters for operations that depend on
  the devices.
  """
  partitioned = _partitioned(function)
  primitive = Primitive(name)
  primitive.def_impl(lambda x, fft_size, call: function(x, fft_size))

  def abstract(x: Any, *, fft_size: int, call: Any) -> Any:
    (result,) = call.out_avals
    return x.update(shape=result.shape, dtype=result.dtype)

  def batch(
    arguments: Sequence[jax.Array],
    axes: Sequence[int],
    *,
    fft_size: int,
    call: Any,
  ) -> tuple[jax.Array, int]:
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


def _bind(primitive: Primitive, x: jax.Array, fft_size: int) -> jax.Array:
  """Applies a primitive, with the traced call as its parameter."""
  shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
  call = jax.make_jaxpr(_CALLS[primitive], static_argnums=1)(shape, fft_size)
  return primitive.bind(x, fft_size=fft_size, call=call)


_forward_p, _forward_call = _primitive('frames_rfft', _forward)
_backward_p, _backward_call = _primitive('frames_rfft_transpose', _backward)
_CALLS = {_forward_p: _forward_call, _backward_p: _backward_call}

# Each is the transpose of the other, which gives derivatives of any order.
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
