"""Figures of a comparison as PNG files; `comparison` says what is in them.

Scores come in as fractions and are drawn in per cent.
"""

from __future__ import annotations

import pathlib
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import axes as mpl_axes

from sernet_jax.results.figures import style
from sernet_jax.results.selections import OPTIMISTIC, SELECTIONS

MOST_ROWS = 40
(_BEST,) = OPTIMISTIC  # drawn hollow beside the others
_TITLES = {'uar': 'UAR', 'wa': 'WA', 'f1_macro': 'macro F1'}


def settings(
  rows: Sequence[Mapping[str, Any]],
  guessing: Mapping[str, float],
  selection: str,
  path: pathlib.Path,
  subtitle: str,
  footer: str = '',
) -> None:
  """UAR, WA and F1 of each setting with interval, and each seed.

  Args:
    rows: `settings` of a comparison.
    guessing: `wa` and `uar` of always naming one class.
    selection: whose scores.
    path: PNG to write.
    subtitle: corpus, protocol, weights, and what limits the figures.
    footer: last line, see `caveats.footer`.
  """
  rows = rows[:MOST_ROWS]
  texts = _wrapped([row['name'] for row in rows])
  optimistic = all(_BEST in row['selections'] for row in rows)
  note = (
    f'filled: {SELECTIONS[selection].title}, with its 95 % interval; small: each '
    'seed'
  )
  if optimistic:
    moving = ', moving statistics' if SELECTIONS[selection].recomputed else ''
    note += f'; hollow: best epoch on the test set{moving}, optimistic'
  with mpl.rc_context(style.STYLE):
    figure = style.new_figure(
      11.0,
      0.9 + _height(texts),
      'Settings, per cent',
      subtitle,
      footer,
      note,
    )
    axes = figure.subplots(1, 3, sharex=True, sharey=True)
    for axis, score in zip(axes, _TITLES, strict=True):
      for place, row in enumerate(rows):
        _draw_setting(axis, place, row['selections'], selection, score)
      axis.set_title(_TITLES[score])
      _rows_axis(axis, texts)
      if score in guessing:
        axis.axvline(
          100 * guessing[score], color=style.GREY, linestyle=':', linewidth=1
        )
        axis.set_title(
          f'{_TITLES[score]} (dotted: guessing, {100 * guessing[score]:.0f})'
        )
    style.save(figure, path)


def differences(
  rows: Sequence[Mapping[str, Any]],
  level: float,
  path: pathlib.Path,
  subtitle: str,
  footer: str = '',
) -> None:
  """Difference in UAR of each pair with its interval.

  Args:
    rows: `differences` of a comparison that have seeds in common.
    level: of the corrected test.
    path: PNG to write.
    subtitle: see `settings`.
    footer: see `settings`.
  """
  rows = rows[:MOST_ROWS]
  pairs = [(row['setting'], f'minus {row["against"]}') for row in rows]
  texts = ['\n'.join(_wrapped(pair, 64)) for pair in pairs]
  note = (
    f'bar: 95 % interval; filled: p below {level:g} after Holm; hollow: not '
    'shown to differ'
  )
  with mpl.rc_context(style.STYLE):
    figure = style.new_figure(
      11.0,
      0.9 + _height(texts),
      'Difference in UAR, percentage points',
      subtitle,
      footer,
      note,
    )
    axis = figure.subplots()
    for place, row in enumerate(rows):
      color = style.COLORS['test']
      if row['ci95']:
        edges = 100 * np.array(row['ci95']['uar'])
        axis.plot(edges, [place, place], color=color, linewidth=1.6)
      passed = row['p_holm'] is not None and row['p_holm'] < level
      axis.plot(
        100 * row['difference']['uar'],
        place,
        'o',
        color=color,
        markerfacecolor=color if passed else 'white',
      )
    axis.axvline(0, color=style.GREY, linewidth=1, zorder=0.9)
    _rows_axis(axis, texts)
    axis.set_xlabel('first minus second: right of the line the first is better')
    style.save(figure, path)


def recalls(
  rows: Sequence[Mapping[str, Any]],
  classes: Sequence[str],
  selection: str,
  path: pathlib.Path,
  subtitle: str,
  footer: str = '',
) -> None:
  """Recall of each class under each setting, as a table.

  Args:
    rows: `settings` of a comparison.
    classes: C names.
    selection: whose answers.
    path: PNG to write.
    subtitle: see `settings`.
    footer: see `settings`.
  """
  rows = rows[:MOST_ROWS]
  texts = _wrapped([row['name'] for row in rows])
  values = np.array(
    [
      [
        np.nan if found['recall'] is None else 100 * found['recall']
        for found in row['selections'][selection]['classes']
      ]
      for row in rows
    ]
  )
  with mpl.rc_context(style.STYLE):
    figure = style.new_figure(
      11.0,
      1.2 + _height(texts),
      'Recall of each class, per cent',
      subtitle,
      footer,
      f'{SELECTIONS[selection].title}, all seeds together',
    )
    axis = figure.subplots()
    axis.imshow(values, cmap='Blues', vmin=0, vmax=100, aspect='auto')
    for (row, column), value in np.ndenumerate(values):
      axis.text(
        column,
        row,
        '-' if np.isnan(value) else f'{value:.0f}',
        ha='center',
        va='center',
        color='white' if value > 55 else 'black',
      )
    names = [style.plain(style.short(name)) for name in classes]
    axis.set_xticks(range(len(names)), names)
    axis.set_yticks(range(len(rows)), texts)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    style.save(figure, path)


def _draw_setting(
  axis: mpl_axes.Axes,
  place: float,
  selections: Mapping[str, Any],
  selection: str,
  score: str,
) -> None:
  """One row: interval, seeds, best on test, score."""
  color = style.COLORS['uar' if score == 'uar' else 'wa']
  if score == 'f1_macro':
    color = style.COLORS['validation']
  last = selections[selection]
  if last['ci95']:
    edges = 100 * np.array(last['ci95'][score])
    axis.plot(edges, [place, place], color=color, linewidth=1.6)
  by_seed = [100 * seed[score] for seed in last['by_seed'].values()]
  if len(by_seed) > 1:
    axis.plot(
      by_seed,
      [place + 0.22] * len(by_seed),
      '.',
      color=color,
      markersize=4,
      alpha=0.7,
    )
  if _BEST in selections:
    best = 100 * selections[_BEST]['scores'][score]
    axis.plot(best, place, 'o', color=style.GREY, markerfacecolor='white')
  axis.plot(100 * last['scores'][score], place, 'o', color=color)


def _rows_axis(axis: mpl_axes.Axes, texts: Sequence[str]) -> None:
  """Rows from the top down, a name at each."""
  axis.set_yticks(range(len(texts)), texts)
  axis.set_ylim(len(texts) - 0.4, -0.6)
  axis.tick_params(axis='y', length=0)
  axis.grid(axis='x')


def _height(texts: Sequence[str]) -> float:
  """Inches for rows as tall as the longest of their names."""
  lines = max(text.count('\n') + 1 for text in texts)
  return len(texts) * max(0.42, 0.16 * lines + 0.08)


def _wrapped(names: Sequence[str], width: int = 38) -> list[str]:
  """Names broken at their commas, where they are long."""
  return [
    style.plain(
      '\n'.join(textwrap.wrap(name.replace(',', ', '), width, max_lines=3))
    )
    for name in names
  ]
