"""Draws the learning curve of a start from trained weights, beside scratch.

  python -m experiments.fine_tuning.curve train --corpus=ravdess --root=FOLDER --runs=RUNS
  python -m experiments.fine_tuning.curve draw --runs=RUNS --output=FOLDER

`train` trains under `loso` with 1, 5, 20 and all recordings of each class and
speaker left out, from scratch and from the weights in the package; a run that is
finished is not trained again. `--epochs`, `--folds` and `--shots` make a short
try, and whatever differs from the default is written beside the figures.
`--config=recipe:manifest` and `--set FIELD=VALUE` train otherwise, for example
from `emodb_small`. `draw`
reads what is there: results.json, curve.png and a table on the terminal.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl

from experiments.lib import markdown, provenance, records
from sernet_jax.common import command_line, files
from sernet_jax.common.errors import require
from sernet_jax.results import run_folder
from sernet_jax.results.figures import style
from sernet_jax.runs import config_flags, defaults, differences, run

SHOTS = (1, 5, 20, 0)  # 0: all there are
SELECTION = 'last_recomputed'  # no test chooses it
_WAYS = {'scratch': '', 'started': 'emodb'}
# What may differ along a curve, and between the two.
_OF_CURVE = {'name', 'protocol.shots'}
_OF_WAYS = {'train.start_from', 'train.freeze', 'train.new_head'}
_COLORS = {'scratch': '#0072B2', 'started': '#D55E00'}


def train(given: argparse.Namespace) -> None:
  """Trains what is not trained yet."""
  for shots in given.shots:
    for way, source in _WAYS.items():
      config = defaults.get_config()
      if given.config:
        config = config_flags.load_file(given.config)
      config.data.corpus = given.corpus
      where = 'manifest' if given.corpus == 'manifest' else 'root'
      config.data[where] = given.root
      config.train.epochs = given.epochs
      for text in given.set:
        field, _, value = text.partition('=')
        unknown = f'--set {text}: there is no field {field!r}'
        records.change(config, field, value, unknown)
      config.name = f'{given.corpus}-{way}-{shots or "all"}'
      config.train.start_from = source and (given.start_from or source)
      config.protocol.shots = shots
      config.protocol.folds = tuple(filter(None, given.folds.split(',')))
      config.protocol.best_on_test = False
      run.train(config, given.runs / config.name)


def rows(folder: pathlib.Path) -> list[dict[str, Any]]:
  """Reads the runs below a folder, one row for each, by shots and way."""
  found = []
  first: dict[str, dict[str, Any]] = {}  # way -> settings
  for path in sorted(folder.glob('*/results.json')):
    one = run_folder.RunFolder(path.parent)
    config, results = one.read_config(), one.read_results()
    _require_alike(path.parent, config, first)
    selection = results.selections[SELECTION]
    ci95 = selection.ci95
    found.append(
      {
        'way': 'started' if config['train']['start_from'] else 'scratch',
        'shots': config['protocol']['shots'],
        'corpus': results.corpus,
        'size': config['model'].get('size', 'paper'),
        'epochs': results.epochs,
        'folds': len(selection.folds),
        'tests': results.num_tests,
        'uar': selection.pooled.uar,
        'ci95': list(ci95['uar']) if ci95 else None,
        'guess': 1 / len(results.classes),
      }
    )
  require(
    bool(found),
    f'{folder} has no finished run; train some with the command train',
  )
  same = {(row['corpus'], row['epochs'], row['folds']) for row in found}
  require(
    len(same) == 1,
    f'{folder} has runs of different corpora, epochs or folds '
    f'({", ".join(map(str, sorted(same)))}); keep each kind in a folder of its '
    'own',
  )
  return sorted(found, key=lambda row: (row['shots'] or 10**9, row['way']))


def _require_alike(
  path: pathlib.Path, config: dict[str, Any], first: dict[str, dict[str, Any]]
) -> None:
  """Refuses a run that differs from others in more than a curve has.

  Args:
    path: of the run.
    config: its settings.
    first: way -> settings of the first run of that way; grows.
  """
  way = 'started' if config['train']['start_from'] else 'scratch'
  for other, settings in {**first, way: first.setdefault(way, config)}.items():
    own = _OF_WAYS if other != way else set()
    unlike = differences.between(
      config, settings, {*differences.FREE, *_OF_CURVE, *own}
    )
    require(
      not unlike,
      f'{path} differs from other runs in {unlike[0][0] if unlike else ""}, not in '
      'protocol.shots and the start alone; keep each kind in a folder of its own',
    )


def table(found: Sequence[dict[str, Any]]) -> str:
  """Writes UAR by recordings of each class, both ways side by side."""
  lines = []
  for shots in dict.fromkeys(row['shots'] for row in found):
    by_way = {row['way']: row for row in found if row['shots'] == shots}
    cells = [str(shots) if shots else 'all']
    for way in _WAYS:
      row = by_way.get(way)
      cells.append(markdown.uar(row) if row else '')
    lines.append(cells)
  return markdown.table(['recordings of each class', *_WAYS], lines)


def about(found: Sequence[dict[str, Any]]) -> str:
  """Says what the figures are of: all that may be less than a full training."""
  row = found[0]
  return (
    f'{row["corpus"]}, speakers unseen, size {row["size"]}, {row["folds"]} folds, '
    f'{row["epochs"]} epochs, {row["tests"]} tests; {SELECTION}, float16'
  )


def figure(found: Sequence[dict[str, Any]], path: pathlib.Path) -> None:
  """Draws UAR over recordings of each class."""
  places = list(dict.fromkeys(row['shots'] for row in found))
  with mpl.rc_context(style.STYLE):
    picture = style.new_figure(
      6.5,
      3.4,
      'Start from trained weights',
      about(found),
      note='bars: 95 % over speakers; dotted: guessing',
    )
    axis = picture.subplots()
    for side, way in zip((-0.06, 0.06), _WAYS, strict=True):
      own = [row for row in found if row['way'] == way]
      across = [places.index(row['shots']) + side for row in own]
      color = _COLORS[way]
      axis.plot(
        across, [100 * row['uar'] for row in own], 'o-', color=color, label=way
      )
      for place, row in zip(across, own, strict=True):
        if row['ci95']:
          axis.plot(
            [place] * 2, [100 * edge for edge in row['ci95']], color=color
          )
    axis.axhline(100 * found[0]['guess'], color=style.GREY, linestyle=':')
    axis.set_xticks(
      range(len(places)), [str(shots) if shots else 'all' for shots in places]
    )
    axis.set(xlabel='recordings of each class', ylabel='UAR, per cent')
    axis.set_ylim(0, 100)
    axis.grid(axis='y')
    style.legend(picture, axis)
    style.save(picture, path)


def draw(given: argparse.Namespace) -> None:
  """Writes results.json and curve.png, prints the table."""
  found = rows(given.runs)
  if given.name:
    found = [row | {'corpus': given.name} for row in found]
  record = provenance.record('experiments.fine_tuning.curve', sys.argv[1:])
  files.write_json(
    given.output / 'results.json',
    {'about': about(found), 'rows': found, 'environment': record},
  )
  figure(found, given.output / 'curve.png')
  print(f'{about(found)}\n\n{table(found)}')


def main(arguments: Sequence[str]) -> None:
  """Runs the command."""
  parser = argparse.ArgumentParser(description=(__doc__ or '').splitlines()[0])
  commands = parser.add_subparsers(required=True)
  trains, draws = commands.add_parser('train'), commands.add_parser('draw')
  trains.set_defaults(command=train)
  trains.add_argument('--corpus', required=True)
  trains.add_argument('--root', required=True)
  trains.add_argument('--config', default='', help='instead of the defaults')
  trains.add_argument('--set', action='append', default=[], help='FIELD=VALUE')
  trains.add_argument('--epochs', type=int, default=300)
  trains.add_argument('--folds', default='', help='some, with commas')
  trains.add_argument('--start_from', default='', help='instead of emodb')
  trains.add_argument(
    '--shots',
    default=SHOTS,
    type=lambda text: tuple(map(int, text.split(','))),
    help='0 for all',
  )
  draws.set_defaults(command=draw)
  draws.add_argument('--name', default='', help='of the corpus of a manifest')
  draws.add_argument('--output', type=pathlib.Path, required=True)
  for one in (trains, draws):
    one.add_argument('--runs', type=pathlib.Path, required=True)
  given = parser.parse_args(arguments)
  given.command(given)


if __name__ == '__main__':
  sys.exit(command_line.run(lambda: main(sys.argv[1:])))
