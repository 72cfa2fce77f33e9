"""Tests a run on speakers it never heard, behind noise, rooms and lines.

  python -m experiments.robustness.evaluate RUN --name=recipe --selection=average

The run is one of the protocol `loso`; each of its networks hears its own test
speaker, changed as `conditions` says, the way `sernet_jax.predict` hears a
recording. Every condition draws the same noise for the same recording whatever
the run. Adds to results.json beside this file, or in --output, under the name;
other names stay.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

import sernet_jax
from experiments.lib import markdown, provenance
from experiments.robustness.conditions import CONDITIONS, RATE_HZ
from sernet_jax.audio import reading
from sernet_jax.common import command_line, files, jax_setup
from sernet_jax.common.errors import require
from sernet_jax.predict import run_bundles
from sernet_jax.results import metrics, run_folder, statistics
from sernet_jax.results.confidence import reliability
from sernet_jax.runs.data import load_corpus

HERE = pathlib.Path(__file__).parent
_BATCH = 64


def scores_of(
  shares: np.ndarray, labels: np.ndarray, groups: np.ndarray
) -> dict[str, Any]:
  """Scores tests: how often they are right, and how sure they were.

  Args:
    shares: probabilities (tests, classes).
    labels: (tests,), the truth.
    groups: (tests,), the speaker of each.
  """
  chosen = shares.argmax(1)
  # (seeds, speakers, C, C), of one seed
  counts = np.stack(
    [
      metrics.confusion(labels[own], chosen[own], shares.shape[1])
      for own in (groups == group for group in np.unique(groups))
    ]
  )[None]
  interval = statistics.ci95(counts)
  return {
    'tests': len(labels),
    'uar': statistics.scores(counts)['uar'],
    'ci95': interval['uar'] if interval else None,
    'accuracy': float((chosen == labels).mean()),
    'confidence': float(shares.max(1).mean()),
    'ece': reliability.ece(shares, labels),
  }


def of_run(
  workdir: str, selection: str, names: list[str], folds: list[str]
) -> dict[str, Any]:
  """Tests every fold of a run on its own speaker in each condition.

  Args:
    workdir: of the run.
    selection: whose weights.
    names: of conditions.
    folds: names; empty for all.
  """
  folder = run_folder.RunFolder(workdir)
  experiment = run_bundles.settings_of(folder)
  require(
    experiment.protocol.name == 'loso' and len(experiment.seeds) == 1,
    f'{workdir} is a run of {experiment.protocol.name!r} with '
    f'{len(experiment.seeds)} seeds; name one of loso with one seed',
  )
  corpus = load_corpus(experiment)
  by_speaker: dict[str, list[Any]] = {}
  for utterance in corpus.utterances:
    by_speaker.setdefault(utterance.speaker, []).append(utterance)
  gathered: dict[str, list[tuple[np.ndarray, int, str]]] = {}
  for fold in folder.read_folds():
    if folds and fold['name'] not in folds:
      continue
    model = sernet_jax.load(workdir, selection, fold['name'])
    tests = by_speaker[fold['name']]
    for name in names:
      for start in range(0, len(tests), _BATCH):
        part = tests[start : start + _BATCH]
        sounds, rates = zip(
          *(_changed(name, one.path) for one in part), strict=True
        )
        found = model.predict_batch(sounds, rates, hop_s=0)
        for one, prediction in zip(part, found, strict=True):
          row = np.array([prediction.probabilities[c] for c in model.classes])
          place = model.classes.index(one.label)
          gathered.setdefault(name, []).append((row, place, one.speaker))
  conditions = {}
  for name in names:
    shares, labels, groups = zip(*gathered[name], strict=True)
    conditions[name] = scores_of(
      np.stack(shares), np.array(labels), np.array(groups)
    )
  return {
    'corpus': experiment.data.corpus,
    'epochs': experiment.train.epochs,
    'seed': experiment.seed,
    'selection': selection,
    'folds': folds or list(experiment.protocol.folds) or 'all',
    'conditions': conditions,
  }


def _changed(name: str, path: str) -> tuple[np.ndarray, int]:
  samples = reading.load_mono(path, RATE_HZ)
  # The same draw for a recording whatever the run and the order.
  seed = zlib.crc32(f'{name}/{pathlib.Path(path).name}'.encode())
  return CONDITIONS[name](samples, np.random.default_rng(seed))


def table(content: dict[str, Any]) -> str:
  """One row for each condition, a column for each run."""
  runs = content['trainings']
  names = [
    name
    for name in CONDITIONS
    if any(name in run['conditions'] for run in runs.values())
  ]
  rows = []
  for name in names:
    cells = []
    for run in runs.values():
      found = run['conditions'].get(name)
      if found is None:
        cells += ['-', '-']
        continue
      cells.append(markdown.uar(found))
      cells.append(
        f'{100 * found["confidence"]:.0f} / {100 * found["accuracy"]:.0f}'
      )
    rows.append([name, *cells])
  heads = ['condition']
  for run in runs:
    heads += [f'{run}: UAR', 'sure / right']
  return markdown.table(heads, rows)


def require_same_tests(runs: Mapping[str, dict[str, Any]]) -> None:
  """Refuses runs side by side that were tested on other recordings.

  Args:
    runs: name -> what `of_run` returns.
  """
  (first, one), *others = runs.items()
  for name, run in others:
    for field in ('corpus', 'folds'):
      require(
        run[field] == one[field],
        f'{name} has the {field} {run[field]} and {first} beside it {one[field]}, '
        'so their figures are of other recordings; test both on the same '
        '(--folds), or write to another --output',
      )


def read(folder: pathlib.Path) -> dict[str, Any]:
  """Reads what results.json of a folder has so far, by runs and by corpora."""
  path = folder / 'results.json'
  kept = files.read_json(path, ('trainings',)) if path.exists() else {}
  return {'trainings': {}, 'corpora': {}, **kept}


def write(
  folder: pathlib.Path, content: dict[str, Any], environment: dict[str, Any]
) -> None:
  """Writes results.json; `environment` is that of the newest figure."""
  files.write_json(
    folder / 'results.json', {**content, 'environment': environment}
  )


def main(argv: list[str]) -> None:
  """Runs the command."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('run')
  parser.add_argument('--name', required=True, help='of the run in the table')
  parser.add_argument('--selection', default='last')
  parser.add_argument('--conditions', default='', help='with commas; all')
  parser.add_argument('--folds', default='', help='with commas; all')
  parser.add_argument('--output', type=pathlib.Path, default=HERE)
  given = parser.parse_args(argv)
  names = given.conditions.split(',') if given.conditions else [*CONDITIONS]
  for name in names:
    require(
      name in CONDITIONS,
      f'--conditions has {name!r}; choose from {", ".join(CONDITIONS)}',
    )
  jax_setup.set_up()
  folds = [name for name in given.folds.split(',') if name]
  found = of_run(given.run, given.selection, names, folds)
  environment = provenance.record('experiments.robustness.evaluate', argv)
  content = read(given.output)
  content['trainings'][given.name] = {**found, 'environment': environment}
  require_same_tests(content['trainings'])
  write(given.output, content, environment)
  page = given.output / 'README.md'
  if page.exists():
    markdown.fill(page, 'conditions', table(content))
  print(table(content))


if __name__ == '__main__':
  sys.exit(command_line.run(lambda: main(sys.argv[1:])))
