"""The figure of table 1; `assemble.py` says what is in it."""

from __future__ import annotations

import pathlib

import matplotlib as mpl

from experiments.lib import published
from sernet_jax.results.figures import style

_TITLES = {'wa': 'WA', 'uar': 'UAR', 'f1_macro': 'macro F1'}


def figure(content: dict, path: pathlib.Path) -> None:
  """A line for each row, and one for each published figure."""
  rows = content['rows']
  texts = [
    f'{row["protocol"]}, {row["loss"].replace("_", "-")}'
    + (f', gamma {row["gamma"]:g}' if row['gamma'] is not None else '')
    + f'\n{row["epochs"]} of {row["epochs_of_the_paper"]} epochs, '
    f'{len(row["seeds"])} seed{"s" * (len(row["seeds"]) > 1)}'
    + (f', {len(row["folds"])} fold(s)' if row['folds'] else '')
    for row in rows
  ]
  theirs = list(published.LIGHT_SERNET_EMODB.items())
  texts += [
    f'published, {loss.replace("_", "-")}\nspeakers mixed, best on test'
    for loss, _ in theirs
  ]
  with mpl.rc_context(style.STYLE):
    picture = style.new_figure(
      10.0,
      0.8 + 0.48 * len(texts),
      'EMO-DB under several protocols, per cent',
      'Each protocol asks another question: figures of different rows are not '
      'a ranking.',
      '',
      'disc: last epoch; diamond: the same, BatchNorm statistics recomputed; '
      'bars: 95 % over speakers; hollow: best epoch on test; cross: published',
    )
    axes = picture.subplots(1, 3, sharex=True, sharey=True)
    color, second = style.COLORS['train'], style.COLORS['validation']
    for axis, (score, title) in zip(axes, _TITLES.items(), strict=True):
      for place, row in enumerate(rows):
        last = row['selections']['last']
        if last['ci95']:
          edges = [100 * edge for edge in last['ci95'][score]]
          axis.plot(edges, [place] * 2, color=color, linewidth=1.6)
        axis.plot(100 * last['pooled'][score], place, 'o', color=color)
        if 'last_recomputed' in row['selections']:
          found = row['selections']['last_recomputed']
          above = place - 0.22
          if found['ci95']:
            edges = [100 * edge for edge in found['ci95'][score]]
            axis.plot(edges, [above] * 2, color=second, linewidth=1.6)
          axis.plot(100 * found['pooled'][score], above, 'D', color=second)
        best = 100 * row['selections']['best_on_test']['pooled'][score]
        axis.plot(best, place, 'o', color=color, markerfacecolor='white')
      for place, (_, scores) in enumerate(theirs, start=len(rows)):
        axis.plot(scores[score], place, 'x', color=style.COLORS['test'])
      axis.set_title(title)
      axis.grid(axis='x')
      axis.set_yticks(range(len(texts)), texts)
      axis.set_ylim(len(texts) - 0.5, -0.5)
    style.save(picture, path)
