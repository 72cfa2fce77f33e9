"""Table 1 from the folders of finished runs or sweeps, one row a protocol.

  python -m experiments.table1.assemble runs/loso runs/random10 ...

Figures under different protocols do not mean the same, so each row names its
own and nothing is tested across rows. Writes results.json, table1.png and the
tables of README.md beside this file; --output takes another folder. With --keep
the rows of its results.json stay that are not made anew, so that runs can be
added whose neighbors' folders are elsewhere. What lies between the rows is in
differences.py.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
from collections.abc import Sequence

import numpy as np

from experiments.lib import assemble, markdown, provenance, published
from experiments.table1 import differences, draw
from experiments.table1.differences import PROTOCOLS, SHOWN
from sernet_jax.common import command_line
from sernet_jax.common.errors import require
from sernet_jax.results import caveats, metrics
from sernet_jax.sweep import final_comparison
from sernet_jax.sweep.comparison import compare_runs

HERE = pathlib.Path(__file__).parent
WORDS = {
  'last': '**last**',
  'last_recomputed': '**last**, BatchNorm statistics recomputed',
  'best_on_test': 'best on test (optimistic)',
}
# What may differ from the paper's settings; the table says it.
_FREE = {
  'name',
  'seed',
  'train.seeds',
  'protocol.name',
  'protocol.folds',
  'loss.name',
  'loss.gamma',
}


def check(run: compare_runs.Run) -> None:
  """Refuses a run that does not belong in this table."""
  path, results = run.folder.path, run.results
  require(
    results.corpus == 'emodb',
    f'{path} is a run on {results.corpus!r}, and this table is about '
    "EMO-DB; name runs of configs/emodb.py with data.corpus='emodb'",
  )
  require(
    results.protocol in PROTOCOLS,
    f'{path} was made under the protocol {results.protocol!r}, which tests '
    f'nothing for this table; name runs of {", ".join(PROTOCOLS)}',
  )
  provenance.require_settings_of_the_paper(run, _FREE)


def rows_of(
  runs: list[compare_runs.Run], kept: Sequence[dict] = ()
) -> list[dict]:
  """One row for each protocol, loss and number of epochs, in this order.

  Args:
    runs: of one or several rows.
    kept: rows made before, which stay unless they are made anew.
  """
  groups: dict[tuple, list[compare_runs.Run]] = {}
  for run in runs:
    check(run)
    settings = run.settings
    key = _key(
      run.results.protocol,
      settings['loss.name'],
      settings['loss.gamma'],
      run.results.epochs,
      settings['protocol.folds'],
    )
    groups.setdefault(key, []).append(run)
  names = 'protocol', 'loss', 'gamma', 'epochs', 'folds'
  rows = {_key(*map(row.get, names)): row for row in kept}
  rows |= {key: _row(group) for key, group in groups.items()}
  return [rows[key] for key in sorted(rows)]


def _key(protocol, loss, gamma, epochs, folds) -> tuple:
  """Returns what makes a row, in the order of the table."""
  gamma = gamma if loss == 'focal' else 0
  return PROTOCOLS.index(protocol), loss, gamma, -epochs, tuple(folds)


def _row(runs: list[compare_runs.Run]) -> dict:
  settings = runs[0].settings
  loss = settings['loss.name']
  content = compare_runs.compare(runs, [])
  (setting,) = content['settings']
  results = runs[0].results
  seeds = sorted(seed for run in runs for seed in run.results.all_seeds)
  selections = {}
  for name in WORDS:
    if name not in setting['selections']:
      continue  # of runs made before there was last_recomputed
    mean = {
      score: float(
        np.mean([r.results.selections[name].mean[score] for r in runs])
      )
      for score in metrics.SCORES
    }
    selections[name] = {
      'pooled': setting['selections'][name]['scores'],
      'ci95': setting['selections'][name]['ci95'],
      'mean_of_folds': mean,
    }
  commands = [run.environment['command'] for run in runs]
  return {
    'protocol': results.protocol,
    'protocol_in_words': caveats.protocol(results.protocol)[0],
    'loss': loss,
    'gamma': settings['loss.gamma'] if loss == 'focal' else None,
    'epochs': results.epochs,
    'epochs_of_the_paper': published.LIGHT_SERNET_EPOCHS,
    'seeds': seeds,
    'folds': list(settings['protocol.folds']),
    'num_tests': content['num_tests'],
    'num_speakers': content['num_speakers'],
    'weights_dtype': content['weights_dtype'],
    'selections': selections,
    'notes': content['notes'],
    'commands': [provenance.without_paths(c) for c in commands],
    'environments': [
      provenance.without_machine(run.environment) for run in runs
    ],
  }


def table(rows: list[dict]) -> str:
  """Ours, then what others published; per cent."""
  lines = []
  for row in rows:
    loss = row['loss'].replace('_', '-')
    loss += f', gamma {row["gamma"]:g}' if row['gamma'] is not None else ''
    for name, selection in row['selections'].items():
      lines.append(
        [
          f'`{row["protocol"]}`',
          loss,
          differences.how_far(row),
          WORDS[name],
          row['num_tests'],
          *(
            markdown.percent(selection['pooled'], selection['ci95'], score)
            for score in SHOWN
          ),
          ' / '.join(
            f'{100 * selection["mean_of_folds"][score]:.1f}' for score in SHOWN
          ),
        ]
      )
  for loss, paper in published.LIGHT_SERNET_EMODB.items():
    lines.append(
      [
        'as `paper2021`',
        f'published, {loss.replace("_", "-")}',
        f'{published.LIGHT_SERNET_EPOCHS} epochs',
        'best on test (optimistic)',
        1070,
        *(f'{paper[score]:.2f}' for score in SHOWN),
        None,
      ]
    )
  for name, board in published.EMOBOX_EMODB.items():
    means = [f'{board[s]:.2f}' if s in board else '-' for s in SHOWN]
    lines.append(
      ['`emobox`', f'leaderboard, {name}', None, None, 535]
      + [None] * len(SHOWN)
      + [' / '.join(means)]
    )
  return markdown.table(
    [
      'protocol',
      'network',
      'trained',
      'epoch chosen',
      'tests',
      'WA [95 %]',
      'UAR [95 %]',
      'macro F1 [95 %]',
      'mean of folds: WA / UAR / F1',
    ],
    lines,
  )


def options(parser: argparse.ArgumentParser) -> None:
  """Adds the arguments of the command."""
  parser.add_argument('runs', nargs='+', type=pathlib.Path)
  assemble.add_keep(parser)


def content_of(given: argparse.Namespace) -> dict:
  """Returns the content of results.json."""
  folders = final_comparison.run_folders(given.runs)
  kept = assemble.kept_rows(given)
  require(
    bool(folders),
    f'{", ".join(map(str, given.runs))} hold no finished run yet; run the '
    'commands of the sweeps again to go on',
  )
  runs = [run for path in folders for run in compare_runs.read_all(path)]
  rows = rows_of(runs, kept)
  there = {row['protocol'] for row in rows}
  return {
    'question': 'How much of the published figure is the network, how much '
    'mixing speakers, how much choosing the epoch on the test set?',
    'rows': rows,
    'not_run': [name for name in PROTOCOLS if name not in there],
    'published': {
      'light_sernet': published.LIGHT_SERNET_EMODB,
      'emobox': published.EMOBOX_EMODB,
    },
    'answers': differences.answers(rows),
  }


def tables(content: dict) -> dict[str, str]:
  """Returns the tables of the page."""
  text = table(content['rows'])
  if content['not_run']:
    text += f'\n\nNot run: {", ".join(content["not_run"])}.'
  return {
    'table1': text,
    'answers': differences.table(content['answers']),
  }


def main(arguments: list[str]) -> None:
  """Runs the command; see the top of the file."""
  assemble.main(
    arguments,
    script=__file__,
    doc=__doc__,
    picture='table1.png',
    options=options,
    content=content_of,
    figure=draw.figure,
    tables=tables,
  )


if __name__ == '__main__':
  sys.exit(command_line.run(lambda: main(sys.argv[1:])))
