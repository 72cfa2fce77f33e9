"""Runs networks up the ladder of protocols of the page; resumable.

  python -m experiments.related.ladder --root=EMODB --networks=acrnn \
      --levels=L3 --folder=RUNS --output=experiments/related/results.json

  L0  ten random pairs of tenths, speakers mixed; the best epoch on the test
  L1  ten random folds, speakers mixed; the last epoch, statistics recomputed
  L2  unseen speakers; the best epoch on the test
  L3  unseen speakers; the best epoch on another speaker, nothing on the test

Each level is a run of `configs/NETWORK.py` in its own folder below --folder:
what was stopped resumes there, what is finished is read. --set changes fields of
the config, and --label then names the row; --epochs and --folds make a run
cheaper, which the row says. --record=ROW/LEVEL=SELECTION:PLACE takes a level from
a run, its results.json, or that of an experiment that keeps one; the folders of
several runs, with commas, are the folds of one.
"""

from __future__ import annotations

import argparse
import dataclasses
import pathlib
import sys
from collections.abc import Mapping
from typing import Any

import ml_collections

from experiments.lib import provenance, records
from sernet_jax.common import command_line, files
from sernet_jax.common.errors import require, require_choice
from sernet_jax.corpora.protocols import PROTOCOLS
from sernet_jax.results.formats import json_records
from sernet_jax.results.selections import SELECTIONS
from sernet_jax.runs import config_flags, run

CONFIGS = pathlib.Path(__file__).parents[2] / 'configs'


@dataclasses.dataclass(frozen=True)
class Level:
  """A level of the ladder.

  Attributes:
    protocol: its name.
    selection: of the run, that the level reports.
    validation: see `ProtocolSpec`.
  """

  protocol: str
  selection: str
  validation: str = 'none'


LEVELS = {
  'L0': Level('paper2021', 'best_on_test'),
  # Moving statistics keep 0.99 a step: after few epochs they are of no use.
  'L1': Level('random10', 'last_recomputed'),
  'L2': Level('loso', 'best_on_test'),
  'L3': Level('loso', 'validation', 'speaker'),
}


def settings(
  network: str,
  level: str,
  root: str = '',
  epochs: int = 0,
  folds: tuple[str, ...] = (),
  changes: Mapping[str, str] | None = None,
) -> ml_collections.ConfigDict:
  """Returns the config of one network at one level.

  Args:
    network: name of a file in configs/.
    level: one of `LEVELS`.
    root: folder of the corpus.
    epochs: 0 for those of the config.
    folds: names; () for all.
    changes: field -> value as text.

  Raises:
    InputError: if there is no such config or level.
  """
  require_choice('--levels', level, LEVELS)
  path = CONFIGS / f'{network}.py'
  require(path.is_file(), f'{path} does not exist; name a config of a network')
  config = config_flags.load_file(str(path))
  chosen = LEVELS[level]
  config.data.root = root
  config.protocol.name = chosen.protocol
  config.protocol.validation = chosen.validation
  config.protocol.best_on_test = chosen.selection == 'best_on_test'
  config.protocol.folds = folds
  config.train.epochs = epochs or config.train.epochs
  for field, text in (changes or {}).items():
    unknown = (
      f'--set={field} is not a field of configs/{network}.py; see '
      'docs/configuration.md'
    )
    records.change(config, field, text, unknown)
  return config


def row(results: Mapping[str, Any], selection: str) -> dict[str, Any]:
  """Returns a level's figures of the results.json of a run.

  Args:
    results: its content.
    selection: one that it reports.

  Raises:
    InputError: if it does not report the selection.
  """
  require_choice('the selection', selection, results['selections'])
  found = results['selections'][selection]
  pooled = found['pooled']
  return {
    **{name: pooled[name] for name in ('wa', 'uar', 'f1_macro')},
    'ci95': found['ci95'],
    'protocol': results['protocol'],
    'validation': results['validation'],
    'selection': selection,
    'epochs': results['epochs'],
    'folds': len(found['folds']),
    'seeds': len(results.get('seeds') or [0]),
    'tests': sum(map(sum, pooled['confusion'])),
    'seconds': results['seconds'],
    # All that the run reports, so that a reader sees what the choice is worth.
    'uar_by_selection': {
      name: each['pooled']['uar']
      for name, each in results['selections'].items()
    },
    'matrix': pooled['confusion'],
  }


def put(
  content: dict[str, Any],
  label: str,
  level: str,
  results: Mapping[str, Any],
  selection: str,
) -> None:
  """Puts one level of one network into the content of the output."""
  card = results['cost']
  entry = content['networks'].setdefault(label, {'ladder': {}})
  entry['parameters'] = card['parameters_trainable']
  entry['mflops'] = card['mflops']
  entry['fp16_bytes'] = card['fp16_bytes']
  found = {**entry['ladder'], level: row(results, selection)}
  _require_level(label, level, results['protocol'], selection)
  entry['ladder'] = dict(sorted(found.items()))  # from the bottom up


def _require_level(
  label: str, level: str, protocol: str, selection: str
) -> None:
  """Refuses figures that hear, or look at, what their level does not."""
  wanted = LEVELS[level]
  asked, entry = PROTOCOLS[wanted.protocol], PROTOCOLS[protocol]
  require(
    (entry.unit, entry.adapts, entry.trains_on_tests)
    == (asked.unit, asked.adapts, asked.trains_on_tests),
    f'{label}/{level} is of {asked.title}, and the run of {entry.title} '
    f'({protocol}); record it at its own level',
  )
  one, other = (
    SELECTIONS[name].optimistic for name in (wanted.selection, selection)
  )
  require(
    one == other,
    f'{label}/{level} has the weights of {wanted.selection}, and {selection} '
    f'{"looks" if other else "does not look"} at the answers of the tests; record '
    'it at its own level',
  )


def _pairs(texts: list[str]) -> dict[str, str]:
  """Splits NAME=VALUE."""
  for text in texts:
    require('=' in text, f'{text!r} has no =; write NAME=VALUE')
  return dict(text.split('=', 1) for text in texts)


def main(arguments: list[str]) -> None:
  """Runs what is asked for; writes after each level."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--root', default='', help='folder of EMO-DB')
  parser.add_argument('--networks', default='', help='configs, with commas')
  parser.add_argument('--levels', default='L3')
  parser.add_argument('--epochs', type=int, default=0)
  parser.add_argument('--folds', default='', help='names, with commas')
  parser.add_argument('--set', action='append', default=[], metavar='F=V')
  parser.add_argument('--label', default='')
  parser.add_argument('--record', action='append', default=[])
  parser.add_argument('--folder', type=pathlib.Path, default=pathlib.Path())
  parser.add_argument('--output', type=pathlib.Path, required=True)
  given = parser.parse_args(arguments)
  content: dict[str, Any] = {'networks': {}}
  if given.output.exists():
    content = files.read_json(given.output, ('networks',))

  def write(label: str, level: str) -> None:
    content['environment_ladder'] = provenance.record(
      'experiments.related.ladder', arguments
    )
    files.write_json(given.output, content)
    figures = content['networks'][label]['ladder'][level]
    print(f'{label} {level}: UAR {100 * figures["uar"]:.1f}', flush=True)

  for place, source in _pairs(given.record).items():
    label, _, level = place.partition('/')
    require_choice('--record', level, LEVELS)
    selection, _, path = source.partition(':')
    if ',' in path or pathlib.Path(path).is_dir():
      read = json_records.encode(records.joined(path.split(',')))
    else:
      read = files.read_json(pathlib.Path(path))
    put(content, label, level, read.get('results', read), selection)
    write(label, level)
  folds = tuple(filter(None, given.folds.split(',')))
  changes = _pairs(given.set)
  for network in filter(None, given.networks.split(',')):
    label = given.label or network
    for level in given.levels.split(','):
      config = settings(
        network, level, given.root, given.epochs, folds, changes
      )
      done = run.train(config, given.folder / f'{label}_{level}')
      results = json_records.encode(done)
      put(content, label, level, results, LEVELS[level].selection)
      write(label, level)


if __name__ == '__main__':
  sys.exit(command_line.run(lambda: main(sys.argv[1:])))
