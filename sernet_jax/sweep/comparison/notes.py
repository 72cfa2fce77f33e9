"""Sentences on what limits a comparison of runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sernet_jax.common.text import listing
from sernet_jax.results import caveats
from sernet_jax.results.selections import LAST
from sernet_jax.sweep.comparison import counted
from sernet_jax.sweep.comparison.compared_runs import CORPORA, ROOT, Run

# Settings that name weights.
_WEIGHTS = ('train.start_from', 'train.teachers')


def warnings(groups: Mapping[str, Sequence[Run]], selection: str) -> list[str]:
  """Returns what stands above a comparison: `caveats.stale` of its settings.

  Args:
    groups: setting -> its runs.
    selection: whose scores are compared.
  """
  if selection != LAST[0]:
    return []
  return [
    f'{name}: {found}' if len(groups) > 1 else found
    for name, runs in groups.items()
    for found in dict.fromkeys(_stale(run) for run in runs)
    if found
  ]


def _stale(run: Run) -> str:
  """`caveats.stale`, with the option that does what it asks for."""
  found = caveats.stale(run.results)
  return found and f'{found[:-1]} (--selection=last_recomputed).'


def make(
  groups: Mapping[str, Sequence[Run]],
  content: Mapping[str, Any],
  level: float,
) -> list[str]:
  """Returns what limits a comparison, first what limits every run of it.

  Args:
    groups: setting -> its runs.
    content: of comparison.json.
    level: of significance.
  """
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
  return notes + _own_notes(groups, content, level)


def _own_notes(
  groups: Mapping[str, Sequence[Run]],
  content: Mapping[str, Any],
  level: float,
) -> list[str]:
  """Limits that only the comparison has."""
  notes = []
  runs = [run for group in groups.values() for run in group]
  if content['mean_of_folds']:
    notes.append(
      'Scores are means over the folds: all tests together would mix corpora of '
      'unlike shares of the classes, so that a network that only recognizes the '
      'corpus may seem better than guessing.'
    )
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
  for field in (ROOT, CORPORA):
    places = {str(run.settings.get(field) or '(default)') for run in runs}
    if len(places) > 1 and field not in content['fields']:
      notes.append(
        f'The runs read different folders ({field}: '
        f'{listing(sorted(places), 3)}); they are compared as if these held the '
        'same recordings.'
      )
  if any(run.of_several for run in runs):
    notes.append(
      'Seeds that trained together in one program are each given an equal '
      'share of its time.'
    )
  if any(not entry['seeds'] for entry in content['differences']):
    notes.append('Settings without a common seed are not tested.')
  if len(groups) > 1 and counted.are_unknown(runs[0]):
    notes.append(
      'Differences are not tested: too few of the speakers are known.'
    )
  tests = sum(entry['p'] is not None for entry in content['differences'])
  least = content['test']['smallest_p']
  if tests and tests * least > level:
    cure = 'look at the intervals'
    if (len(groups) - 1) * least <= level:
      cure = 'name a --baseline to test fewer pairs, or look at the intervals'
    notes.append(
      f'With {caveats.times(content["num_speakers"], "speaker")} and '
      f'{caveats.times(tests, "pair")} of settings no difference can pass the '
      f'corrected test at {level}: {cure}.'
    )
  notes += _other_weights_before(runs)
  return notes + _where_they_ran_differs(runs)


def _other_weights_before(runs: Sequence[Run]) -> list[str]:
  """Says which runs learnt from different weights that one name stands for.

  The folder of a run keeps its name when it is trained again.
  """
  digests: dict[str, set[str]] = {}
  for run in runs:
    if not any(map(run.settings.get, _WEIGHTS)):
      continue
    from sernet_jax.runs.weights import history  # loads JAX

    told = history.read(run.folder)
    start, teachers = _WEIGHTS
    found = [(start, told['start'])] if 'start' in told else []
    found += [(teachers, one) for one in told.get('teachers', [])]
    for field, one in found:
      name = f'{field}={one.get("from", "")}'
      digests.setdefault(name, set()).add(one['sha256'][:8])
  return [
    f'Not all runs had the same weights for {name} (SHA-256 '
    f'{listing(sorted(several), 3)}), which is part of their differences and of '
    'the spread over seeds.'
    for name, several in digests.items()
    if len(several) > 1
  ]


def _where_they_ran_differs(runs: Sequence[Run]) -> list[str]:
  keys: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    'versions of the packages': lambda e: sorted(e['packages'].items()),
    'processors or devices': lambda e: (e.get('cpu'), e.get('devices')),
    'numbers of cores': lambda e: e.get('cores'),
    'states of the source': lambda e: e.get('git_commit'),
  }
  return [
    f'The runs were made with different {what}, which changes figures a little.'
    for what, key in keys.items()
    if len({repr(key(run.environment)) for run in runs}) > 1
  ]
