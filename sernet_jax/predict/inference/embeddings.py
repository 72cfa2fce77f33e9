"""Embeddings: the pooled map before the head, of recordings and windows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sernet_jax.common.errors import InputError
from sernet_jax.predict.models import Model

# Segments (segments, num_samples) to rows (segments, ...).
Run = Callable[[np.ndarray], np.ndarray]


def rows(model: Model) -> Run:
  """Returns what computes probabilities and numbers of segments.

  Args:
    model: from `models.load`.

  Returns:
    A function of segments (segments, num_samples) to float32 (segments, classes
    + dimensions).
  """
  # Only models with dimensions have the method.
  run: Run = getattr(model, 'with_dimensions', model)
  return run if model.dimensions else model


def function(model: Model) -> Run:
  """Returns what computes probabilities and embeddings of segments.

  Args:
    model: from `models.load`.

  Returns:
    A function of segments (segments, num_samples) to float32 (segments, classes
    + dimensions + channels).

  Raises:
    InputError: for a model that has none to give.
  """
  run = getattr(model, 'with_embeddings', None)
  if run is None:
    raise InputError(
      f'{model.name} gives probabilities alone, no embeddings; give the run '
      'folder or the safetensors file that it was exported from'
    )
  run(np.zeros((0, model.audio.num_samples), np.float32))  # or say why not
  return run
