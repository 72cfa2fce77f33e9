"""Receptive fields: how much of the input one value of a map can see.

A kernel of k cells over values that lie `step` apart adds (k - 1) * step to
what is seen; a pool of p cells does the same and multiplies the step by p.
Frames overlap, so n frames span frame + (n - 1) * hop of sound.
"""

from __future__ import annotations

import dataclasses

from sernet_jax.features.spec import MfccSpec
from sernet_jax.nn.spec import ModelSpec

_ONE = (1, 1)


@dataclasses.dataclass(frozen=True)
class Field:
  """The part that one value of a map sees, by one way through the network.

  Attributes:
    path: the parallel path that is gone through; 'all' for their union.
    layer: a path's name, or 'block1' to 'block5'.
    stage: 'conv' or 'pool' of it.
    size: (frames, coefficients) it sees, were the input large enough.
    step: (frames, coefficients) of the input from one value to the next.
  """

  path: str
  layer: str
  stage: str
  size: tuple[int, int]
  step: tuple[int, int]

  def span_s(self, mfcc: MfccSpec) -> float:
    """Seconds of sound that are seen."""
    samples = mfcc.frame_samples + (self.size[0] - 1) * mfcc.hop_samples
    return samples / mfcc.sample_rate_hz

  def step_s(self, mfcc: MfccSpec) -> float:
    """Seconds from one value to the next."""
    return self.step[0] * mfcc.hop_samples / mfcc.sample_rate_hz


def fields(spec: ModelSpec) -> list[Field]:
  """Every layer's field by every path, then by all of them.

  The union of the paths is a rectangle only around the shapes that the paths
  see; its sides are the largest of theirs. The global average at the end
  sees everything and is left out.
  """
  paths = spec.layers('path')
  largest = dataclasses.replace(
    paths[0], name='all', kernel=_largest([path.kernel for path in paths])
  )
  found = []
  for path in (*paths, largest):
    size, step = _ONE, _ONE
    for layer in (path, *spec.layers('block')):
      size = _seen(size, step, layer.kernel)
      found.append(Field(path.name, layer.name, 'conv', size, step))
      if layer.pool is not None:
        size = _seen(size, step, layer.pool)
        step = step[0] * layer.pool[0], step[1] * layer.pool[1]
        found.append(Field(path.name, layer.name, 'pool', size, step))
  return found


def _seen(size, step, window) -> tuple[int, int]:
  frames, coefficients = (
    s + (w - 1) * d for s, d, w in zip(size, step, window, strict=True)
  )
  return frames, coefficients


def _largest(kernels: list[tuple[int, int]]) -> tuple[int, int]:
  return max(k[0] for k in kernels), max(k[1] for k in kernels)
