"""Writes the table and the picture of the ladder from the records.

  python -m experiments.related.report

Reads results.json here, which `experiments.related.ladder` and
`experiments.related.costs` fill, Light-SERNet with mixed voices from
experiments/table1, and our own training from experiments/recipe; puts these two
into results.json, so that it has all rows of the table.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
from typing import Any

import matplotlib as mpl

from experiments.lib import markdown, published
from sernet_jax.common import command_line, files
from sernet_jax.common.errors import require, require_choice
from sernet_jax.results.figures import style

HERE = pathlib.Path(__file__).parent
PAPER_LOSS = 'cross_entropy'
# Level -> what it is, the color of its points.
LEVELS = {
  'L0': ('voices mixed, best epoch on the test', '#D55E00'),
  'L1': ('voices mixed, test untouched', '#E69F00'),
  'L2': ('unseen voices, best epoch on the test', '#56B4E9'),
  'L3': ('unseen voices, test untouched', '#0072B2'),
}
# Of a level, in the table.
SHOWN = ('uar', 'wa', 'ci95', 'epochs', 'folds', 'seeds')
# Key of the records -> name in the table, and of its published figures.
NAMES = {
  'svm_egemaps': ('eGeMAPS, linear SVM', 'svm_egemaps'),
  'svm_egemaps_per_speaker': (
    'the same, scaled by each speaker',
    'svm_egemaps_per_speaker',
  ),
  'light_sernet_paper': ("Light-SERNet, the paper's training", 'light_sernet'),
  'light_sernet_recipe': ('Light-SERNet, our training', ''),
  'acrnn_1': ('3-D ACRNN, one convolution', 'acrnn_1'),
  'acrnn_1_linear': ('the same, BatchNorm behind the linear layer', ''),
  'acrnn': ('3-D ACRNN', 'acrnn'),
  'bcrnn': ('binary ACRNN', 'bcrnn'),
  'cpac': ('CPAC', 'cpac'),
  'drn': ('dilated residual network', 'drn'),
  'gmtcn': ('GM-TCN', 'gmtcn'),
  'lflb': ('LFLB network', 'lflb'),
  'multipath': ('multi-path spectrogram', 'multipath'),
  'timnet': ('TIM-Net', 'timnet'),
  'separable': ('separable convolutions', 'separable'),
}


def read(
  results: pathlib.Path = HERE / 'results.json',
  experiments: pathlib.Path = HERE.parent,
) -> dict[str, Any]:
  """Returns the ladder's results with every row of the table.

  Args:
    results: of the ladder.
    experiments: folder with those of table1 and of recipe.

  Returns:
    `networks`, key -> record in the order of `NAMES`, and what else is there.

  Raises:
    InputError: if a row lacks what the table shows.
  """
  content = files.read_json(results, {'networks': dict})
  found = dict(content['networks'])
  for key, record in found.items():
    _require_whole(f'{key} in {results}', record)
  paper = found.setdefault('light_sernet_paper', {'ladder': {}})
  table1 = files.read_json(experiments / 'table1' / 'results.json', ('rows',))
  mixed = _mixed(table1['rows'])
  found['light_sernet_paper'] = {
    **paper,
    'ladder': dict(sorted({**paper['ladder'], **mixed}.items())),
  }
  recipe = files.read_json(experiments / 'recipe' / 'results.json', ('emodb',))
  found['light_sernet_recipe'] = {
    **_our_training(recipe['emodb']['loso']),
    **{
      name: value
      for name, value in found.get('light_sernet_recipe', {}).items()
      if name != 'ladder'
    },
  }
  rows = {key: found[key] for key in [*NAMES, *found] if key in found}
  return {**content, 'networks': rows}


def _require_whole(where: str, record: Any) -> None:
  """Refuses a row without what the table shows, or with a level of its own."""
  record = record if isinstance(record, dict) else {}
  ladder = record.get('ladder')
  require(
    isinstance(ladder, dict),
    f'{where} has no ladder; record a level with experiments.related.ladder, or '
    'its costs with experiments.related.costs',
  )
  for level, row in ladder.items():
    require_choice(f'a level of {where}', level, LEVELS)
    lacks = [name for name in SHOWN if name not in row]
    require(
      not lacks,
      f'{level} of {where} lacks {", ".join(lacks)}; record it again with '
      'experiments.related.ladder',
    )


def _mixed(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
  """Finds the longest trainings of the paper's network with mixed voices."""
  levels = {
    'L0': ('paper2021', 'best_on_test'),
    'L1': ('random10', 'last_recomputed'),
  }
  found = {}
  for level, (protocol, selection) in levels.items():
    row = max(
      (r for r in rows if (r['protocol'], r['loss']) == (protocol, PAPER_LOSS)),
      key=lambda r: r['epochs'],
    )
    chosen = row['selections'][selection]
    found[level] = {
      **{name: chosen['pooled'][name] for name in ('wa', 'uar', 'f1_macro')},
      'ci95': chosen['ci95'],
      'epochs': row['epochs'],
      'selection': selection,
      'folds': len(row['folds']) or 10,  # none are named where all were run
      'seeds': len(row['seeds']),
      'tests': row['num_tests'],
    }
  return found


def _our_training(kinds: dict[str, Any]) -> dict[str, Any]:
  """Takes the mean over the seeds of our own training."""
  own = kinds['recipe']
  seeds = len(own['uar'])
  row = {
    **{name: sum(own[name]) / seeds for name in ('wa', 'uar')},
    'ci95': None,  # each seed has one of its own
    **{name: own[name] for name in ('epochs', 'selection')},
    'folds': len(own['folds']),
    'seeds': seeds,
    'tests': own['tests'] * seeds,
  }
  return {'parameters': own['parameters'], 'ladder': {'L3': row}}


def tables(records: dict[str, Any]) -> dict[str, str]:
  """Returns name of a place in README.md -> table."""
  rows = []
  for key, record in records.items():
    name, where = NAMES.get(key, (key, ''))
    figures = published.LADDER.get(where, {})
    costs = [
      _number(record.get('parameters')),
      _number(record.get('mflops')),
      _number(record.get('fp16_bytes')),
      _seconds(record.get('seconds_per_epoch')),
      _seconds(record.get('latency_ms')),
    ]
    if not record['ladder']:  # not trained: what is known of it
      for level, told in (figures or {None: None}).items():
        known = told and f'{told[0]:.1f}'
        rows.append([name, level, *[None] * 3, known, *[None] * 3, *costs])
    for level, row in record['ladder'].items():
      interval = {'uar': row['ci95']['uar']} if row['ci95'] else None
      f1 = row.get('f1_macro')
      told = figures.get(level)
      rows.append(
        [
          name,
          level,
          markdown.percent(row, interval, 'uar'),
          f'{100 * row["wa"]:.1f}',
          None if f1 is None else f'{100 * f1:.1f}',
          None if told is None else f'{told[0]:.1f}',
          row['epochs'],
          f'{row["folds"]} x {row["seeds"]}',
          row.get('tests'),
          *costs,
        ]
      )
  header = [
    'system',
    'level',
    'UAR, 95 %',
    'WA',
    'F1',
    'published UAR',
    'epochs',
    'folds x seeds',
    'tests',
    'parameters',
    'MFLOPs',
    'fp16 bytes',
    's per epoch',
    'ms per utterance',
  ]
  return {'ladder': markdown.table(header, rows)}


def _number(value: float | None) -> str | None:
  return None if value is None else f'{value:,.0f}'


def _seconds(value: float | None) -> str | None:
  if value is None:
    return None
  return f'{value:.1f}' if value < 100 else f'{value:,.0f}'


def figure(records: dict[str, Any], path: pathlib.Path) -> None:
  """Draws what was published beside what was measured."""
  names = {key: NAMES.get(key, (key, '')) for key in [*NAMES, *records]}
  keys = [
    key
    for key, (_, where) in names.items()
    if records.get(key, {}).get('ladder') or where in published.LADDER
  ]
  with mpl.rc_context(style.STYLE):
    picture = style.new_figure(
      8.4,
      0.62 * len(keys) + 0.9,
      'Published beside measured',
      'EMO-DB, unweighted average recall in per cent; hollow: published; filled: '
      'measured here, with 95 % intervals over speakers; crosses: measured, but '
      'after less than half of the epochs that the authors train',
    )
    axis = picture.subplots()
    for place, key in enumerate(keys):
      ladder = records.get(key, {}).get('ladder', {})
      told = published.LADDER.get(names[key][1], {})
      for number, (level, (_, color)) in enumerate(LEVELS.items()):
        height = place + 0.17 * (number - 1.5)
        if level in told:
          axis.plot(told[level][0], height, 'o', mec=color, mfc='white', ms=6)
        if level in ladder:
          whole = published.EPOCHS.get(names[key][1], 0)
          beside = told[level][0] if level in told else 0.0
          _measured(axis, ladder[level], height, color, whole, beside)
    for name, color in LEVELS.values():
      axis.plot([], [], 'o', color=color, label=name)
    axis.set_yticks(range(len(keys)), [names[key][0] for key in keys])
    axis.set_ylim(len(keys) - 0.4, -0.6)
    axis.grid(axis='x')
    axis.set_xlabel('UAR, per cent')
    axis.legend(
      loc='upper center',
      bbox_to_anchor=(0.4, -0.42 / len(keys) - 0.06),
      ncols=2,
    )
    style.save(picture, path)


def _measured(
  axis: Any,
  row: dict[str, Any],
  height: float,
  color: str,
  whole: int,
  beside: float,
) -> None:
  """Draws one measured figure with its interval and its epochs.

  Args:
    axis: to draw on.
    row: of a level.
    height: where.
    color: of the level.
    whole: epochs that the authors train; 0 where there is no such number.
    beside: published figure, 0 without one.
  """
  value = 100 * row['uar']
  early = bool(row['epochs']) and 2 * row['epochs'] < whole
  axis.plot(value, height, 'x' if early else 'o', color=color, ms=6)
  low = high = value
  if row['ci95']:
    low, high = (100 * edge for edge in row['ci95']['uar'])
    axis.plot([low, high], [height] * 2, color=color, lw=1.5)
  notes = []
  if row['epochs']:
    of = f' of {whole}' if early else ''
    notes.append(f'{row["epochs"]}{of} epochs')
  if row['folds'] < 10:
    notes.append(f'{row["folds"]} folds')
  left = beside > high  # the words would stand on the published figure
  axis.text(
    low - 1.0 if left else high + 1.0,
    height,
    ', '.join(notes),
    va='center',
    ha='right' if left else 'left',
    size=6,
    color=style.GREY,
  )


def main(argv: list[str]) -> None:
  """Runs the command."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--output', type=pathlib.Path, default=HERE)
  given = parser.parse_args(argv)
  content = read()
  records = content['networks']
  files.write_json(given.output / 'results.json', content)
  for name, text in tables(records).items():
    markdown.fill(given.output / 'README.md', name, text)
  figure(records, given.output / 'published.png')


if __name__ == '__main__':
  sys.exit(command_line.run(lambda: main(sys.argv[1:])))
