"""BatchNorm statistics of a voice, from recordings of it without labels.

The statistics of a training set are those of its speakers. A share of the
tested speaker's own, taken from recordings whose labels nobody looks at, moves
the network towards that voice (adaptive BatchNorm, Li et al. 2018). With few
recordings the training set's must stay, so they count as a number of
recordings too: the prior.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import jax
import numpy as np

from sernet_jax.common.errors import require, require_not_negative
from sernet_jax.training import batch_norm_statistics
from sernet_jax.training.recipes import Recipe, Weights
from sernet_jax.training.sound.corpus import Heard


@dataclasses.dataclass(frozen=True)
class AdaptationSpec:
  """Statistics that are adapted to a tested speaker.

  Attributes:
    recordings: of the speaker that are heard first, drawn at random; 0 for
      all.
    prior: recordings that the training set's statistics count as.
  """

  recordings: int = 0
  prior: float = 20.0

  def __post_init__(self) -> None:
    require_not_negative('protocol.enrolled', self.recordings)
    require_not_negative('protocol.prior', self.prior)


def enrolled(
  key: jax.Array, candidates: Sequence[int] | np.ndarray, recordings: int
) -> np.ndarray:
  """Draws the recordings that are heard first, ascending.

  Args:
    key: of the draw.
    candidates: utterances of the speaker.
    recordings: how many; 0 for all.

  Raises:
    InputError: if there are fewer.
  """
  candidates = np.asarray(candidates)
  require(
    recordings <= len(candidates),
    f'protocol.enrolled is {recordings}, but a speaker has only '
    f'{len(candidates)} recordings; give fewer, or 0 for all',
  )
  if not recordings:
    return candidates
  order = np.asarray(jax.random.permutation(key, len(candidates)))
  return np.sort(candidates[order[:recordings]])


def adapted(
  recipe: Recipe,
  heard: np.ndarray | Heard,
  params: Weights,
  stats: Weights,
  prior: float,
  recordings: int = 0,
) -> Weights:
  """Mixes the statistics of recordings into those of a training set.

  Means and second moments are mixed with the weights n / (n + prior) and
  prior / (n + prior), layer by layer, as if n recordings had been part of the
  training set. Segments of one recording count as that one together.

  Args:
    recipe: of the training.
    heard: their segments, (segments, frames, coefficients) or with the frames
      of each.
    params: of one network.
    stats: its statistics over the training set.
    prior: recordings that `stats` count as; infinite leaves them as they are.
    recordings: n, that the segments are of; 0 for one each.

  Returns:
    A tree like `stats`.
  """
  values = heard.features if isinstance(heard, Heard) else heard
  count = len(np.asarray(values))
  require(count > 0, 'nobody was enrolled; give at least one recording')
  if np.isinf(prior):
    return stats
  # A voice moves the statistics of layers that training left alone too.
  recipe = dataclasses.replace(recipe, frozen=())
  # Batches of one shape; the last is filled with a row that does not count.
  segments = np.arange(-(-count // recipe.batch_size) * recipe.batch_size)
  shape = (-1, recipe.batch_size)
  mask = (segments < count).astype(np.float32).reshape(shape)
  segments = np.minimum(segments, count - 1).reshape(shape)
  own = batch_norm_statistics.of_batches(
    recipe, heard, segments, mask, params, stats
  )
  if prior == 0:
    return own
  heard_first = float(recordings or count)
  return batch_norm_statistics.pool([(heard_first, own), (prior, stats)])
