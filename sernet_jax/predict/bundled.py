"""Models made of bundles, whatever computes them: what they have in common."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence

import numpy as np

from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common.errors import require
from sernet_jax.features.spec import MfccSpec
from sernet_jax.predict.bundle import Bundle, Dimension

# What rows have behind the probabilities, if asked for, in this order.
EXTRAS = ('dimensions', 'embeddings')


class Bundled(abc.ABC):
  """Bundles of one kind; an ensemble is the mean of them.

  Attributes:
    name: of the model, for people.
    bundles: all of them.
    bundle: the first of them, for classes and specs.
  """

  def __init__(self, bundles: Sequence[Bundle], name: str = ''):
    require(len(bundles) > 0, 'there is no bundle; give at least one')
    first = bundles[0]
    first.model.require_sound_alone()
    for other in bundles[1:]:
      require(
        (other.model, other.mfcc, other.feature_kind, other.audio)
        == (first.model, first.mfcc, first.feature_kind, first.audio)
        and (other.classes, other.dimensions)
        == (first.classes, first.dimensions),
        'the bundles of an ensemble differ in classes or specs; take those of '
        'one run',
      )
    self.bundles = tuple(bundles)
    self.bundle = first
    self.name = name or first.about.get('name', 'model')

  @property
  def classes(self) -> tuple[str, ...]:
    """Names of the classes, in the order of the probabilities."""
    return self.bundle.classes

  @property
  def audio(self) -> AudioSpec:
    """Rate, length and segments that a recording is converted to."""
    return self.bundle.audio

  @property
  def mfcc(self) -> MfccSpec:
    """The front end."""
    return self.bundle.mfcc

  @property
  def feature_kind(self) -> str:
    """One of `features.kinds.KINDS`."""
    return self.bundle.feature_kind

  @property
  def about(self) -> Mapping[str, str]:
    """Texts kept with the weights; empty of several together."""
    return self.bundle.about if len(self.bundles) == 1 else {}

  @property
  def embedding_size(self) -> int:
    """Number of channels of the pooled map."""
    return self.bundle.model.embedding_size

  def __call__(self, segments: np.ndarray) -> np.ndarray:
    """Computes the probabilities of any number of segments.

    Args:
      segments: (segments, num_samples), each through `audio.prepare`.

    Returns:
      float32 (segments, classes), the mean over the bundles.

    Raises:
      InputError: for segments that `audio.prepare` did not make.
    """
    return self.run(segments)

  @property
  def dimensions(self) -> tuple[Dimension, ...]:
    """Numbers that the network gives beside the classes."""
    return self.bundle.dimensions

  def with_dimensions(self, segments: np.ndarray) -> np.ndarray:
    """Computes the probabilities of segments and their numbers.

    Args:
      segments: as for a call.

    Returns:
      float32 (segments, classes + dimensions): the probabilities, and behind
      them a number for each dimension, on its scale; means over the bundles.

    Raises:
      InputError: as a call.
    """
    return self._scaled(self.run(segments, EXTRAS[:1]))

  def with_embeddings(self, segments: np.ndarray) -> np.ndarray:
    """Computes the probabilities of segments and the maps they are made from.

    Args:
      segments: as for a call.

    Returns:
      float32 (segments, classes + dimensions + channels): the probabilities,
      behind them the numbers of a network that has some, and the pooled map
      before the network's head.

    Raises:
      InputError: as a call; and for an ensemble, whose networks have nothing
        in common but their classes.
    """
    require(
      len(self.bundles) == 1,
      f'{self.name} is an ensemble, whose networks each have embeddings of '
      'their own; give one of them, by --fold',
    )
    return self._scaled(self.run(segments, EXTRAS))

  def _scaled(self, rows: np.ndarray) -> np.ndarray:
    """Brings numbers from [-1, 1] to their scales, in place."""
    for column, dimension in enumerate(self.dimensions, len(self.classes)):
      rows[:, column] = dimension.from_unit(rows[:, column])
    return rows

  def no_rows(self, extras: Sequence[str] = ()) -> np.ndarray:
    """Makes what no segments give, (0, classes) or more with `EXTRAS`."""
    width = len(self.classes)
    width += len(self.dimensions) * ('dimensions' in extras)
    width += self.embedding_size * ('embeddings' in extras)
    return np.zeros((0, width), np.float32)

  @abc.abstractmethod
  def run(
    self, segments: np.ndarray, extras: tuple[str, ...] = ()
  ) -> np.ndarray:
    """Computes what a call returns, and what `extras` names behind it.

    Args:
      segments: as for a call.
      extras: some of `EXTRAS`, in that order; numbers are in [-1, 1].
    """
