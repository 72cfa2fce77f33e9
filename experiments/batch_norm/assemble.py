"""Assembles the cost of the lag of BatchNorm's statistics, from finished runs.

  python -m experiments.batch_norm.assemble RUN RUN ...

Each run is asked for its last weights with the statistics that training left
and with recomputed ones, on the same tests. Writes results.json,
statistics.png and the table of README.md beside this file, with what
curve.json there holds; --output takes another folder. With --keep the rows of
its results.json stay that are not made anew.
"""

from __future__ import annotations

import argparse
import pathlib
import sys

import matplotlib as mpl
import numpy as np

from experiments.lib import assemble, markdown, provenance, published
from sernet_jax.common import command_line, files
from sernet_jax.common.errors import require
from sernet_jax.nn.spec import ModelSpec
from sernet_jax.results import caveats, metrics, statistics
from sernet_jax.results.figures import style
from sernet_jax.sweep.comparison import compare_runs

HERE = pathlib.Path(__file__).parent
# What tells two trainings apart.
_OF_TRAINING = (
  'corpus',
  'protocol',
  'folds',
  'loss',
  'epochs',
  'seed',
  'momentum',
  'weights_dtype',
)
KINDS = ('last', 'last_recomputed')
# What may differ from the paper's settings; the table says it.
_FREE = {
  'name',
  'seed',
  'train.seeds',
  'data.corpus',
  'protocol.name',
  'protocol.folds',
  'loss.name',
  'model.batch_norm_momentum',
}
COLORS = {
  'last': style.COLORS['train'],
  'last_recomputed': style.COLORS['test'],
}


def row_of(run: compare_runs.Run) -> dict:
  """One run: both figures, their difference, every speaker."""
  provenance.require_settings_of_the_paper(run, _FREE)
  results, selections = run.results, run.results.selections
  require(
    'best_on_test' in selections,
    f'{run.folder.path} was made under the protocol '
    f'{results.protocol!r}, which tests nothing; leave it out',
  )
  require(
    KINDS[1] in selections,
    f'{run.folder.path} has no recomputed statistics; run --mode=evaluate '
    'with its --workdir once',
  )
  counts = {
    kind: np.array([[s.confusion for s in selections[kind].speakers]])
    for kind in KINDS
  }
  scores = {kind: statistics.scores(counts[kind]) for kind in KINDS}
  settings = run.settings
  return {
    'corpus': results.corpus,
    'synthetic': results.synthetic,
    'protocol': results.protocol,
    'folds': list(settings['protocol.folds']),
    'loss': settings['loss.name'],
    'epochs': results.epochs,
    'epochs_of_the_paper': published.LIGHT_SERNET_EPOCHS,
    'seed': run.seed,
    'momentum': settings['model.batch_norm_momentum'],
    'num_tests': int(counts['last'].sum()),
    'weights_dtype': results.weights_dtype,
    'scores': scores,
    'ci95': {kind: statistics.ci95(counts[kind]) for kind in KINDS},
    'difference': {
      score: scores[KINDS[1]][score] - scores[KINDS[0]][score]
      for score in metrics.SCORES
    },
    'difference_ci95': statistics.ci95(counts[KINDS[1]], counts[KINDS[0]]),
    'p': statistics.permutation_test(counts[KINDS[1]], counts[KINDS[0]]),
    'best_on_test': {
      score: selections['best_on_test'].pooled[score]
      for score in metrics.SCORES
    },
    'speakers': [
      {
        'name': speaker.name,
        **{kind: selections[kind].speakers[index].wa for kind in KINDS},
      }
      for index, speaker in enumerate(results.last.speakers)
    ],
    'notes': caveats.notes(results),
    'command': provenance.without_paths(run.environment['command']),
    'environment': provenance.without_machine(run.environment),
  }


def name_of(row: dict) -> str:
  """Returns what the table calls a run."""
  several = 's' * (len(row['folds']) > 1)
  folds = f', fold{several} {", ".join(row["folds"])}' if row['folds'] else ''
  paper = ModelSpec.batch_norm_momentum
  momentum = row['momentum']
  momentum = '' if momentum == paper else f', momentum {momentum:g}'
  corpus = '' if row['corpus'] == 'emodb' else f'{row["corpus"]}, '
  return (
    f'{corpus}`{row["protocol"]}`{folds}, {row["loss"].replace("_", "-")}, '
    f'{row["epochs"]} of {row["epochs_of_the_paper"]} epochs, '
    f'seed {row["seed"]}{momentum}'
  )


def merged(kept: list[dict], made: list[dict]) -> list[dict]:
  """Rows made anew in place of the kept ones of the same training.

  Runs over all folds come first, `loso` before other protocols, the longest
  before shorter ones.

  Raises:
    InputError: if two of `made` are of the same training.
  """
  rows = {_key(row): row for row in made}
  require(
    len(rows) == len(made),
    f'of the {len(made)} runs {len(made) - len(rows)} repeat the training of '
    'another; name each once',
  )
  rows = {_key(row): row for row in kept} | rows
  return sorted(
    rows.values(),
    key=lambda row: (
      bool(row['folds']),
      row['protocol'] != 'loso',
      row['protocol'],
      -row['epochs'],
    ),
  )


def _key(row: dict) -> tuple:
  return tuple(str(row[name]) for name in _OF_TRAINING)


def table(rows: list[dict]) -> str:
  """A line for each run; per cent."""
  lines = []
  for row in rows:
    lines.append(
      [
        name_of(row),
        row['num_tests'],
        *(
          markdown.percent(row['scores'][kind], row['ci95'][kind], 'uar')
          for kind in KINDS
        ),
        markdown.percent(row['difference'], row['difference_ci95'], 'uar', '+'),
        None if row['p'] is None else f'{row["p"]:.3f}',
        f'{100 * row["best_on_test"]["uar"]:.1f}',
      ]
    )
  return markdown.table(
    [
      'run',
      'tests',
      'UAR, moving statistics (`last`) [95 %]',
      'UAR, recomputed (`last_recomputed`) [95 %]',
      'difference [95 %]',
      'p',
      'UAR, best epoch on the test set, moving (optimistic)',
    ],
    lines,
  )


def figure(content: dict, path: pathlib.Path) -> None:
  """Every speaker of the first protocol's runs; one fold epoch by epoch."""
  rows, curve = content['rows'], content['curve']
  shown = [row for row in rows if _alike(row) == _alike(rows[0])]
  words = {'last': 'moving', 'last_recomputed': 'recomputed'}
  with mpl.rc_context(style.STYLE):
    picture = style.new_figure(
      10.0,
      3.4,
      'BatchNorm statistics: moving, or recomputed over the training set',
      f'{rows[0]["corpus"]}, {rows[0]["protocol"]}, same weights, one seed',
      caveats.footer(rows[0]['synthetic']),
      'accuracy in per cent on the tests of each speaker; blue: moving, '
      'orange: recomputed',
    )
    panels = len(shown) + bool(curve)
    axes = picture.subplots(1, panels, sharey=True, squeeze=False)[0]
    for left, row in zip(axes, shown, strict=False):
      for place, speaker in enumerate(row['speakers']):
        ends = [100 * speaker[kind] for kind in KINDS]
        left.plot([place] * 2, ends, color=style.GREY, linewidth=1)
        for kind, end in zip(KINDS, ends, strict=True):
          left.plot(place, end, 'o', color=COLORS[kind])
      names = [s['name'] for s in row['speakers']]
      left.set_xticks(range(len(names)), names)
      left.set_title(f'{row["epochs"]} of {row["epochs_of_the_paper"]} epochs')
      left.set_xlabel('speaker')
    axes[0].set_ylim(0, 100)
    if curve:
      right = axes[-1]
      epochs = [point['epoch'] for point in curve['rows']]
      for kind in KINDS:
        values = [100 * point[kind] for point in curve['rows']]
        right.plot(epochs, values, color=COLORS[kind], label=words[kind])
      right.plot(
        epochs,
        [100 * point['train_wa'] for point in curve['rows']],
        ':',
        color=style.GREY,
        label='training passes',
      )
      right.set_title(f'speaker {curve["fold"]}, epoch by epoch')
      right.set_xlabel('epoch')
      right.legend(loc='lower right')
    for panel in axes:
      panel.grid(axis='y')
    style.save(picture, path)


def _alike(row: dict) -> tuple:
  """Returns what runs in one figure share: all but the epochs."""
  return tuple(str(row[name]) for name in _OF_TRAINING if name != 'epochs')


def options(parser: argparse.ArgumentParser) -> None:
  """Adds the arguments of the command."""
  parser.add_argument('runs', nargs='+', type=pathlib.Path)
  assemble.add_keep(parser)


def content_of(given: argparse.Namespace) -> dict:
  """Returns the content of results.json."""
  kept = assemble.kept_rows(given)
  made = [
    row_of(run) for path in given.runs for run in compare_runs.read_all(path)
  ]
  curves = (folder / 'curve.json' for folder in (given.output, HERE))
  curve = next((path for path in curves if path.exists()), None)
  return {
    'question': 'What do the moving statistics of BatchNorm cost?',
    'rows': merged(kept, made),
    'curve': curve and files.read_json(curve, ('rows', 'fold')),
  }


def main(arguments: list[str]) -> None:
  """Runs the command; see the top of the file."""
  assemble.main(
    arguments,
    script=__file__,
    doc=__doc__,
    picture='statistics.png',
    options=options,
    content=content_of,
    figure=figure,
    tables=lambda content: {'statistics': table(content['rows'])},
  )


if __name__ == '__main__':
  sys.exit(command_line.run(lambda: main(sys.argv[1:])))
