"""Assembles what fp16 and int8 files lose on unseen speakers, from exports.

  python -m experiments.precision.assemble EXPORTS/summary.json ...

A summary is what `sernet_jax.export --all_folds --output=EXPORTS` leaves: every
fold's file on its own test, beside the JAX model in float32. Writes
results.json, precision.png and the first table of README.md beside this file;
the timings that results.json holds stay. --output takes another folder.
"""

from __future__ import annotations

import argparse
import pathlib
import sys

import matplotlib as mpl
import numpy as np

from experiments.lib import assemble, markdown, provenance
from sernet_jax.common import command_line, files
from sernet_jax.common.errors import require
from sernet_jax.results import statistics
from sernet_jax.results.figures import style

HERE = pathlib.Path(__file__).parent
_KINDS = {
  'last': 'moving statistics',
  'last_recomputed': 'recomputed statistics',
}


def rows_of(summary: dict) -> list[dict]:
  """A row for each format and precision, all folds together."""
  groups: dict[tuple[str, str], list[dict]] = {}
  for fold in summary['folds']:
    groups.setdefault((fold['format'], fold['precision']), []).append(fold)
  for folds in groups.values():
    names = [fold['fold'] for fold in folds]
    twice = [
      name for name in names if ', seed ' in name or names.count(name) > 1
    ]
    require(
      not twice,
      f'the summary has the fold {twice[0] if twice else ""}: a speaker would '
      'count once for each seed, which makes intervals too narrow; export a run '
      'of one seed',
    )
  return [_row(summary, *key, folds) for key, folds in groups.items()]


def _row(summary, form, precision, folds) -> dict:
  jax, file = (
    np.array([[fold[f'confusion_{kind}'] for fold in folds]])
    for kind in ('jax', 'file')
  )
  ours, theirs = statistics.scores(jax), statistics.scores(file)
  return {
    'selection': summary['model']['selection'],
    'format': form,
    'precision': precision,
    'folds': {
      fold['fold']: {'jax': fold['jax'], 'file': fold['exported']}
      for fold in folds
    },
    'num_tests': int(file.sum()),
    'file_bytes': max(fold['file_bytes'] for fold in folds),
    'weights_bytes': max(fold['weights_bytes'] for fold in folds),
    'largest_difference': max(fold['largest_difference'] for fold in folds),
    'same_labels': float(
      np.average(
        [fold['same_labels'] for fold in folds],
        weights=[fold['num_recordings'] for fold in folds],
      )
    ),
    'jax': ours,
    'file': theirs,
    'difference': {name: theirs[name] - ours[name] for name in ours},
    'difference_ci95': statistics.ci95(file, jax),
    'p': statistics.permutation_test(file, jax),
  }


def table(rows: list[dict]) -> str:
  """A line for each row; per cent and points of 100."""

  def change(row, score):
    text = f'{100 * row["difference"][score]:+.2f}'
    if row['difference_ci95']:
      low, high = (100 * x for x in row['difference_ci95'][score])
      text += f' [{low:+.1f}, {high:+.1f}]'
    return text

  lines = [
    [
      f'`{row["selection"]}`',
      f'{row["format"]} {row["precision"]}',
      f'{row["weights_bytes"] / 2**20:.2f} MiB',
      f'{row["file_bytes"] / 2**20:.2f} MiB',
      f'{row["largest_difference"]:.1e}',
      f'{100 * row["same_labels"]:.1f} %',
      f'{100 * row["jax"]["uar"]:.2f}',
      f'{100 * row["file"]["uar"]:.2f}',
      change(row, 'uar'),
      change(row, 'wa'),
      None if row['p'] is None else f'{row["p"]:.2f}',
    ]
    for row in rows
  ]
  return markdown.table(
    [
      'selection',
      'file',
      'weights',
      'whole file',
      'largest difference',
      'same label',
      'UAR, JAX float32',
      'UAR, file',
      'UAR changes by [95 %]',
      'WA changes by [95 %]',
      'p (UAR)',
    ],
    lines,
  )


def figure(content: dict, path: pathlib.Path) -> None:
  """Draws how the UAR changes, with its interval, for every file."""
  rows = content['rows']
  names = [f'{row["format"]} {row["precision"]}' for row in rows]
  kinds = list(dict.fromkeys(row['selection'] for row in rows))
  order = list(dict.fromkeys(names))
  colors = dict(
    zip(_KINDS, (style.COLORS['train'], style.COLORS['test']), strict=True)
  )
  with mpl.rc_context(style.STYLE):
    picture = style.new_figure(
      8.5,
      0.6 + 0.42 * len(order),
      'What a file loses on unseen speakers',
      'EMO-DB, loso, every fold exported and tested on its own speaker, '
      'against the same model in JAX, float32',
      '',
      'bars: 95 % over speakers',
    )
    axis = picture.subplots()
    for name, row in zip(names, rows, strict=True):
      place = order.index(name) + 0.22 * kinds.index(row['selection'])
      color = colors[row['selection']]
      if row['difference_ci95']:
        edges = [100 * edge for edge in row['difference_ci95']['uar']]
        axis.plot(edges, [place] * 2, color=color, linewidth=1.6)
      axis.plot(100 * row['difference']['uar'], place, 'o', color=color)
    for kind in kinds:
      label = _KINDS[kind]
      axis.plot([], [], 'o', color=colors[kind], label=label)
    sizes = {
      name: row['weights_bytes'] for name, row in zip(names, rows, strict=True)
    }
    axis.set_yticks(
      range(len(order)),
      [f'{name}, {sizes[name] / 2**20:.2f} MiB' for name in order],
    )
    axis.set_ylim(len(order) - 0.4, -0.5)
    axis.axvline(0, color=style.GREY, linewidth=1)
    axis.set_xlabel('change of UAR, points of 100')
    axis.grid(axis='x')
    style.legend(picture, axis)
    style.save(picture, path)


def options(parser: argparse.ArgumentParser) -> None:
  """Adds the arguments of the command."""
  parser.add_argument('summaries', nargs='+', type=pathlib.Path)


def content_of(given: argparse.Namespace) -> dict:
  """Returns the content of results.json."""
  keys = ('model', 'folds', 'environment')
  summaries = [files.read_json(path, keys) for path in given.summaries]
  for path, summary in zip(given.summaries, summaries, strict=True):
    kind, protocol = (summary['model'][k] for k in ('selection', 'protocol'))
    require(
      protocol == 'loso',
      f'{path} is about folds of the protocol {protocol!r}, which are not '
      "speakers; export a run with protocol.name='loso'",
    )
    require(
      kind in _KINDS,
      f'{path} is about the selection {kind!r}; this table holds '
      f'{" and ".join(_KINDS)}, which no test chose',
    )
  content = {
    'question': 'What do fp16 and int8 files lose on unseen speakers?',
    'runs': [
      {
        'model': summary['model'],
        'command': provenance.without_paths(summary['environment']['command']),
        'environment': provenance.without_machine(summary['environment']),
      }
      for summary in summaries
    ],
    'rows': [row for summary in summaries for row in rows_of(summary)],
  }
  before = given.output / 'results.json'
  if before.exists():
    content['speed'] = files.read_json(before).get('speed')
  return content


def main(arguments: list[str]) -> None:
  """Runs the command; see the top of the file."""
  assemble.main(
    arguments,
    script=__file__,
    doc=__doc__,
    picture='precision.png',
    options=options,
    content=content_of,
    figure=figure,
    tables=lambda content: {'precision': table(content['rows'])},
  )


if __name__ == '__main__':
  sys.exit(command_line.run(lambda: main(sys.argv[1:])))
