"""A model that chooses among some of its classes alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common.errors import require, require_choice
from sernet_jax.features.spec import MfccSpec
from sernet_jax.predict.inference import embeddings
from sernet_jax.predict.models import Model
from sernet_jax.runs.weights import threshold

if TYPE_CHECKING:
  from sernet_jax.predict.bundle import Dimension


class ChosenClasses:
  """A `models.Model` whose probabilities are of some classes of another.

  Those of the chosen classes are divided by their sum, segment by segment: what
  the network says given that it is one of them. Where the sum is 0, all are
  alike.
  """

  def __init__(self, model: Model, classes: Sequence[str]) -> None:
    for name in classes:
      require_choice('--classes', name, model.classes)
    require(
      len(classes) > 1,
      f'--classes names {", ".join(classes)} alone; give two or more of '
      f'{", ".join(model.classes)}',
    )
    require(
      len(set(classes)) == len(classes),
      f'--classes={",".join(classes)} names one twice; name each once',
    )
    self._model = model
    self._columns = [model.classes.index(name) for name in classes]
    self.classes = tuple(classes)
    self.name = f'{model.name}, of {len(classes)} classes'

  @property
  def audio(self) -> AudioSpec:
    """Rate, length and segments that a recording is converted to."""
    return self._model.audio

  @property
  def mfcc(self) -> MfccSpec:
    """The front end."""
    return self._model.mfcc

  @property
  def feature_kind(self) -> str:
    """One of `features.kinds.KINDS`."""
    return self._model.feature_kind

  @property
  def dimensions(self) -> tuple[Dimension, ...]:
    """Numbers that the model gives beside the classes."""
    return self._model.dimensions

  @property
  def about(self) -> Mapping[str, str]:
    """Texts kept with the weights, but its calibration, which is of all classes."""
    return {
      name: text
      for name, text in self._model.about.items()
      if name not in threshold.FIELDS
    }

  def with_dimensions(self, segments: np.ndarray) -> np.ndarray:
    """Adds the model's numbers; see `Recognizer.with_dimensions`."""
    return self._beside(embeddings.rows(self._model)(segments))

  def __call__(self, segments: np.ndarray) -> np.ndarray:
    """Segments (segments, num_samples) to probabilities (segments, classes)."""
    return self._chosen(self._model(segments))

  def with_embeddings(self, segments: np.ndarray) -> np.ndarray:
    """Adds the model's embeddings; see `Recognizer.with_embeddings`."""
    return self._beside(embeddings.function(self._model)(segments))

  def _beside(self, rows: np.ndarray) -> np.ndarray:
    """Chooses in rows that have more behind the probabilities."""
    shares, rest = np.split(rows, [len(self._model.classes)], axis=1)
    return np.concatenate([self._chosen(shares), rest], axis=1)

  def _chosen(self, shares: np.ndarray) -> np.ndarray:
    """Probabilities of all classes to those of the chosen ones."""
    shares = shares[:, self._columns].astype(np.float64)
    total = shares.sum(axis=1, keepdims=True)
    equal = np.full_like(shares, 1 / len(self.classes))
    # Divided where the sum is not 0 alone, which would warn.
    return np.divide(shares, total, out=equal, where=total > 0).astype(
      np.float32
    )


def among(model: Model, classes: Sequence[str] = ()) -> Model:
  """Returns a model that chooses among `classes`, or as it is if none are named.

  Raises:
    InputError: for a class that the model does not know, one named twice, or
      one alone.
  """
  return ChosenClasses(model, classes) if classes else model
