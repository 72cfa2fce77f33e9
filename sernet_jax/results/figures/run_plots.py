"""Figures of a run as PNG files: one function per figure, data in, file out.

Scores come in as fractions and are drawn in per cent. `canvas` gives them
their look.
"""

from __future__ import annotations

import math
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import ticker

from sernet_jax.results.figures import style
from sernet_jax.results.run_results import PooledResult, SpeakerResult


def learning_curves(
  rows: Sequence[Mapping[str, Any]],
  path: pathlib.Path,
  subtitle: str = '',
  synthetic: bool = False,
) -> None:
  """Loss, WA and UAR by epoch: mean over the folds, range, each fold thin.

  Args:
    rows: lines of metrics.jsonl.
    path: PNG to write.
    subtitle: second line of the title: corpus, protocol, weights.
    synthetic: adds the note that the speech is synthetic.
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
      11.0, 3.4, 'Learning curves', subtitle, synthetic, note
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
    chance = 100 / len(rows[0]['train']['confusion'])
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


def confusion_matrices(
  confusion,
  classes: Sequence[str],
  path: pathlib.Path,
  subtitle: str = '',
  synthetic: bool = False,
) -> None:
  """Counts, and per cent of each true class, side by side with numbers.

  Args:
    confusion: (C, C) counts, rows are the truth.
    classes: C names.
    path: PNG to write.
    subtitle: must name the selection and the weights.
    synthetic: see `learning_curves`.
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
      'Confusion matrix',
      subtitle,
      synthetic,
    )
    left, right = figure.subplots(1, 2, sharey=True)
    _draw_matrix(left, counts, counts.max(), '{:.0f}', classes)
    _draw_matrix(right, shares, 100, '{:.0f}', classes)
    left.set_title('Utterances')
    left.set_ylabel('truth')
    right.set_title('Per cent of each true class')
    style.save(figure, path)


def speaker_bars(
  speakers: Sequence[SpeakerResult],
  pooled: PooledResult,
  path: pathlib.Path,
  subtitle: str = '',
  synthetic: bool = False,
) -> None:
  """WA and UAR of each speaker beside those of all tests together.

  Args:
    speakers: entries of a selection's `speakers`.
    pooled: the selection's `pooled`.
    path: PNG to write.
    subtitle: must name the selection and the weights.
    synthetic: see `learning_curves`.
  """
  place = np.arange(len(speakers))
  width = float(np.clip(2.5 + 0.75 * len(speakers), 6.5, 16))
  with mpl.rc_context(style.STYLE):
    figure = style.new_figure(width, 3.3, 'Each speaker', subtitle, synthetic)
    axis = figure.subplots()
    for offset, score, line in ((-0.2, 'wa', '--'), (0.2, 'uar', ':')):
      heights = [100 * speaker[score] for speaker in speakers]
      name = f'{score.upper()} (line: all tests, {100 * pooled[score]:.1f})'
      color = style.COLORS[score]
      bars = axis.bar(place + offset, heights, 0.36, color=color, label=name)
      axis.axhline(100 * pooled[score], color=color, linestyle=line, zorder=0.9)
      if len(speakers) <= 16:
        axis.bar_label(bars, fmt='%.0f', padding=2, fontsize=8)
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


def learning_rate(
  rows: Sequence[Mapping[str, Any]],
  path: pathlib.Path,
  subtitle: str = '',
  synthetic: bool = False,
) -> None:
  """The learning rate of each epoch; arguments as `learning_curves`."""
  rates = {row['epoch']: row['learning_rate'] for row in rows}
  epochs = sorted(rates)
  with mpl.rc_context(style.STYLE):
    figure = style.new_figure(6.5, 2.6, 'Learning rate', subtitle, synthetic)
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


def feature_examples(
  features,
  names: Sequence[str],
  labels: Sequence[str],
  path: pathlib.Path,
  frame_step_s: float,
  coefficient_name: str = 'MFCC',
  subtitle: str = '',
  synthetic: bool = False,
) -> None:
  """One utterance of each class as the network sees it.

  Args:
    features: (C, frames, coefficients).
    names: C utterances.
    labels: C class names.
    path: PNG to write.
    frame_step_s: seconds from one frame to the next.
    coefficient_name: what the second axis counts.
    subtitle: see `learning_curves`.
    synthetic: see `learning_curves`.
  """
  features = np.asarray(features)
  columns = min(4, len(features))
  rows = math.ceil(len(features) / columns)
  # Without the tails: the zeroth cepstrum of silence would take all colours.
  low, high = np.percentile(features, [3, 97])
  extent = (0, features.shape[1] * frame_step_s, 0, features.shape[2])
  with mpl.rc_context(style.STYLE):
    figure = style.new_figure(
      max(6.5, 2.75 * columns),
      0.5 + 1.85 * rows,
      f'{coefficient_name} of one utterance per class',
      subtitle,
      synthetic,
    )
    axes = figure.subplots(
      rows, columns, sharex=True, sharey=True, squeeze=False
    )
    for axis, feature, name, label in zip(
      axes.flat, features, names, labels, strict=False
    ):
      image = axis.imshow(
        feature.T,
        aspect='auto',
        origin='lower',
        extent=extent,
        interpolation='nearest',
        cmap='viridis',
        vmin=low,
        vmax=high,
      )
      axis.set_title(style.plain(f'{style.short(label)} ({style.short(name)})'))
    for unused in axes.flat[len(features) :]:
      unused.set_visible(False)
    for column in range(columns):
      last = (len(features) - 1 - column) // columns
      axes[last, column].set_xlabel('time, s')
      axes[last, column].tick_params(labelbottom=True)
    for axis in axes[:, 0]:
      axis.set_ylabel(coefficient_name)
    figure.colorbar(
      image, ax=axes, shrink=0.6, label='value', pad=0.01, extend='both'
    )
    style.save(figure, path)


def _epoch_axis(axis, rows: Iterable[Mapping[str, Any]]) -> None:
  axis.set_xlabel('epoch')
  axis.xaxis.set_major_locator(
    ticker.MaxNLocator(6, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1)
  )
  last = max(row['epoch'] for row in rows)
  axis.set_xlim(0.5 if last < 10 else 0, 1.02 * last + 0.5)


def _by_fold(
  rows: Iterable[Mapping[str, Any]], split: str, score: str
) -> tuple[np.ndarray, np.ndarray]:
  """Epochs (E,) and values (trials, E) with NaN where a trial has none."""
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


def _draw_folds(axis, epochs, values, color: str, label: str) -> None:
  marker = 'o' if len(epochs) < 3 else ''
  if len(values) > 1:
    low, high = np.nanmin(values, 0), np.nanmax(values, 0)
    axis.fill_between(epochs, low, high, color=color, alpha=0.13, linewidth=0)
    axis.plot(epochs, values.T, color=color, linewidth=0.5, alpha=0.35)
  mean = np.nanmean(values, 0)
  axis.plot(epochs, mean, color=color, marker=marker, label=label)


def _draw_matrix(axis, values, top: float, form: str, classes) -> None:
  # The aspect is left free, so that long names find room.
  axis.imshow(values, cmap='Blues', vmin=0, vmax=top, aspect='auto')
  for (row, column), value in np.ndenumerate(values):
    axis.text(
      column,
      row,
      '-' if np.isnan(value) else form.format(value),
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
