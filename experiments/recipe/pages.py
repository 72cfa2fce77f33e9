"""The tables and the figure of the recipe's page."""

from __future__ import annotations

import pathlib
from typing import Any

import matplotlib as mpl
import numpy as np

from experiments.lib import markdown
from experiments.recipe import design
from sernet_jax.results.figures import style

# The key of a curve of enrolment in results.json -> the kind of its network.
CURVES = {
  'adapted': 'recipe',
  'adapted_by_speaker': 'recipe_by_speaker',
  'committee': 'committee',
  'committee_mixed': 'committee_mixed',
}
_TITLES = {
  'recipe': 'recipe, mixed batches',
  'recipe_by_speaker': 'recipe, batches of one speaker',
  'committee': 'committee of small networks, batches of one speaker',
  'committee_mixed': 'committee of small networks, mixed batches',
}
_COLORS = {
  'recipe': style.COLORS['test'],
  'recipe_by_speaker': style.COLORS['train'],
  'committee': style.COLORS['validation'],
  'committee_mixed': style.COLORS['uar'],
}


def tables(made: dict[str, Any]) -> dict[str, str]:
  """The tables of the page."""
  lines = []
  for corpus, protocols in made.items():
    if corpus in ('design', 'environment', *CURVES):
      continue
    for protocol, kinds in protocols.items():
      for kind, row in kinds.items():
        uar = ', '.join(f'{100 * value:.1f}' for value in row['uar'])
        intervals = [markdown.interval(each) for each in row['ci95'] if each]
        lines.append(
          [
            corpus,
            f'`{protocol}`, {len(row.get("folds", []))} folds, '
            f'{row.get("tests", 0)} tests',
            kind,
            row['epochs'],
            _seeds(row['seed']),
            uar,
            _spread(row['uar']),
            ', '.join(intervals) or None,
            ', '.join(f'{100 * value:.1f}' for value in row.get('wa', []))
            or None,
          ]
        )
  result = {
    'figures': markdown.table(
      [
        'corpus',
        'protocol',
        'training',
        'epochs',
        'seeds',
        'UAR, per cent',
        'mean, SD',
        '95 %',
        'WA',
      ],
      lines,
    )
  }
  designs = made.get('design', {})
  whole = {name: each for name, each in designs.items() if each['effects']}
  if whole:
    result['effects'] = markdown.table(
      ['change', *(f'{corpus}, points of UAR' for corpus in whole)],
      [
        [
          f'`{change}`',
          *(f'{100 * d["effects"][change]:+.1f}' for d in whole.values()),
        ]
        for change in design.CHANGES
      ],
    )
  if designs:
    result['runs'] = markdown.table(
      ['corpus', 'on', 'UAR', '95 %'],
      [
        [
          corpus,
          ', '.join(f'`{name}`' for name in run['on']) or 'none',
          f'{100 * run["uar"]:.1f}',
          markdown.interval(run['ci95']),
        ]
        for corpus, each in designs.items()
        for run in each['runs']
      ],
    )
  curves = {
    kind: made[curve] for curve, kind in CURVES.items() if curve in made
  }
  for name, key, first in (
    ('adapted', 'rows', 'recordings heard first'),
    ('skewed', 'skewed', 'one emotion heard first'),
  ):
    lines = [
      [
        kind,
        row['enrolled'],
        f'{row["prior"]:g}',
        row['draws'],
        f'{100 * row["mean"]:.1f}',
        markdown.interval(row['ci95']),
      ]
      for kind, curve in curves.items()
      for row in curve.get(key, ())
    ]
    if lines:
      result[name] = markdown.table(
        ['training', first, 'prior', 'draws', 'UAR, mean', '95 %, one draw'],
        lines,
      )
  return result


def _spread(uar: list[float]) -> str | None:
  """Mean and standard deviation over three seeds or more."""
  if len(uar) < 3:
    return None
  # Of a sample, so that few seeds do not look steadier than they are.
  return f'{100 * np.mean(uar):.1f}, {100 * np.std(uar, ddof=1):.1f}'


def _seeds(seeds: list[Any]) -> str:
  """Number of seeds; of committees that of the networks of each."""
  if isinstance(seeds[0], list):
    return ', '.join(f'{len(each)} as one' for each in seeds)
  return str(len(seeds))


def figure(made: dict[str, Any], path: pathlib.Path) -> None:
  """Draws the UAR over the recordings that were heard first."""
  curves = {
    kind: made[curve] for curve, kind in CURVES.items() if curve in made
  }
  with mpl.rc_context(style.STYLE):
    picture = style.new_figure(
      7.0,
      3.2,
      'Recordings of a voice, heard before the test',
      'EMO-DB, the speaker unseen in training; no labels are used',
      '',
      'points: draws; band: 95 % over speakers of the first draw',
    )
    axis = picture.subplots()
    enrolled = {row['enrolled'] for c in curves.values() for row in c['rows']}
    # Numbers in their order, between nothing and everything.
    order = sorted(
      enrolled, key=lambda one: {'none': -1, 'all': np.inf}.get(one, one)
    )
    for kind, curve in curves.items():
      priors = sorted({row['prior'] for row in curve['rows']}, reverse=True)
      for prior, dashes in zip(priors, ('-', '--', ':'), strict=False):
        rows = [
          row
          for row in curve['rows']
          # What hears nobody has no prior, and belongs to every line.
          if prior == row['prior'] or row['enrolled'] == 'none'
        ]
        places = [order.index(row['enrolled']) for row in rows]
        low, high = (
          [100 * row['ci95'][edge] for row in rows] for edge in (0, 1)
        )
        color, means = _COLORS[kind], [100 * row['mean'] for row in rows]
        axis.fill_between(places, low, high, color=color, alpha=0.1, lw=0)
        axis.plot(
          places,
          means,
          dashes,
          color=color,
          label=f'{_TITLES[kind]}, prior {prior:g}',
        )
        for place, row in zip(places, rows, strict=True):
          values = [100 * value for value in row['uar']]
          axis.plot([place] * len(values), values, '.', color=color)
    axis.set_xticks(range(len(order)), [str(one) for one in order])
    axis.set_xlabel('recordings')
    axis.set_ylabel('UAR, per cent')
    if len(axis.lines) > 1:
      axis.legend(loc='lower right')
    style.save(picture, path)
