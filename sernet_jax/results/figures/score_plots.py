"""Confusion matrix and bars of each speaker, of one selection."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Sequence

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib import axes as mpl_axes

from sernet_jax.common import text
from sernet_jax.results.figures import style
from sernet_jax.results.run_results import PooledResult, SpeakerResult


def confusion_matrices(
  confusion: npt.ArrayLike,
  classes: Sequence[str],
  path: pathlib.Path,
  subtitle: str = '',
  footer: str = '',
  title: str = 'Confusion matrix',
) -> None:
  """Counts, and per cent of each true class, side by side with numbers.

  Args:
    confusion: (C, C) counts, rows are the truth.
    classes: C names.
    path: PNG to write.
    subtitle: must name the selection and the weights.
    footer: see `learning_curves`.
    title: tells it from those of other selections.
  """
  counts = np.asarray(confusion)
  support = counts.sum(1, keepdims=True)
  shares = 100 * np.divide(
    counts, support, out=np.full(counts.shape, np.nan), where=support > 0
  )
  side = 0.52 * len(classes)
  with mpl.rc_context(style.STYLE):
    figure = style.new_figure(
      max(6.5, 2 * side + 2.2),
      side + 1.3,
      title,
      subtitle,
      footer,
    )
    left, right = figure.subplots(1, 2, sharey=True)
    _draw_matrix(left, counts, counts.max(), '{:.0f}'.format, classes)
    _draw_matrix(right, shares, 100, _whole_percent, classes)
    left.set_title('Utterances')
    left.set_ylabel('truth')
    right.set_title('Per cent of each true class')
    style.save(figure, path)


def speaker_bars(
  speakers: Sequence[SpeakerResult],
  pooled: PooledResult,
  path: pathlib.Path,
  subtitle: str = '',
  footer: str = '',
) -> None:
  """WA and UAR of each speaker beside those of all tests together.

  Args:
    speakers: entries of a selection's `speakers`.
    pooled: the selection's `pooled`.
    path: PNG to write.
    subtitle: must name the selection and the weights.
    footer: see `learning_curves`.
  """
  place = np.arange(len(speakers))
  width = float(np.clip(2.5 + 0.75 * len(speakers), 6.5, 16))
  with mpl.rc_context(style.STYLE):
    figure = style.new_figure(width, 3.3, 'Each speaker', subtitle, footer)
    axis = figure.subplots()
    for offset, score, line in ((-0.2, 'wa', '--'), (0.2, 'uar', ':')):
      heights = [100 * speaker[score] for speaker in speakers]
      shown = text.percent(pooled[score])
      name = f'{score.upper()} (line: all tests, {shown})'
      color = style.COLORS[score]
      bars = axis.bar(place + offset, heights, 0.36, color=color, label=name)
      axis.axhline(100 * pooled[score], color=color, linestyle=line, zorder=0.9)
      if len(speakers) <= 16:
        figures = axis.bar_label(
          bars, fmt=_whole_percent, padding=2, fontsize=8
        )
        for one in figures:  # above the lines of all tests
          one.set_bbox({'facecolor': 'white', 'edgecolor': 'none', 'pad': 0.6})
    names = [
      f'{style.plain(style.short(row.name))}\nn = {row.n}' for row in speakers
    ]
    crowded = len(speakers) > 30 or max(map(len, names)) > 20
    axis.set_xticks(
      place, names, rotation=90 if crowded else 0, fontsize=7 if crowded else 9
    )
    axis.tick_params(axis='x', length=0)
    axis.margins(x=0.02)
    axis.set_ylim(0, 108)
    axis.set_yticks(range(0, 101, 20))
    axis.set_ylabel('per cent')
    axis.set_xlabel('speaker and number of test utterances')
    axis.grid(axis='y')
    style.legend(figure, axis)
    style.save(figure, path)


def _whole_percent(value: float) -> str:
  return text.percent(value / 100, decimals=0)


def _draw_matrix(
  axis: mpl_axes.Axes,
  values: np.ndarray,
  top: float,
  form: Callable[[float], str],
  classes: Sequence[str],
) -> None:
  """Heat map of (C, C) with numbers."""
  # The aspect is left free, so that long names find room.
  axis.imshow(values, cmap='Blues', vmin=0, vmax=top, aspect='auto')
  for (row, column), value in np.ndenumerate(values):
    axis.text(
      column,
      row,
      '-' if np.isnan(value) else form(value),
      ha='center',
      va='center',
      color='white' if value > 0.55 * top else 'black',
      fontsize=8,
    )
  names = [style.plain(style.short(name)) for name in classes]
  axis.set_xticks(
    range(len(names)), names, rotation=40, ha='right', rotation_mode='anchor'
  )
  axis.set_yticks(range(len(names)), names)
  axis.tick_params(length=0)
  axis.spines[:].set_visible(False)
  axis.set_xlabel('predicted')
