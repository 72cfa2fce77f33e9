"""In words: what the results of a run may and may not be taken for.

Said in the report, under the figures and at the end of a run, so that no
number travels without the sentence that limits it. `results` is the content
of results.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sernet_jax.corpora.utterances import SYNTHETIC_NOTE
from sernet_jax.results import crossed
from sernet_jax.results.selections import SELECTIONS

_PAPER_EPOCHS = 300

# Short name; what the figures show; what they do not show.
_PROTOCOLS = {
  'loso': (
    'one speaker left out at a time',
    'Each test speaker was judged by a network that had never heard this '
    'speaker, so the figures estimate how well emotions are recognised in an '
    'unknown voice that speaks and was recorded as in this corpus.',
    'They do not show how it fares with other languages, microphones or ways '
    'of speaking; and other recordings of the same sentences may have been '
    'trained on.',
  ),
  'random10': (
    'ten random folds, speakers mixed',
    'The folds were drawn at random within each class, so every tested '
    'speaker was also heard in training: the figures tell how well emotions '
    'are recognised in voices the network knows.',
    'They do not show how it fares with an unknown voice; expect less there '
    '(leaving speakers out has cost a classical system 9 to 13 points on '
    'EMO-DB).',
  ),
  'emobox': (
    'the five folds of EmoBox, speakers mixed',
    'The test sets are the five fixed ones of the EmoBox benchmark, for a '
    'comparison with results published on the same folds.',
    'Their speakers were also heard in training, so they do not show how it '
    'fares with an unknown voice; expect less there.',
  ),
  'paper2021': (
    'ten random pairs of ten folds, speakers mixed',
    'Each test set is a random fifth of the corpus, as in the published '
    'table, which this protocol is for; an utterance is tested twice on '
    'average, and what was published is the selection best_on_test.',
    'Every tested speaker was also heard in training and the tests overlap, '
    'so they do not show how it fares with an unknown voice; expect less '
    'there, and take the intervals for too narrow.',
  ),
  'loco': (
    'one corpus left out at a time',
    'Each corpus was judged by a network trained on the others alone, so the '
    'figures estimate how well emotions are recognised in recordings of '
    'another kind: other speakers, microphones, ways of acting and labelling '
    'and, where the corpora differ in it, another language.',
    'They hold for these corpora and their shared classes. They do not show '
    'how it fares on others or on speech that nobody acted, and not why a '
    'figure is low: sound, language and the meaning of a label change at '
    'once.',
  ),
  'cross': (
    'trained on one corpus, tested on another',
    'Each cell of the matrix is a network trained on one corpus alone and '
    'tested on all of another, on the classes that both have: how far what '
    'was learned from the one carries over to the other.',
    'A cell holds for its pair, and the corpora differ in size too, so a row '
    'is no ranking of corpora. The pooled figures mix all pairs and count '
    'each utterance once for every training corpus: read the matrix.',
  ),
  'all': (
    'trained on everything, judged on the same recordings',
    'How well the network fits the recordings it was trained on; this run is '
    'for its weights.',
    'It says nothing about any other recording or voice: for that, train the '
    "same settings with protocol.name='loso'.",
  ),
}


def protocol(results: Mapping[str, Any]) -> tuple[str, str, str]:
  """Short name of the protocol, what it shows, what it does not."""
  return _PROTOCOLS[results['protocol']]


def whom(results: Mapping[str, Any]) -> str:
  """Whose figures `best_on_test` looked at."""
  return {'loso': 'speakers', 'loco': 'corpora', 'cross': 'corpora'}.get(
    results['protocol'], 'utterances'
  )


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
  if results['protocol'] == 'all':
    found.append(
      'The tests are the training set itself, so these figures say nothing '
      "about new recordings; protocol.name='loso' does."
    )
  last = results['selections']['last']
  if results['epochs'] < _PAPER_EPOCHS:
    found.append(
      f'Trained for {times(results["epochs"], "epoch")} where the paper has '
      f'{_PAPER_EPOCHS}, so a full training may end elsewhere.'
    )
  tests = int(np.sum(last['pooled']['confusion']))
  if results['protocol'] == 'paper2021':
    complete = len(last['folds']) == 10
  elif 'crossed' in results:
    count = len(results['crossed']['corpora'])
    folds = count if results['protocol'] == 'loco' else count * (count - 1)
    complete = len(last['folds']) == folds
    uneven = crossed.uneven(results['crossed'])
    if uneven:
      found.append(
        'These folds have fewer classes than others, which makes them '
        f'easier, so their figures cannot be compared: {"; ".join(uneven)}.'
      )
  else:
    complete = tests == results['num_utterances'] * num_seeds(results)
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
