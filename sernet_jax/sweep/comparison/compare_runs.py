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

from sernet_jax.common.errors import nearest, require, require_choice
from sernet_jax.results import caveats, metrics, statistics
from sernet_jax.results.selections import HONEST, SELECTIONS
from sernet_jax.sweep.comparison.comparable import require_comparable
from sernet_jax.sweep.comparison.compared_runs import (
  Run,
  fields_that_differ,
  read_all,
)
from sernet_jax.sweep.settings import REPEATS, setting_name

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
  'between two settings, all seeds together, and the difference in pooled UAR '
  'is taken again'
)


def compare(
  runs: Sequence[Run],
  fields: Sequence[str] | None = None,
  baseline: str = '',
  selection: str = 'last',
) -> dict[str, Any]:
  """The content of comparison.json.

  Args:
    runs: finished ones, of one seed each.
    fields: that tell settings apart; by default those that differ.
    baseline: compare all others with this setting alone; '' for all pairs.
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
  require(
    not baseline or baseline in groups,
    f'--baseline={baseline} is none of the settings: '
    f'{nearest(baseline, groups)}',
  )
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
    'guessing': caveats.guessing(results),
    'fields': [field for field in fields if field not in REPEATS],
    'baseline': baseline,
    'selection': selection,
    'selection_title': caveats.title(selection),
    'test': {
      'name': TEST,
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
  content['notes'] = _notes(groups, content)
  return content


def _counts(runs: Sequence[Run], selection: str) -> np.ndarray:
  """(seeds, speakers, C, C)."""
  speakers = [run.results.selections[selection].speakers for run in runs]
  names = [[speaker.name for speaker in group] for group in speakers]
  assert all(group == names[0] for group in names)
  return np.array([[s.confusion for s in group] for group in speakers])


def _setting(
  name: str, runs: Sequence[Run], fields: Sequence[str]
) -> dict[str, Any]:
  selections = {}
  for selection in SELECTIONS:
    if not all(selection in run.results.selections for run in runs):
      continue
    counts = _counts(runs, selection)
    each = [run.results.selections[selection].pooled for run in runs]
    selections[selection] = {
      'scores': statistics.scores(counts),
      'ci95': statistics.ci95(counts),
      'sd_over_seeds': {
        score: statistics.spread([pooled[score] for pooled in each])
        for score in metrics.SCORES
      },
      'by_seed': {
        str(run.seed): {score: pooled[score] for score in metrics.SCORES}
        for run, pooled in zip(runs, each, strict=True)
      },
      'classes': metrics.per_class(counts.sum((0, 1)), runs[0].results.classes),
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
      first = _counts([one[seed] for seed in seeds], selection)
      second = _counts([other[seed] for seed in seeds], selection)
      ours, theirs = statistics.scores(first), statistics.scores(second)
      entry['difference'] = {k: ours[k] - theirs[k] for k in metrics.SCORES}
      entry['ci95'] = statistics.ci95(first, second)
      entry['p'] = statistics.permutation_test(first, second, SCORE)
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
      name: {score: selection.pooled[score] for score in metrics.SCORES}
      for name, selection in run.results.selections.items()
    },
  }


def _notes(
  groups: Mapping[str, Sequence[Run]], content: Mapping[str, Any]
) -> list[str]:
  """What limits the comparison: first what limits every run of it."""
  about: dict[str, list[str]] = {}
  for name, runs in groups.items():
    for note in dict.fromkeys(
      n for r in runs for n in caveats.notes(r.results)
    ):
      about.setdefault(note, []).append(name)
  notes = [
    note if len(names) == len(groups) else f'{", ".join(names)}: {note}'
    for note, names in about.items()
  ]
  return notes + _own_notes(groups, content)


def _own_notes(groups, content) -> list[str]:
  notes = []
  runs = [run for group in groups.values() for run in group]
  if len(groups) > 1 and all(len(group) == 1 for group in groups.values()):
    notes.append(
      'One seed for each setting: what another seed would have changed is not '
      'in the intervals.'
    )
  if len({len(group) for group in groups.values()}) > 1:
    notes.append(
      'Settings have different numbers of seeds; a difference is taken over '
      'the seeds that both have.'
    )
  if any(run.of_several for run in runs):
    notes.append(
      'Seeds that trained together in one program are each given an equal '
      'share of its time.'
    )
  if any(not entry['seeds'] for entry in content['differences']):
    notes.append('Settings without a common seed are not tested.')
  tests = sum(entry['p'] is not None for entry in content['differences'])
  least = content['test']['smallest_p']
  if tests and tests * least > LEVEL:
    cure = 'look at the intervals'
    if (len(groups) - 1) * least <= LEVEL:
      cure = 'name a --baseline to test fewer pairs, or look at the intervals'
    notes.append(
      f'With {caveats.times(content["num_speakers"], "speaker")} and '
      f'{caveats.times(tests, "pair")} of settings no difference can pass the '
      f'corrected test at {LEVEL}: {cure}.'
    )
  for what, of in (
    ('versions of the packages', lambda e: repr(sorted(e['packages'].items()))),
    ('processors or devices', lambda e: repr((e.get('cpu'), e.get('devices')))),
    ('numbers of cores', lambda e: repr(e.get('cores'))),
    ('states of the source', lambda e: repr(e.get('git_commit'))),
  ):
    if len({of(run.environment) for run in runs}) > 1:
      notes.append(
        f'The runs were made with different {what}, which changes figures a '
        'little.'
      )
  return notes
