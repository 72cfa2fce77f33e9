"""A picture of embeddings in the plane, by t-SNE of scikit-learn, an extra."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np

from sernet_jax.common import extras, files
from sernet_jax.common.errors import require
from sernet_jax.predict.inference.embedding_file import Table
from sernet_jax.results.figures import picture_file

CURE = files.Cure('--map')
LEAST = 5  # points; t-SNE of fewer says nothing
_PERPLEXITY = 30.0  # neighbors of a point; less for few points


def check(path: pathlib.Path) -> None:
  """Refuses what cannot be drawn, before any work.

  Raises:
    InputError: if the path is none of a picture or scikit-learn is missing.
  """
  picture_file.check(path, CURE)
  _tsne()


def write(path: pathlib.Path, table: Table, name: str) -> None:
  """Draws the recordings of a table, or the windows if it is of one recording.

  Args:
    path: of the picture, .png, .pdf or .svg.
    table: embeddings with their labels.
    name: of the model.

  Raises:
    InputError: if there are fewer than `LEAST` points, or as `check`.
  """
  from sernet_jax.results.figures import embedding_plot

  what = 'recordings'
  rows, labels = table.rows('whole')
  if len(rows) == 1:
    what = 'windows'
    rows, labels = table.rows('window')
  require(
    len(rows) >= LEAST,
    f'there are {len(rows)} {what} to draw in {path}; give at least {LEAST} '
    'recordings, or a longer one, or leave out --map',
  )
  embedding_plot.figure(
    path,
    f'Embeddings of {len(rows)} {what}',
    f'pooled map of {name} in two dimensions by t-SNE, colored by predicted '
    'label; near points are alike, distances between groups mean little',
    places(rows),
    labels,
    table.classes,
    CURE,
  )


def places(rows: np.ndarray) -> np.ndarray:
  """Lays embeddings out in the plane; the same rows lie at the same places.

  Args:
    rows: (points, channels).

  Returns:
    (points, 2).
  """
  # Every channel counts alike, and one that never varies not at all.
  spread = rows.std(axis=0)
  scaled = (rows - rows.mean(axis=0)) / np.where(spread > 0, spread, 1)
  perplexity = min(_PERPLEXITY, (len(rows) - 1) / 3)
  found = _tsne()(
    perplexity=perplexity, init='pca', random_state=0, n_jobs=1
  ).fit_transform(scaled)
  return np.asarray(found)


def _tsne() -> Any:
  try:
    from sklearn.manifold import TSNE
  except ImportError as error:
    raise extras.missing('--map needs', 'scikit-learn') from error
  return TSNE
