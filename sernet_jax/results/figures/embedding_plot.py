"""A map of embeddings: points of the plane, colored by class."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np

from sernet_jax.common import files
from sernet_jax.results.figures import style

# Beside the colors, so that classes differ in print too.
_MARKERS = ('o', 's', '^', 'D', 'v', 'P', 'X', '*')
# Okabe and Ito's; the yellow, which is faint as a point, comes last.
_COLORS = (
  '#D55E00',
  '#0072B2',
  '#009E73',
  '#CC79A7',
  '#E69F00',
  '#56B4E9',
  '#000000',
  '#F0E442',
)


def figure(
  path: pathlib.Path,
  title: str,
  subtitle: str,
  places: np.ndarray,
  labels: Sequence[str],
  classes: Sequence[str],
  cure: files.Cure = files.NO_OPTION,
) -> None:
  """Draws and writes a map.

  Args:
    path: of the file.
    title: the first line.
    subtitle: the second.
    places: (points, 2).
    labels: a class for each point.
    classes: names, in the order of colors and legend.
    cure: for the error if the file cannot be written.
  """
  with mpl.rc_context(style.STYLE):
    drawing = style.new_figure(7.4, 5.6, title, subtitle)
    axis = drawing.subplots()
    size = float(np.clip(4000 / max(1, len(places)), 6, 40))
    for index, name in enumerate(classes):
      own = np.array([label == name for label in labels], bool)
      if not own.any():
        continue
      axis.scatter(
        places[own, 0],
        places[own, 1],
        s=size,
        marker=_MARKERS[index % len(_MARKERS)],
        color=_COLORS[index % len(_COLORS)],
        alpha=0.8,
        linewidths=0,
        label=f'{style.plain(style.short(name))} ({own.sum()})',
      )
    axis.set(xticks=[], yticks=[], aspect='equal')
    axis.spines[:].set_visible(False)
    axis.legend(loc='center left', bbox_to_anchor=(1.005, 0.5))
    style.save(drawing, path, cure)
