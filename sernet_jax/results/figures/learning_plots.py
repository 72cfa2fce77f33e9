"""Learning curves and the learning rate of a run, by epoch."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import axes as mpl_axes, ticker

from sernet_jax.results.figures import style


def learning_curves(
  rows: Sequence[Mapping[str, Any]],
  path: pathlib.Path,
  subtitle: str = '',
  footer: str = '',
) -> None:
  """Loss, WA and UAR by epoch: mean over the folds, range, each fold thin.

  Args:
    rows: lines of metrics.jsonl.
    path: PNG to write.
    subtitle: second line of the title: corpus, protocol, weights.
    footer: last line, see `caveats.footer`.
  """
  splits = [
    split
    for split in ('train', 'validation', 'test')
    if any(split in row for row in rows)
  ]
  num_folds = len({row['fold'] for row in rows})
  num_trials = len({(row['fold'], row.get('seed')) for row in rows})
  note = 'one fold'
  if num_trials > 1:
    who = f'{num_folds} fold{"s" * (num_folds > 1)}'
    if num_trials > num_folds:
      who += f' x {num_trials // num_folds} seeds'
    note = f'thick: mean of {who}; thin: each; band: lowest to highest'
  with mpl.rc_context(style.STYLE):
    figure = style.new_figure(
      11.0, 3.4, 'Learning curves', subtitle, footer, note
    )
    axes = figure.subplots(1, 3)
    for axis, score, title, scale in (
      (axes[0], 'loss', 'Loss', 1),
      (axes[1], 'wa', 'WA, per cent', 100),
      (axes[2], 'uar', 'UAR, per cent', 100),
    ):
      for split in splits:
        epochs, values = _by_fold(rows, split, score)
        _draw_folds(axis, epochs, scale * values, style.COLORS[split], split)
      axis.set_title(title)
      _epoch_axis(axis, rows)
      axis.grid(axis='y')
      if scale == 100:
        axis.set_ylim(0, 102)
      else:
        axis.set_ylim(bottom=0)
    chance = 100 * guessing(rows)
    axes[2].axhline(chance, color=style.GREY, linestyle=':', linewidth=1)
    axes[2].annotate(
      f'guessing {chance:.0f}',
      (1, chance),
      xycoords=('axes fraction', 'data'),
      xytext=(0, 3),
      textcoords='offset points',
      ha='right',
      color=style.GREY,
    )
    style.legend(figure, axes[0])
    style.save(figure, path)


def guessing(rows: Sequence[Mapping[str, Any]]) -> float:
  """Mean over the folds of the UAR of naming one class.

  Only classes with tests count, as in the curve of the tests; with those of the
  training where no epoch was tested.

  Args:
    rows: lines of metrics.jsonl.
  """

  def counted(split: str) -> list[tuple[str, Any]]:
    found = ((row['fold'], row.get(split, {}).get('confusion')) for row in rows)
    return [(fold, counts) for fold, counts in found if counts is not None]

  classes: dict[str, int] = {}
  for fold, counts in counted('test') or counted('train'):
    there = int(np.count_nonzero(np.sum(counts, axis=1)))
    classes[fold] = max(there, classes.get(fold, 1))
  return float(np.mean([1 / count for count in classes.values()]))


def learning_rate(
  rows: Sequence[Mapping[str, Any]],
  path: pathlib.Path,
  subtitle: str = '',
  footer: str = '',
) -> None:
  """The learning rate of each epoch; arguments as `learning_curves`."""
  rates = {row['epoch']: row['learning_rate'] for row in rows}
  epochs = sorted(rates)
  with mpl.rc_context(style.STYLE):
    figure = style.new_figure(6.5, 2.6, 'Learning rate', subtitle, footer)
    axis = figure.subplots()
    axis.plot(
      epochs,
      [rates[epoch] for epoch in epochs],
      color=style.COLORS['train'],
      drawstyle='steps-mid',
      marker='o' if len(epochs) < 3 else '',
    )
    axis.set_ylim(0, 1.1 * max(rates.values()))
    axis.ticklabel_format(axis='y', style='sci', scilimits=(0, 0))
    _epoch_axis(axis, rows)
    axis.set_ylabel('learning rate')
    axis.grid(axis='y')
    style.save(figure, path)


def _epoch_axis(axis: mpl_axes.Axes, rows: Iterable[Mapping[str, Any]]) -> None:
  axis.set_xlabel('epoch')
  axis.xaxis.set_major_locator(
    ticker.MaxNLocator(6, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1)
  )
  last = max(row['epoch'] for row in rows)
  axis.set_xlim(0.5 if last < 10 else 0, 1.02 * last + 0.5)


def _by_fold(
  rows: Iterable[Mapping[str, Any]], split: str, score: str
) -> tuple[np.ndarray, np.ndarray]:
  """Returns epochs (E,) and values (trials, E), NaN where there is none."""
  rows = [row for row in rows if split in row]
  names = dict.fromkeys((row['fold'], row.get('seed')) for row in rows)
  folds = {name: k for k, name in enumerate(names)}
  epochs = np.unique([row['epoch'] for row in rows])
  values = np.full((len(folds), len(epochs)), np.nan)
  for row in rows:
    column = np.searchsorted(epochs, row['epoch'])
    trial = folds[row['fold'], row.get('seed')]
    values[trial, column] = row[split][score]
  return epochs, values


def _draw_folds(
  axis: mpl_axes.Axes,
  epochs: np.ndarray,
  values: np.ndarray,
  color: str,
  label: str,
) -> None:
  """Draws (trials, epochs): mean, range and each."""
  marker = 'o' if len(epochs) < 3 else ''
  if len(values) > 1:
    low, high = np.nanmin(values, 0), np.nanmax(values, 0)
    axis.fill_between(epochs, low, high, color=color, alpha=0.13, linewidth=0)
    axis.plot(epochs, values.T, color=color, linewidth=0.5, alpha=0.35)
  mean = np.nanmean(values, 0)
  axis.plot(epochs, mean, color=color, marker=marker, label=label)
