r"""Runs networks up the ladder of protocols of the page; resumable.

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
from collections.abc import Mapping, Sequence
from typing import Any

import ml_collections

from experiments.lib import provenance, records
from sernet_jax.common import command_line, files
from sernet_jax.common.errors import InputError, require, require_choice
from sernet_jax.corpora.protocols import PROTOCOLS
from sernet_jax.results.formats import json_records, results_json
from sernet_jax.results.run_results import Results
from sernet_jax.results.selections import SELECTIONS
from sernet_jax.runs import config_flags, run

CLASSES = 7  # of EMO-DB
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
    InputError: if there is no such config or level, or another task.
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
  data = config.data
  others = {
    name: data[name] for name in ('corpus', 'corpora', 'classes') if data[name]
  }
  require(
    others == {'corpus': 'emodb'},
    f'configs/{network}.py has {others} of data, and the ladder is of all '
    'classes of emodb; leave out what changes them',
  )
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
  """Puts one level of one network into the content of the output.

  Raises:
    InputError: if the run is of another corpus, level or network than the row.
  """
  found = row(results, selection)
  _require_corpus(f'{label}/{level}', results['corpus'], results['classes'])
  _require_level(label, level, results['protocol'], selection)
  card = results['cost']
  entry = content['networks'].setdefault(label, {'ladder': {}})
  own = card['parameters_trainable']
  require(
    entry.get('parameters', own) == own,
    f'the row {label} is of a network with {entry.get("parameters", 0):,} '
    f'parameters, and the run of one with {own:,}; record it in a row of its own',
  )
  entry['parameters'] = own
  # Runs may hear longer tests than the config, for which `costs` counts.
  entry.setdefault('mflops', card['mflops'])
  entry['fp16_bytes'] = card['fp16_bytes']
  entry['ladder'] = dict(  # from the bottom up
    sorted({**entry.get('ladder', {}), level: found}.items())
  )


def _require_corpus(place: str, corpus: str, classes: Sequence[str]) -> None:
  """Refuses figures on other recordings, or on fewer classes, than EMO-DB's."""
  require(
    corpus == 'emodb' and len(classes) == CLASSES,
    f'{place} is of the {CLASSES} classes of emodb, and the run of '
    f'{len(classes)} of {corpus}; a ladder has one task, so leave it out',
  )


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


def _recorded(path: str) -> Results:
  """Reads the results of a run, of one that is kept, or of several runs.

  Raises:
    InputError: if there are none.
  """
  if ',' in path or pathlib.Path(path).is_dir():
    return records.joined(path.split(','))
  content = files.read_json(pathlib.Path(path))
  try:
    return results_json.decode(content.get('results', content))
  except json_records.MismatchError as error:
    raise InputError(
      f'{path} holds no results of a run ({error}); name the folder of a '
      'finished one'
    ) from error


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
    require(
      bool(label and path),
      f'--record={place}={source} names no row or no run; write '
      'ROW/LEVEL=SELECTION:PLACE',
    )
    put(content, label, level, json_records.encode(_recorded(path)), selection)
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
