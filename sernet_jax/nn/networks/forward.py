"""One pass through a network: layers by name, and the statistics they move.

Shapes in comments: b examples, t frames, f coefficients, c channels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from sernet_jax.nn import parallel
from sernet_jax.nn.kernels import taps
from sernet_jax.nn.networks import recurrent

Tree = Mapping[str, Mapping[str, jax.Array]]
NORM_EPSILON = 1e-3  # Keras' default
_NEVER = -1e9  # a score that no exponential survives


class Pass:
  """Carries out layers with the weights of a network.

  Attributes:
    params: layer -> array -> values.
    stats: statistics after the pass, as `params`.
    train: whether BatchNorm uses the batch and moves its statistics.
    own: (examples, frames) of 0 and 1 at the rate of the map that comes next;
      `pool` and strides shorten it.
  """

  def __init__(
    self,
    params: Tree,
    stats: Tree,
    own: jax.Array,
    *,
    train: bool = False,
    key: jax.Array | None = None,
    momentum: float = 0.0,
    dtype: Any = None,
    axis: str | None = None,
    frozen: tuple[str, ...] = (),
  ) -> None:
    self.params = params
    self.stats = {name: dict(arrays) for name, arrays in stats.items()}
    self.own = own
    self.train = train
    self._key = key
    self._draws = 0
    self._momentum = momentum
    self._dtype = dtype
    self._axis = axis
    self._frozen = frozen

  def weights(self, name: str) -> Mapping[str, jax.Array]:
    """Returns the arrays of a layer as the pass uses them."""
    return self.params[name]

  def masked(self, x: jax.Array) -> jax.Array:
    """Sets what is not the utterance's own to 0; x is (b, t, ...)."""
    return x * self.own.reshape(*self.own.shape, *[1] * (x.ndim - 2))

  def conv(
    self,
    name: str | Sequence[str],
    x: jax.Array,
    strides: tuple[int, int] = (1, 1),
    padding: str | list[tuple[int, int]] = 'SAME',
    dilation: tuple[int, int] = (1, 1),
  ) -> jax.Array:
    """Convolves own frames; a depthwise kernel takes each channel alone.

    Args:
      name: of the layer; those of several are computed at once, and stand side
        by side.
      x: (examples, frames, coefficients, inputs).
      strides: along both axes; `own` is shortened by the first.
      padding: 'SAME', 'VALID' or ((before, after), ...) of both axes.
      dilation: likewise.

    Returns:
      (examples, frames, coefficients, outputs); not masked.
    """
    names = (name,) if isinstance(name, str) else name
    arrays: Mapping[str, jax.Array] = jax.tree.map(
      lambda *each: jnp.concatenate(each, axis=-1), *map(self.weights, names)
    )
    kernel, x = arrays['kernel'], self.masked(x)
    kept = x.dtype
    if self._dtype is not None:
      kernel, x = kernel.astype(self._dtype), x.astype(self._dtype)
    y = taps.conv(x, kernel, strides, padding, dilation).astype(kept)
    self.shorten(strides[0], y.shape[1])
    return y + arrays['bias'] if 'bias' in arrays else y

  def shorten(self, stride: int, frames: int) -> None:
    """Moves `own` to a map of fewer frames: a window counts if any frame does."""
    if stride == 1 and frames == self.own.shape[1]:
      return
    missing = max(0, frames * stride - self.own.shape[1])
    own = jnp.pad(self.own, ((0, 0), (0, missing)))[:, : frames * stride]
    self.own = own.reshape(own.shape[0], frames, stride).max(axis=2)

  def max_pool(
    self,
    x: jax.Array,
    window: tuple[int, int],
    strides: tuple[int, int] | None = None,
  ) -> jax.Array:
    """Takes the largest value of each window of own frames.

    Bands are padded SAME. So are frames, but always as an even number of them:
    where windows lie must not depend on what an utterance was padded to.

    Args:
      x: (examples, frames, bands, channels).
      window: (frames, bands).
      strides: likewise; None for the window.

    Returns:
      (examples, frames', bands', channels), frames behind the end 0.
    """
    own = self.own[:, :, None, None] > 0  # (b, t, 1, 1)
    x = jnp.where(own, x, -jnp.inf)  # (b, t, f, c)
    strides = strides or window
    pads: list[tuple[int, int]] = []
    for size, wide, step in zip(x.shape[1:3], window, strides, strict=True):
      # SAME halves the padding, and how much that is depends on the number of
      # frames; (wide - step) // 2 is its half for all that the step divides.
      total = max((-(-size // step) - 1) * step + wide - size, 0)
      before = total // 2 if pads else (wide - step) // 2
      pads.append((before, max(total - before, 0)))
    y = taps.max_pool(x, window, strides, (pads[0], pads[1]))  # (b, t', f', c)
    self.shorten(strides[0], y.shape[1])
    # A window may reach beyond an own frame that its step does not hold.
    return jnp.where(self.own[:, :, None, None] > 0, y, 0.0)

  def drop_channels(self, x: jax.Array, rate: float) -> jax.Array:
    """Drops whole channels of x, (b, ..., c), in training with a key."""
    return self._drop(x, rate, (*[1] * (x.ndim - 2), x.shape[-1]))

  def drop(self, x: jax.Array, rate: float) -> jax.Array:
    """Drops values of x, (b, ...), in training with a key."""
    return self._drop(x, rate, x.shape[1:])

  def _drop(
    self, x: jax.Array, rate: float, shape: tuple[int, ...]
  ) -> jax.Array:
    """Drops what a draw of a shape says, which x has or is broadcast to."""
    if not self.train or self._key is None or not rate:
      return x
    # A key for each dropout, by its place among those of the network.
    self._draws += 1
    key = jax.random.fold_in(self._key, self._draws)
    # Drawn for the whole batch, so that it is the same on any mesh.
    count = x.shape[0] * parallel.count(self._axis)
    kept = jax.random.bernoulli(key, 1 - rate, (count, *shape))
    kept = parallel.own(kept, self._axis)
    return jnp.where(kept, x / (1 - rate), 0.0)

  def dense(self, name: str, x: jax.Array) -> jax.Array:
    """Computes x @ kernel + bias, (..., inputs) to (..., outputs)."""
    arrays = self.weights(name)
    y = x @ arrays['kernel']
    return y + arrays['bias'] if 'bias' in arrays else y

  def norm(self, name: str, x: jax.Array, fixed: bool = False) -> jax.Array:
    """Normalizes channels over own frames, or over examples if x is (b, c).

    With `fixed`, by the moving statistics in training too, which stay.
    """
    arrays, stats = self.params.get(name, {}), self.stats[name]
    mean, variance = stats['mean'], stats['variance']
    if self.train and not fixed and name not in self._frozen:
      mean, variance = self._moments(x)
      keep = self._momentum
      self.stats[name] = {
        'mean': keep * stats['mean'] + (1 - keep) * mean,
        'variance': keep * stats['variance'] + (1 - keep) * variance,
      }
    y = (x - mean) * jax.lax.rsqrt(variance + NORM_EPSILON)
    return y * arrays['scale'] + arrays['offset'] if arrays else y

  def _moments(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Mean and (biased) variance of the cells that count, (c,) each."""
    # Behind pooling a batch has one row for each example, which counts if it
    # has any frame; those that fill up a batch have none.
    own = self.own if x.ndim > 2 else self.own.max(axis=1)
    own = own.reshape(*own.shape, *[1] * (x.ndim - own.ndim))
    over = tuple(range(x.ndim - 1))
    cells = jnp.sum(jnp.broadcast_to(own, (*x.shape[:-1], 1)))
    cells = jnp.maximum(parallel.total(cells, self._axis), 1.0)
    mean = parallel.total(jnp.sum(x * own, axis=over), self._axis) / cells
    off = jnp.square(x - mean) * own
    variance = parallel.total(jnp.sum(off, axis=over), self._axis) / cells
    return mean, variance

  def both_ways(self, kind: str, names: tuple[str, str], x: jax.Array) -> Any:
    """Runs an 'lstm' or 'gru' from both ends, (b, t, c) to (b, t, 2 h)."""
    run = {'lstm': recurrent.lstm, 'gru': recurrent.gru}[kind]
    ahead, back = (self.weights(name) for name in names)
    return jnp.concatenate(
      [run(ahead, x, self.own), run(back, x, self.own, reverse=True)], axis=-1
    )

  def last(self, name: str, x: jax.Array) -> jax.Array:
    """Runs an LSTM; returns its output at the last own frame, (b, h)."""
    outputs = recurrent.lstm(self.weights(name), x, self.own)  # (b, t, h)
    # 1 where a frame is own and the next is not: the last, whatever its place.
    behind = jnp.pad(self.own[:, 1:], ((0, 0), (0, 1)))
    return jnp.einsum('bt,bth->bh', self.own - behind, outputs)

  def attend(self, scores: jax.Array, x: jax.Array) -> jax.Array:
    """Adds up own frames of x (b, t, c) by the softmax of scores (b, t)."""
    weights = jax.nn.softmax(jnp.where(self.own > 0, scores, _NEVER), axis=1)
    return jnp.einsum('bt,btc->bc', weights, x)

  def attend_each(
    self, query: jax.Array, key: jax.Array, value: jax.Array, heads: int
  ) -> jax.Array:
    """Lets each frame add up own frames, by several heads (Vaswani et al. 2017).

    Args:
      query: (b, t, c), c a multiple of `heads`; so are `key` and `value`.
      key: likewise.
      value: likewise.
      heads: that share the channels out among them.

    Returns:
      (b, t, c), the heads' sums side by side.
    """
    shape = (*query.shape[:2], heads, query.shape[2] // heads)
    query, key, value = (a.reshape(shape) for a in (query, key, value))
    scores = jnp.einsum('bqhc,bkhc->bhqk', query, key) / shape[-1] ** 0.5
    own = self.own[:, None, None] > 0  # (b, 1, 1, k)
    weights = jax.nn.softmax(jnp.where(own, scores, _NEVER), axis=-1)
    mixed = jnp.einsum('bhqk,bkhc->bqhc', weights, value)
    return mixed.reshape(*shape[:2], -1)

  def mean(self, x: jax.Array) -> jax.Array:
    """Averages own frames of x, (b, t, ..., c) to (b, ..., c)."""
    count = jnp.maximum(self.own.sum(axis=1), 1.0)
    return self.masked(x).sum(axis=1) / count.reshape(-1, *[1] * (x.ndim - 2))
