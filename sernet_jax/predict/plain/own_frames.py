"""An utterance's own frames in a chain: what `model.pooling` asks of a file.

The same as `nn.kernels.norm_pool` and `nn.pooling` do with a mask, in the
operations of an emitter. A file finds the utterance by itself: its samples are
those from the first to the last that is not 0, and they are moved to the
beginning of the waveform, where training has them.
Shapes in comments: b examples, t frames, f coefficients, c channels.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sernet_jax.features.spec import MfccSpec, num_frames
from sernet_jax.nn.spec import LEAST_VARIANCE, OF_MAPS, ModelSpec
from sernet_jax.predict.plain.protocol import Emitter, Value, size


class OwnFrames:
  """Marks of the frames that are an utterance's own, down a network.

  Args:
    out: carries the operations out.
    samples: (batch, 1), how many samples of each waveform are its own, which
      come first.
    num_samples: of a waveform.
    mfcc: the front end.
  """

  def __init__(
    self, out: Emitter, samples: Value, num_samples: int, mfcc: MfccSpec
  ) -> None:
    self._out = out
    frames = np.asarray(num_frames(np.arange(num_samples + 1), mfcc))
    # The fewest samples that have frame k; the first frame is always there.
    fewest = np.searchsorted(frames, np.arange(frames[-1]) + 1)
    fewest[0] = 0
    # 1 from there on, else 0: whole numbers, so this is exact in float32.
    beyond = out.binary('sub', samples, _row(out, fewest - 1.0))
    beyond = out.binary('max', beyond, _row(out, [0.0]))
    self._mask = out.binary('min', beyond, _row(out, [1.0]))  # (b, t)

  def clear(self, x: Value) -> Value:
    """Sets what a map has behind each utterance to 0."""
    return self._out.by_frame(x, self._mask)

  def pool(self, name: str, x: Value, window: tuple[int, int] | None) -> Value:
    """`norm_pool.masked_pool`; every map of one size must come before `step`.

    Args:
      name: of the pool.
      x: a map.
      window: see `norm_pool.average_pool`; (1, 1) leaves the map as it is.
    """
    x = self.clear(x)
    if window == (1, 1):
      return x
    if window is None:
      shares, _ = self._shares(size(self._mask.shape, 1))  # (b, 1)
      return self._out.binary('mul', self._out.mean_map(name, x), shares)
    shares, _ = self._shares(window[0])
    return self._out.by_frame(self._out.pool(name, x, window), shares)

  def step(self, window: tuple[int, int] | None) -> None:
    """Goes on to the mask of the pooled maps."""
    if window is not None and window[0] > 1:
      _, self._mask = self._shares(window[0])

  def _shares(self, tall: int) -> tuple[Value, Value]:
    """Frames of each window over its own ones, and whether it has any.

    Both (batch, windows); the first is 0 where there is none.
    """
    out, frames = self._out, size(self._mask.shape, 1)
    windows = -(-frames // tall)
    mask = self._mask
    if windows * tall > frames:
      mask = out.pad(mask, 1, 0, windows * tall - frames)
    mask = out.reshape(mask, (windows, tall))
    own = out.reshape(out.reduce('sum', mask, (2,)), (windows,))  # (b, windows)
    there = np.minimum(frames - tall * np.arange(windows), tall)
    least = out.binary('max', own, _row(out, [1.0]))
    some = out.binary('min', own, _row(out, [1.0]))
    shares = out.binary('div', out.binary('mul', some, _row(out, there)), least)
    return shares, some

  def over_map(
    self,
    x: Value,
    model: ModelSpec,
    score: Mapping[str, np.ndarray] | None,
  ) -> Value:
    """`pooling.over_map`: (batch, channels), or what was pooled before.

    Args:
      x: the last map; (batch, channels) where the last block has pooled.
      model: the network.
      score: kernel and bias of 'attention'.
    """
    if model.pooling not in OF_MAPS:
      return x
    out = self._out
    x = out.rows(x)  # (b, t * f, c)
    cells, channels = size(x.shape, 1), size(x.shape, 2)
    frames = size(self._mask.shape, 1)
    own = out.reshape(self._mask, (frames, 1))
    # (b, t, f), then (b, t * f, 1)
    own = out.binary('mul', own, _row(out, np.ones((1, cells // frames))))
    own = out.reshape(own, (cells, 1))
    if score is not None:
      weights = self._weights(x, own, score)
      return out.reshape(_total(out, x, weights), (channels,))
    one = _row(out, np.ones((1, 1)))
    count = out.binary('max', out.reduce('sum', own, (1,)), one)  # (b, 1, 1)
    mean = out.binary('div', _total(out, x, own), count)  # (b, 1, c)
    off = out.binary('sub', x, mean)
    off = out.binary('mul', off, out.binary('mul', off, own))
    variance = out.binary('div', out.reduce('sum', off, (1,)), count)
    least = _row(out, np.full((1, 1), LEAST_VARIANCE))
    deviation = out.unary('sqrt', out.binary('add', variance, least))
    return out.reshape(out.concat([mean, deviation], 2), (2 * channels,))

  def _weights(
    self, x: Value, own: Value, score: Mapping[str, np.ndarray]
  ) -> Value:
    """Softmax of the scores of rows (b, n, c) over own cells: (b, n, 1)."""
    out = self._out
    scores = out.matmul(x, score['kernel'])
    scores = out.binary('add', scores, _row(out, score['bias'][None]))
    # Others are far below all of one's own, and e to the power of 0 at most.
    one, far = (_row(out, np.full((1, 1), value)) for value in (1.0, 1e9))
    others = out.binary('mul', out.binary('sub', own, one), far)
    scores = out.binary('add', scores, others)
    scores = out.binary('sub', scores, out.reduce('max', scores, (1,)))
    powers = out.unary('exp', scores)
    return out.binary('div', powers, out.reduce('sum', powers, (1,)))


def _total(out: Emitter, x: Value, weights: Value) -> Value:
  """Sum of weighted rows (b, n, c): (b, 1, c)."""
  return out.reduce('sum', out.binary('mul', x, weights), (1,))


def _row(out: Emitter, values: np.typing.ArrayLike) -> Value:
  """A constant with an axis of length 1 for the batch."""
  return out.constant(np.asarray(values, np.float32)[None])
