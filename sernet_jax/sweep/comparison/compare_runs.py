"""Finished runs side by side: which setting did better, and is that chance?

Read from run folders made anywhere. Runs of one setting that differ in the
seed alone are repeats of it. Only runs that were tested on the same
utterances under one protocol can be compared.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sernet_jax.common.errors import require, require_choice
from sernet_jax.results import caveats, metrics, statistics
from sernet_jax.results.selections import HONEST, SELECTIONS
from sernet_jax.sweep.comparison import counted, notes
from sernet_jax.sweep.comparison.comparable import require_comparable
from sernet_jax.sweep.comparison.compared_runs import (
  Run,
  fields_that_differ,
  read_all,
)
from sernet_jax.sweep.settings import REPEATS, find_setting, setting_name

__all__ = [
  'Run',
  'compare',
  'fields_that_differ',
  'read_all',
]

SCORE = 'uar'  # what is tested; fixed before any result is seen
SHOWN = ('uar', 'wa', 'f1_macro')
LEVEL = 0.05
TEST = (
  'paired permutation test: the answers to each speaker are kept or swapped '
  'between two settings, all seeds together, and the difference in {} is taken '
  'again'
)


def compare(
  runs: Sequence[Run],
  fields: Sequence[str] | None = None,
  baseline: str = '',
  selection: str = 'last',
) -> dict[str, Any]:
  """Returns the content of comparison.json.

  Args:
    runs: finished ones, of one seed each.
    fields: that tell settings apart; by default those that differ.
    baseline: compare all others with this setting alone, see
      `settings.find_setting`; '' for all pairs.
    selection: whose scores are compared; none that the tests chose.

  Raises:
    InputError: if the runs cannot be compared; see `require_comparable`.
  """
  require(len(runs) > 0, 'no finished run was given; name the folders of some')
  require_choice('--selection', selection, HONEST)
  for run in runs:
    require(
      selection in run.results.selections,
      f'{run.folder.path} has no selection {selection}; it has '
      f'{", ".join(run.results.selections)} (--mode=evaluate with its '
      '--workdir adds what came later than the run)',
    )
  fields = fields_that_differ(runs) if fields is None else list(fields)
  groups: dict[str, list[Run]] = {}
  for run in runs:
    groups.setdefault(setting_name(run.changes(fields)), []).append(run)
  tested = [run.tested(name) for name, group in groups.items() for run in group]
  require_comparable(tested)
  baseline = find_setting(baseline, groups)
  groups = {
    name: sorted(group, key=lambda run: run.seed)
    for name, group in groups.items()
  }
  results = runs[0].results
  differences = _differences(groups, baseline, selection)
  num_speakers = len(results.last.speakers)
  content = {
    'corpus': results.corpus,
    'synthetic': results.synthetic,
    'protocol': results.protocol,
    'classes': list(results.classes),
    'weights_dtype': results.weights_dtype,
    'num_tests': sum(tested[0].utterances.values()),
    'num_speakers': num_speakers,
    'mean_of_folds': counted.by_fold(results),
    'guessing': counted.guessing(runs[0]),
    'fields': [field for field in fields if field not in REPEATS],
    'baseline': baseline,
    'selection': selection,
    'selection_title': caveats.title(selection),
    'test': {
      'name': TEST.format(
        'mean UAR of the folds' if counted.by_fold(results) else 'pooled UAR'
      ),
      'score': SCORE,
      'ways': 2**num_speakers
      if num_speakers <= statistics.EXACT_SPEAKERS
      else statistics.NUM_RANDOM,
      'exact': num_speakers <= statistics.EXACT_SPEAKERS,
      'smallest_p': statistics.smallest_p(num_speakers),
      'correction': 'Holm',
      'level': LEVEL,
    },
    'settings': [
      _setting(name, group, fields) for name, group in groups.items()
    ],
    'differences': differences,
    'runs': [
      _record(name, run) for name, group in groups.items() for run in group
    ],
  }
  content['warnings'] = notes.warnings(groups, selection)
  content['notes'] = notes.make(groups, content, LEVEL)
  return content


def _setting(
  name: str, runs: Sequence[Run], fields: Sequence[str]
) -> dict[str, Any]:
  selections = {}
  for selection in SELECTIONS:
    if not all(selection in run.results.selections for run in runs):
      continue
    counts = counted.counts(runs, selection)
    each = [counted.scores(run, selection) for run in runs]
    selections[selection] = {
      'scores': statistics.scores(counts),
      'ci95': counted.interval(runs[0], counts),
      'sd_over_seeds': {
        score: statistics.spread([found[score] for found in each])
        for score in metrics.SCORES
      },
      'by_seed': {
        str(run.seed): found for run, found in zip(runs, each, strict=True)
      },
      'classes': counted.classes(counts, runs[0].results.classes),
    }
  changes = runs[0].changes([field for field in fields if field not in REPEATS])
  return {
    'name': name,
    'changes': changes,
    'seeds': [run.seed for run in runs],
    'epochs': runs[0].results.epochs,
    'cost': dataclasses.asdict(runs[0].results.cost),
    'seconds': float(np.mean([run.results.seconds for run in runs])),
    'selections': selections,
  }


def _differences(
  groups: Mapping[str, Sequence[Run]], baseline: str, selection: str
) -> list[dict[str, Any]]:
  """Later settings against earlier ones, or all against the baseline."""
  if baseline:
    pairs = [(baseline, name) for name in groups if name != baseline]
  else:
    pairs = list(itertools.combinations(groups, 2))
  found = []
  for against, name in pairs:
    one = {run.seed: run for run in groups[name]}
    other = {run.seed: run for run in groups[against]}
    seeds = sorted(one.keys() & other.keys())
    entry: dict[str, Any] = {
      'setting': name,
      'against': against,
      'seeds': seeds,
      'difference': None,
      'ci95': None,
      'p': None,
      'p_holm': None,
    }
    if seeds:
      first = counted.counts([one[seed] for seed in seeds], selection)
      second = counted.counts([other[seed] for seed in seeds], selection)
      one_of, other_of = statistics.scores(first), statistics.scores(second)
      entry['difference'] = {k: one_of[k] - other_of[k] for k in metrics.SCORES}
      run = one[seeds[0]]
      entry['ci95'] = counted.interval(run, first, second)
      entry['p'] = counted.p(run, first, second, SCORE)
    found.append(entry)
  tested = [entry for entry in found if entry['p'] is not None]
  corrected = statistics.holm([entry['p'] for entry in tested])
  for entry, p in zip(tested, corrected, strict=True):
    entry['p_holm'] = p
  return found


def _record(setting: str, run: Run) -> dict[str, Any]:
  return {
    'setting': setting,
    'seed': run.seed,
    'folder': str(run.folder.path),
    'command': run.environment['command'],
    'epochs': run.results.epochs,
    'folds': [fold.name for fold in run.results.last.folds],
    'seconds': run.results.seconds,
    'environment': {k: v for k, v in run.environment.items() if k != 'command'},
    'scores': {
      name: counted.scores(run, name) for name in run.results.selections
    },
  }
