"""The heat map of tests across corpora."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np

from sernet_jax.common import text
from sernet_jax.results.figures import style


def corpus_matrix(
  rows: Sequence[str],
  columns: Sequence[str],
  values: np.ndarray,
  intervals: np.ndarray,
  path: pathlib.Path,
  subtitle: str = '',
  footer: str = '',
  note: str = '',
  title: str = 'UAR across corpora, per cent',
) -> None:
  """UAR by training corpora (down) and test corpus (across), with numbers.

  Args:
    rows: names of the training corpora.
    columns: names of the test corpora.
    values: (rows, columns) fractions, NaN where there is no test.
    intervals: (rows, columns, 2), NaN where there is none.
    path: PNG to write.
    subtitle: must name the selection and the weights.
    footer: last line, see `caveats.footer`.
    note: a line more below the subtitle.
    title: may name the selection too.
  """
  shares = 100 * np.asarray(values)
  names = [style.plain(_wrapped(name)) for name in rows]
  left = max(len(line) for name in names for line in name.split('\n'))
  size = shares.shape
  with mpl.rc_context(style.STYLE):
    figure = style.new_figure(
      max(6.5, 1.1 * size[1] + 0.085 * left + 1.6),
      max(2.0, 0.55 * size[0] + 1.5),
      title,
      subtitle,
      footer,
      note,
    )
    axis = figure.subplots()
    image = axis.imshow(shares, cmap='Blues', vmin=0, vmax=100, aspect='auto')
    for (row, column), value in np.ndenumerate(shares):
      if np.isnan(value):
        axis.text(column, row, '-', ha='center', va='center')
        continue
      shown = text.percent(value / 100)
      edges = intervals[row, column]
      if not np.isnan(edges[0]):
        low, high = (text.percent(edge, decimals=0) for edge in edges)
        shown += f'\n[{low}, {high}]'
      axis.text(
        column,
        row,
        shown,
        ha='center',
        va='center',
        fontsize=9,
        color='white' if value > 55 else 'black',
      )
    axis.set_xticks(
      range(size[1]),
      [style.plain(style.short(name)) for name in columns],
      rotation=0 if size[1] < 5 else 30,
      ha='center' if size[1] < 5 else 'right',
      rotation_mode='anchor',
    )
    axis.set_yticks(range(size[0]), names)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.set_xlabel('tested on')
    axis.set_ylabel('trained on')
    figure.colorbar(image, ax=axis, pad=0.02, label='UAR, per cent')
    style.save(figure, path)


def _wrapped(name: str, limit: int = 28) -> str:
  """'one+two+three' over several lines where it is long."""
  lines = ['']
  for part in name.split('+'):
    piece = style.short(part)
    longer = f'{lines[-1]}+{piece}' if lines[-1] else piece
    if lines[-1] and len(longer) > limit:
      lines[-1] += '+'
      lines.append(piece)
    else:
      lines[-1] = longer
  if len(lines) > 3:
    lines[2:] = [f'and {len(name.split("+"))} in all']
  return '\n'.join(lines)
