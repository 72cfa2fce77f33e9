"""In words: what the results of a run may and may not be taken for.

Said in the report, under the figures and at the end of a run, so that no
number travels without the sentence that limits it. `results` is the content
of results.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sernet_jax.corpora.protocols import PROTOCOLS
from sernet_jax.corpora.utterances import SYNTHETIC_NOTE
from sernet_jax.results import crossed
from sernet_jax.results.selections import SELECTIONS

_PAPER_EPOCHS = 300


def protocol(results: Mapping[str, Any]) -> tuple[str, str, str]:
  """Returns the protocol in words, what it shows, what it does not show."""
  entry = PROTOCOLS[results['protocol']]
  return entry.title, entry.shows, entry.does_not_show


def whom(results: Mapping[str, Any]) -> str:
  """Returns the kind of tests that `best_on_test` looked at."""
  return PROTOCOLS[results['protocol']].unit


def title(selection: str) -> str:
  """A selection in two or three words."""
  return SELECTIONS[selection].title


def meanings(results: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
  """Selection -> its name in words and what it is."""
  return {
    name: (
      title(name),
      SELECTIONS[name].meaning.format(whom=whom(results)),
    )
    for name in results['selections']
  }


def caption(selection: str, results: Mapping[str, Any]) -> str:
  """Selection and weights, in the title of a figure."""
  words, meaning = meanings(results)[selection]
  if SELECTIONS[selection].optimistic:
    words = f'{words}, {meaning.split(";")[0]}'
  return f'{words}; {results["weights_dtype"]} weights'


def notes(results: Mapping[str, Any]) -> list[str]:
  """Sentences that limit what the results may be taken for."""
  found = []
  if results['synthetic']:
    found.append(SYNTHETIC_NOTE)
  entry = PROTOCOLS[results['protocol']]
  if entry.caveat:
    found.append(entry.caveat)
  last = results['selections']['last']
  if results['epochs'] < _PAPER_EPOCHS:
    found.append(
      f'Trained for {times(results["epochs"], "epoch")} where the paper has '
      f'{_PAPER_EPOCHS}, so a full training may end elsewhere.'
    )
  tests = int(np.sum(last['pooled']['confusion']))
  if 'crossed' in results:
    uneven = crossed.uneven(results['crossed'])
    if uneven:
      found.append(
        'These folds have fewer classes than others, which makes them '
        f'easier, so their figures cannot be compared: {"; ".join(uneven)}.'
      )
  complete = entry.is_complete(
    len(last['folds']),
    tests,
    results['num_utterances'] * num_seeds(results),
    results.get('crossed', {}).get('corpora', ()),
  )
  if not complete:
    names = ', '.join(fold['name'] for fold in last['folds'])
    found.append(
      f'Only part of the protocol was run (folds: {names}), so the figures '
      'are not those of the whole corpus.'
    )
  if num_seeds(results) > 1:
    found.append(
      f'Every fold was trained with {num_seeds(results)} seeds; counts of '
      'tests are over all of them, and the intervals still cover only which '
      'speakers were recorded.'
    )
  if last['ci95'] is None:
    found.append(
      'Only one speaker was tested, so there is no interval: one voice says '
      'little about others.'
    )
  if results['skipped_files']:
    found.append(
      f'{times(len(results["skipped_files"]), "file")} could not be used and '
      f'{"was" if len(results["skipped_files"]) == 1 else "were"} left out.'
    )
  return found


def num_seeds(results: Mapping[str, Any]) -> int:
  """How often every fold was trained."""
  return len(results.get('seeds', [results['seed']]))


def guessing(results: Mapping[str, Any]) -> dict[str, float]:
  """What always naming the most frequent class of the tests would reach."""
  truth = np.sum(results['selections']['last']['pooled']['confusion'], axis=1)
  return {
    'wa': float(truth.max() / truth.sum()),
    'uar': float(1 / np.count_nonzero(truth)),
  }


def times(count: int, noun: str) -> str:
  """A count with its noun, one or many."""
  return f'{count} {noun}' if count == 1 else f'{count} {noun}s'
