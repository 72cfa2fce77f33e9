"""Assembles what the recipe is worth from finished runs.

  python -m experiments.recipe.assemble \
    --run emodb/loso/recipe=RUN --run emodb/loso/paper=RUN ... \
    --design ravdess=FOLDER

Several runs of one name are its seeds. `paper` is tested with recomputed
statistics (`last_recomputed`), `recipe` with the moving average of the weights
(`average`), as `recipe_by_speaker`, whose batches hold one speaker each
(`train.batches`); none was chosen on a test. The folder of a design is what
`experiments.recipe.design` writes. Writes results.json, adapted.png and the
tables of README.md; what is not named again stays, from results.json and from
the curves of `experiments.recipe.adapt` there. A RUN may be the results.json that experiments.collect
keeps of one.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
from typing import Any

import matplotlib as mpl
import numpy as np

from experiments.lib import assemble, markdown, provenance
from experiments.recipe import adapt, design
from sernet_jax.common import command_line, files
from sernet_jax.common.errors import require, require_choice
from sernet_jax.results import run_folder
from sernet_jax.results.figures import style
from sernet_jax.results.formats import results_json
from sernet_jax.runs import defaults, differences

HERE = pathlib.Path(__file__).parent
LISTS = ('seed', 'uar', 'wa', 'ci95', 'seconds')  # a value for each seed
SELECTION = {
  'paper': 'last_recomputed',
  'recipe': 'average',
  'recipe_by_speaker': 'average',
}
_TITLES = {
  'recipe': 'recipe, mixed batches',
  'recipe_by_speaker': 'recipe, batches of one speaker',
}
_LINE_COLORS = tuple(style.COLORS[n] for n in ('test', 'train', 'validation'))
# The key of a curve of enrolment in results.json -> the kind of its network.
CURVES = {'adapted': 'recipe', 'adapted_by_speaker': 'recipe_by_speaker'}


def row_of(workdir: str, kind: str) -> dict[str, Any]:
  """The figures of one run, as results.json keeps them."""
  if pathlib.Path(workdir).is_file():
    record = files.read_json(pathlib.Path(workdir), ('config', 'results'))
    settings = record['config']
    results = results_json.decode(record['results'])
  else:
    folder = run_folder.RunFolder(workdir)
    settings, results = folder.read_config(), folder.read_results()
  found = results.selections[SELECTION[kind]]
  parameters = results.cost.parameters
  return {
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
  kept = {'data.root', 'data.cache_dir', 'name', 'seed'}
  # Fields that came after the run have their defaults.
  whole = defaults.merged(settings).to_dict()
  found = differences.between(whole, defaults.get_config().to_dict(), free=kept)
  return {field: value for field, value, _ in found}


def together(rows: list[dict[str, Any]]) -> dict[str, Any]:
  """Runs of one name as lists, one value for each seed."""
  first = rows[0]
  for row in rows[1:]:
    require(
      row.get('settings', {}).keys() == first.get('settings', {}).keys()
      and row['epochs'] == first['epochs'],
      f'the runs of seeds {first["seed"]} and {row["seed"]} differ in more '
      'than their seed; give each its own name',
    )
  require(
    len({row['seed'] for row in rows}) == len(rows),
    f'the seeds are {[row["seed"] for row in rows]}; give each once',
  )
  return {
    **{n: [row[n] for row in rows] for n in LISTS if n in first},
    **{name: value for name, value in first.items() if name not in LISTS},
  }


def design_of(folder: pathlib.Path) -> dict[str, Any]:
  """The runs of a design that are done; with all, the effects of its changes."""
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
    groups.setdefault(tuple(parts), []).append(row_of(workdir, parts[2]))
  for (corpus, protocol, kind), rows in groups.items():
    kinds = made.setdefault(corpus, {}).setdefault(protocol, {})
    if given.add and kind in kinds:
      rows = [*apart(kinds[kind]), *rows]
    kinds[kind] = together(rows)
  for text in given.design:
    corpus, _, folder = text.partition('=')
    made.setdefault('design', {})[corpus] = design_of(pathlib.Path(folder))
  others = [files.read_json(path) for path in given.adapted]
  for curve, kind in CURVES.items():
    adapted = given.output / f'{curve}.json'
    if adapted.exists():
      made[curve] = files.read_json(adapted)
      of_kind = [each for each in others if curve_of(each) == curve]
      _add_adapted(made, kind, [made[curve], *of_kind])
  made['environment'] = provenance.record(
    'experiments.recipe.assemble', sys.argv[1:]
  )
  return made


def curve_of(found: dict[str, Any]) -> str:
  """Returns the key of a curve that `experiments.recipe.adapt` has written."""
  return adapt.FILES[found.get('batches', 'mixed')].removesuffix('.json')


def _add_adapted(
  made: dict[str, Any], kind: str, curves: list[dict[str, Any]]
) -> None:
  """Puts what all recordings of a speaker are worth beside the other figures.

  Args:
    made: content of results.json.
    kind: of the networks.
    curves: one for each seed; of several priors the last counts.
  """
  corpus = curves[0]['corpus']
  kinds = made.setdefault(corpus, {}).setdefault('loso_adapted', {})
  loso = made[corpus].get('loso', {}).get(kind, {})
  known = apart(kinds[kind]) if kind in kinds else []
  rows = {row['seed']: row for row in known}
  for found in curves:
    for row in found['rows']:
      if row['enrolled'] == 'all':
        rows[found['seed']] = {
          **{k: loso[k] for k in ('tests', 'folds', 'parameters') if k in loso},
          'seed': found['seed'],
          'uar': row['uar'][0],
          'ci95': row['ci95'],
          'epochs': found['epochs'],
          'selection': found['selection'],
          'enrolled': 'all',
          'prior': row['prior'],
        }
  kinds[kind] = together([rows[seed] for seed in sorted(rows)])


def tables(made: dict[str, Any]) -> dict[str, str]:
  """The tables of the page."""
  lines = []
  for corpus, protocols in made.items():
    if corpus in ('design', 'environment', *CURVES):
      continue
    for protocol, kinds in protocols.items():
      for kind, row in kinds.items():
        uar = ', '.join(f'{100 * value:.1f}' for value in row['uar'])
        intervals = [
          '[{:.1f}, {:.1f}]'.format(*(100 * edge for edge in each))
          for each in row['ci95']
          if each
        ]
        lines.append(
          [
            corpus,
            f'`{protocol}`, {len(row.get("folds", []))} folds, '
            f'{row.get("tests", 0)} tests',
            kind,
            row['epochs'],
            len(row['uar']),
            uar,
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
          '[{:.1f}, {:.1f}]'.format(*(100 * edge for edge in run['ci95'])),
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
        '[{:.1f}, {:.1f}]'.format(*(100 * edge for edge in row['ci95'])),
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
    labels: list[str] = []
    lines = [
      (
        f'{_TITLES[kind]}, prior {prior:g}',
        [r for r in rows if r['prior'] == prior],
      )
      for kind, curve in curves.items()
      for rows in [curve['rows']]
      for prior in sorted({row['prior'] for row in rows}, reverse=True)
    ]
    for (title, rows), color in zip(lines, _LINE_COLORS, strict=False):
      places, labels = np.arange(len(rows)), [str(r['enrolled']) for r in rows]
      low, high = ([100 * row['ci95'][edge] for row in rows] for edge in (0, 1))
      axis.fill_between(places, low, high, color=color, alpha=0.12, lw=0)
      means = [100 * row['mean'] for row in rows]
      axis.plot(places, means, color=color, label=title)
      for place, row in zip(places, rows, strict=True):
        values = [100 * value for value in row['uar']]
        axis.plot([place] * len(values), values, '.', color=color)
    axis.set_xticks(range(len(labels)), labels)
    axis.set_xlabel('recordings')
    axis.set_ylabel('UAR, per cent')
    if len(lines) > 1:
      axis.legend(loc='lower right')
    style.save(picture, path)


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
    figure=figure,
    tables=tables,
  )


if __name__ == '__main__':
  sys.exit(command_line.run(lambda: main(sys.argv[1:])))
