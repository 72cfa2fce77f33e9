"""Assembles what the recipe is worth from finished runs.

  python -m experiments.recipe.assemble \
    --run emodb/loso/recipe=RUN --run emodb/loso/paper=RUN ... \
    --design ravdess=FOLDER

Several runs of one name are its seeds. `paper`, `paper_short` (its training for as
many epochs as the recipe) and `paper_small` (with the network of that size) are
tested with recomputed statistics (`last_recomputed`), all others with the moving
average of the weights (`average`): `recipe`, `small`, and the two with
`_by_speaker`, whose batches hold one speaker each (`train.batches`). None was
chosen on a test. The folder of a design is what `experiments.recipe.design`
writes. --adapted names what `experiments.recipe.adapt` wrote of further seeds;
its curves beside results.json are taken anyway. Writes results.json, adapted.png
and the tables of README.md; what is not named again stays. A RUN may be the
results.json that experiments.collect keeps of one.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
from typing import Any

import numpy as np

from experiments.lib import assemble, provenance, records
from experiments.recipe import design, pages
from sernet_jax.common import command_line, files
from sernet_jax.common.errors import require, require_choice
from sernet_jax.runs import defaults, differences

HERE = pathlib.Path(__file__).parent
# A value for each seed.
LISTS = ('seed', 'uar', 'wa', 'ci95', 'over', 'seconds')
_OF_ALL = ('epochs', 'folds', 'tests')
_OF_SEEDS = ('train.start_from', 'train.teachers')
SELECTION = {
  'paper': 'last_recomputed',
  'paper_short': 'last_recomputed',
  'paper_small': 'last_recomputed',
  'recipe': 'average',
  'recipe_by_speaker': 'average',
  'small': 'average',
  'small_by_speaker': 'average',
}


def row_of(workdir: str, kind: str) -> dict[str, Any]:
  """The figures of one run, as results.json keeps them."""
  settings, results = records.read(workdir)
  found = results.selections[SELECTION[kind]]
  parameters = results.cost.parameters
  return {
    'protocol': results.protocol,
    'seed': results.seed,
    'uar': found.pooled.uar,
    'wa': found.pooled.wa,
    'ci95': list(found.ci95['uar']) if found.ci95 else None,
    'tests': int(np.sum(found.pooled.confusion)),
    'folds': [fold.name for fold in found.folds],
    'epochs': results.epochs,
    'seconds': results.seconds,
    'parameters': parameters,
    'selection': SELECTION[kind],
    'settings': _changed(settings),
  }


def apart(row: dict[str, Any]) -> list[dict[str, Any]]:
  """The rows of single seeds that `together` put into one."""
  return [
    {**row, **{name: row[name][index] for name in LISTS if name in row}}
    for index in range(len(row['seed']))
  ]


def _changed(settings: dict[str, Any]) -> dict[str, Any]:
  """The settings that differ from those of the paper."""
  # Folders of a machine are nobody else's.
  kept = {'data.root', 'data.cache_dir', 'data.manifest', 'name', 'seed'}
  # Fields that came after the run have their defaults.
  whole = defaults.merged(settings).to_dict()
  found = differences.between(whole, defaults.get_config().to_dict(), free=kept)
  return {field: value for field, value, _ in found}


def _shaping(row: dict[str, Any]) -> dict[str, Any]:
  """The settings of a row that runs of other seeds must have too.

  Weights to begin with and teachers may lie elsewhere for each seed.
  """
  found = row.get('settings', {})
  kept = {name: found[name] for name in found.keys() - differences.FREE}
  kept |= {name: bool(kept[name]) for name in _OF_SEEDS if name in kept}
  # As JSON has them, where tuples are lists.
  return json.loads(json.dumps(kept))


def together(rows: list[dict[str, Any]]) -> dict[str, Any]:
  """Runs of one name as lists, one value for each seed."""
  first = rows[0]
  for row in rows[1:]:
    require(
      _shaping(row) == _shaping(first)
      and all(row[n] == first[n] for n in _OF_ALL if n in row and n in first),
      f'the runs of seeds {first["seed"]} and {row["seed"]} differ in more '
      'than their seed; give each its own name',
    )
  require(
    len({str(row['seed']) for row in rows}) == len(rows),
    f'the seeds are {[row["seed"] for row in rows]}; give each once',
  )
  return {
    **{n: [row.get(n) for row in rows] for n in LISTS if n in first},
    **{name: value for name, value in first.items() if name not in LISTS},
  }


def kept(
  corpus: str, known: dict[str, Any], folder: pathlib.Path
) -> dict[tuple[str, ...], dict[str, Any]]:
  """Runs of a design on record, by the changes that are on.

  Args:
    corpus: of the design.
    known: the design in results.json; {} if there is none.
    folder: of results.json, where CORPUS.json may keep runs by name too.
  """
  shared = {n: known[n] for n in ('epochs', 'folds') if n in known}
  found = {tuple(run['on']): shared | run for run in known.get('runs', [])}
  path = folder / f'{corpus}.json'
  beside = files.read_json(path)['runs'] if path.exists() else {}
  for names in design.runs():
    run = beside.get(design.folder_name(names))
    if run and names not in found:
      figures = run['selections'][SELECTION['recipe']]
      found[names] = {
        **{name: run[name] for name in ('epochs', 'folds')},
        'uar': figures['uar'],
        'ci95': figures['ci95']['uar'],
      }
  return found


def design_of(
  folder: pathlib.Path, known: dict[tuple[str, ...], dict[str, Any]]
) -> dict[str, Any]:
  """The runs of a design that are done; with all, the effects of its changes.

  Args:
    folder: of the runs.
    known: runs on record, whose folders may be gone.

  Raises:
    InputError: if the folder holds no run of the design, or one on record had
      other epochs or folds.
  """
  paths = {names: folder / design.folder_name(names) for names in design.runs()}
  runs = {
    names: row_of(str(path), 'recipe')
    for names, path in paths.items()
    if (path / 'results.json').exists()
  }
  require(
    bool(runs),
    f'{folder} holds no finished run of the design; run python -m '
    'experiments.recipe.design',
  )
  first = next(iter(runs.values()))
  for names, run in known.items():
    for field in ('epochs', 'folds'):
      require(
        run.get(field, first[field]) == first[field],
        f'{design.folder_name(names)} on record has other {field} than the runs '
        f'in {folder}; run it again there',
      )
  # In the order of the design, those in the folder before those on record.
  both = {**known, **runs}
  runs = {names: both[names] for names in paths if names in both}
  whole = len(runs) == len(paths)
  return {
    'epochs': first['epochs'],
    'folds': first['folds'],
    'tests': first['tests'],
    'runs': [
      {'on': list(names), 'uar': row['uar'], 'ci95': row['ci95']}
      for names, row in runs.items()
    ],
    'effects': (
      design.effects({k: row['uar'] for k, row in runs.items()})
      if whole
      else None
    ),
  }


def content(given: argparse.Namespace) -> dict[str, Any]:
  """Content of results.json."""
  path = given.output / 'results.json'
  made: dict[str, Any] = files.read_json(path) if path.exists() else {}
  groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
  for text in given.run:
    name, _, workdir = text.partition('=')
    parts = name.split('/')
    require(
      len(parts) == 3 and bool(workdir),
      f'--run {text}: give CORPUS/PROTOCOL/KIND=RUN',
    )
    require_choice('the kind of --run', parts[2], SELECTION)
    row = row_of(workdir, parts[2])
    require(
      row.pop('protocol') == parts[1],
      f'--run {text}: the run is not of the protocol {parts[1]}; name it as it is',
    )
    groups.setdefault(tuple(parts), []).append(row)
  for (corpus, protocol, kind), rows in groups.items():
    kinds = made.setdefault(corpus, {}).setdefault(protocol, {})
    if given.add and kind in kinds:
      rows = [*apart(kinds[kind]), *rows]
    kinds[kind] = together(rows)
  for text in given.design:
    corpus, _, folder = text.partition('=')
    designs = made.setdefault('design', {})
    known = kept(corpus, designs.get(corpus, {}), given.output)
    designs[corpus] = design_of(pathlib.Path(folder), known)
  found = [files.read_json(path) for path in given.adapted]
  for curve in pages.CURVES:
    path = given.output / f'{curve}.json'
    if path.exists():
      made[curve] = files.read_json(path)
      found.insert(0, made[curve])
  _add_all_adapted(made, found)
  made['environment'] = provenance.record(
    'experiments.recipe.assemble', sys.argv[1:]
  )
  return made


def kind_of(found: dict[str, Any]) -> str:
  """Returns the kind of the networks that `experiments.recipe.adapt` adapted."""
  mixed = found.get('batches', 'mixed') == 'mixed'
  if 'seeds' in found:
    return 'committee_mixed' if mixed else 'committee'
  name = 'recipe' if found.get('size', 'paper') == 'paper' else found['size']
  return name if mixed else f'{name}_by_speaker'


def _add_all_adapted(
  made: dict[str, Any], curves: list[dict[str, Any]]
) -> None:
  """Puts curves where they belong: by corpus, and by kind of the networks."""
  groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
  for one in curves:
    groups.setdefault((one['corpus'], kind_of(one)), []).append(one)
  for (_, kind), own in groups.items():
    _add_adapted(made, kind, own)


def _add_adapted(
  made: dict[str, Any], kind: str, curves: list[dict[str, Any]]
) -> None:
  """Puts what all recordings of a speaker are worth beside the other figures.

  Args:
    made: content of results.json.
    kind: of the networks.
    curves: of one corpus, one for each seed; of several priors the last counts.
  """
  corpus = made.setdefault(curves[0]['corpus'], {})
  loso = corpus.get('loso', {}).get(kind, {})
  many = kind.startswith('committee')
  for protocol, enrolled in (('loso_adapted', 'all'), ('loso', 'none')):
    if protocol == 'loso' and not many:
      continue  # what single networks are worth is in their runs
    kinds = corpus.setdefault(protocol, {})
    # There is one committee of a kind, the last that was measured.
    known = apart(kinds[kind]) if kind in kinds and not many else []
    rows = {str(row['seed']): row for row in known}
    for found in curves:
      for row in found['rows']:
        if row['enrolled'] == enrolled:
          seed = found['seeds' if many else 'seed']
          rows[str(seed)] = _adapted_row(row, found, loso) | {'seed': seed}
    if rows:
      kinds[kind] = together(sorted(rows.values(), key=lambda row: row['seed']))


def _adapted_row(
  row: dict[str, Any], found: dict[str, Any], loso: dict[str, Any]
) -> dict[str, Any]:
  """One seed's figure, from a row of a curve, its curve and its run's row."""
  known = {**loso, **found}
  return {
    **{k: known[k] for k in ('tests', 'folds', 'parameters') if k in known},
    'uar': row['uar'][0],
    'ci95': row['ci95'],
    **({'over': row['over']} if 'over' in row else {}),
    'epochs': found['epochs'],
    'selection': found['selection'],
    'enrolled': row['enrolled'],
    'prior': row['prior'],
  }


def options(parser: argparse.ArgumentParser) -> None:
  """Adds the arguments of this script."""
  parser.add_argument('--run', action='append', default=[])
  parser.add_argument(
    '--add',
    action='store_true',
    help='the runs are further seeds of those in results.json',
  )
  parser.add_argument(
    '--adapted',
    type=pathlib.Path,
    action='append',
    default=[],
    help='adapted.json of a further seed',
  )
  parser.add_argument('--design', action='append', default=[])


def main(argv: list[str]) -> None:
  """Runs the command."""
  assemble.main(
    argv,
    script=__file__,
    doc=__doc__,
    picture='adapted.png',
    options=options,
    content=content,
    figure=pages.figure,
    tables=pages.tables,
  )


if __name__ == '__main__':
  sys.exit(command_line.run(lambda: main(sys.argv[1:])))
