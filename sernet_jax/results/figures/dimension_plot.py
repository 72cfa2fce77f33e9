"""Plots of arousal and others as recognized, against the annotations."""

from __future__ import annotations

import math
import pathlib
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np

from sernet_jax.corpora.dimensions import Dimension
from sernet_jax.results.dimensions.record import DimensionResult
from sernet_jax.results.figures import style

_POINTS, _LINE = '#0072B2', '#D55E00'
_COLUMNS = 3
_SIDE = 2.8  # of a panel, in inches
_BEYOND = 0.04  # of the scale, around it


def scatter(
  dimensions: Sequence[Dimension],
  measured: Sequence[DimensionResult],
  tests: Sequence[tuple[np.ndarray, np.ndarray]],
  path: pathlib.Path,
  subtitle: str = '',
  footer: str = '',
) -> None:
  """Draws a panel for each dimension, a point for each test.

  Args:
    dimensions: with their scales.
    measured: their results, in the same order.
    tests: annotations and outputs (tests,) of each, in the same order.
    path: PNG to write.
    subtitle: must name the selection and the weights.
    footer: see `learning_plots.learning_curves`.
  """
  columns = min(_COLUMNS, len(dimensions))
  rows = math.ceil(len(dimensions) / columns)
  with mpl.rc_context(style.STYLE):
    figure = style.new_figure(
      max(6.5, _SIDE * columns + 0.4),
      (_SIDE + 0.3) * rows,
      'Dimensions',
      subtitle,
      footer,
      'each point a test; dotted: the annotation itself; '
      'line: the mean output for its annotation',
    )
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in panels[len(dimensions) :]:
      axis.set_visible(False)
    for axis, dimension, result, (values, outputs) in zip(
      panels, dimensions, measured, tests, strict=False
    ):
      size = float(np.clip(3000 / max(1, len(values)), 3, 30))
      axis.scatter(
        values, outputs, s=size, color=_POINTS, alpha=0.35, linewidths=0
      )
      edges = dimension.low, dimension.high
      axis.plot(edges, edges, color=style.GREY, linestyle=':')
      axis.plot(*_means(dimension, values, outputs), color=_LINE)
      room = _BEYOND * (dimension.high - dimension.low)
      limits = dimension.low - room, dimension.high + room
      axis.set(xlim=limits, ylim=limits, aspect='equal')
      name = style.plain(style.short(dimension.name))
      ccc = '-' if result.ccc is None else f'{result.ccc:.2f}'
      axis.set_title(f'{name}, CCC {ccc}')
      axis.set(xlabel='annotated', ylabel='recognized')
      axis.grid()
    style.save(figure, path)


def _means(
  dimension: Dimension, values: np.ndarray, outputs: np.ndarray
) -> tuple[list[float], list[float]]:
  """Mean value and mean output of the tests in each of eight parts of a scale."""
  edges = np.linspace(dimension.low, dimension.high, 9)
  parts = np.clip(np.digitize(values, edges) - 1, 0, 7)
  there = sorted(set(parts.tolist()))
  return (
    [float(values[parts == part].mean()) for part in there],
    [float(outputs[parts == part].mean()) for part in there],
  )
