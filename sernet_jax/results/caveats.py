"""Sentences on what the results of a run may and may not be taken for.

They stand in the report, under the figures and at the end of a run, so that
no number travels without the sentence that limits it.
"""

from __future__ import annotations

import collections

import numpy as np

from sernet_jax.common import text
from sernet_jax.corpora.protocols import PROTOCOLS, SCORES
from sernet_jax.corpora.utterances import SYNTHETIC_NOTE, is_unknown
from sernet_jax.results import crossed, statistics
from sernet_jax.results.run_results import Results
from sernet_jax.results.selections import SELECTIONS

_FAR = 0.1  # of a UAR
_ROUNDED = 0.05  # likewise, that rounding weights may change


def protocol(name: str) -> tuple[str, str, str]:
  """Returns a protocol in words, what it shows, what it does not show."""
  entry = PROTOCOLS[name]
  return entry.title, entry.shows, entry.does_not_show


def whom(protocol: str) -> str:
  """Returns the kind of tests that `best_on_test` looked at."""
  return PROTOCOLS[protocol].unit


def footer(synthetic: bool) -> str:
  """Returns the line that goes below every figure."""
  return SYNTHETIC_NOTE if synthetic else ''


def about(results: Results, num_folds: int = 0) -> str:
  """Corpus, protocol and epochs of the results, with or without folds."""
  folds = f'{times(num_folds, "fold")}, ' if num_folds else ''
  return (
    f'{results.corpus}, {protocol(results.protocol)[0]}, {folds}'
    f'{times(results.epochs, "epoch")}'
  )


def title(selection: str) -> str:
  """Returns a selection in two or three words."""
  return SELECTIONS[selection].title


def meanings(results: Results) -> dict[str, tuple[str, str]]:
  """Selection -> its name in words and what it is."""
  entry = PROTOCOLS[results.protocol]
  return {
    name: (
      title(name),
      SELECTIONS[name].meaning.format(
        whom=entry.unit,
        held_out=entry.holds_out,
        score=SCORES[results.choose_by],
      ),
    )
    for name in results.selections
  }


def caption(selection: str, results: Results) -> str:
  """Selection and weights, in the title of a figure."""
  words, meaning = meanings(results)[selection]
  if SELECTIONS[selection].optimistic:
    words = f'{words}, {meaning.split(";")[0]}'
  return f'{words}; {results.weights_dtype} weights'


def notes(results: Results) -> list[str]:
  """Sentences that limit what the results may be taken for.

  `stale` is not among them: it stands above everything else.
  """
  found: list[str] = []
  num_seeds = len(results.all_seeds)
  if results.synthetic:
    found.append(SYNTHETIC_NOTE)
  entry, last = PROTOCOLS[results.protocol], results.last
  if entry.caveat:
    found.append(entry.caveat)
  if results.epochs < results.published_epochs:
    found.append(
      f'Trained for {times(results.epochs, "epoch")} where the paper has '
      f'{results.published_epochs}, so a full training may end elsewhere.'
    )
  if results.crossed:
    uneven = crossed.uneven(results.crossed)
    if uneven:
      found.append(
        'These folds have fewer classes than others, which makes them '
        f'easier, so their figures cannot be compared: {"; ".join(uneven)}.'
      )
  complete = entry.is_complete(
    len(last.folds),
    results.num_tests,
    results.num_utterances * num_seeds,
    results.crossed.corpora if results.crossed else (),
  )
  if not complete:
    names = ', '.join(fold.name for fold in last.folds)
    found.append(
      f'Only part of the protocol was run (folds: {names}), so the figures '
      'are not those of the whole corpus.'
    )
  if num_seeds > 1:
    found.append(
      f'Every fold was trained with {num_seeds} seeds; counts of '
      'tests are over all of them, and the intervals still cover only which '
      'speakers were recorded.'
    )
  found += _of_unknown_speakers(results)
  found += _of_few_speakers(results)
  found += _of_rounding(results)
  found += results.cautions
  if results.skipped_files:
    found.append(
      f'{times(len(results.skipped_files), "file")} could not be used and '
      f'{"was" if len(results.skipped_files) == 1 else "were"} left out.'
    )
  return found


def _of_unknown_speakers(results: Results) -> list[str]:
  """Says of how many tests nobody knows who speaks, if there are some."""
  speakers, of_all = results.last.speakers, results.num_tests
  count = sum(one.n for one in speakers if is_unknown(one.name))
  if not count:
    return []
  first = f'Nobody knows who speaks in {count} of {times(of_all, "test")}'
  if statistics.are_unknown([one.name for one in speakers]):
    return [f'{first}, so there is no interval over speakers.']
  return [
    f'{first}; they count as one voice{" of each corpus" * bool(results.crossed)}'
    ', so that an interval over speakers may be too narrow or too wide, and the p '
    'of a comparison too small or too large.'
  ]


def _of_few_speakers(results: Results) -> list[str]:
  """Says where speakers are too few for an interval, or for one of its width."""
  # Speakers have their corpus before the name.
  of: collections.Counter[str] = collections.Counter()
  unknown = set()
  for speaker in results.last.speakers:
    corpus = speaker.name.partition('/')[0] if results.crossed else ''
    of[corpus] += 1
    if is_unknown(speaker.name):
      unknown.add(corpus)
  found = []
  for corpus, count in sorted(of.items()):
    if corpus in unknown:  # said by itself
      continue
    where = f' of {corpus}' if corpus else ''
    if count == 1:
      found.append(
        f'Only one speaker{where} was tested, so there is no interval: one voice '
        'says little about others.'
      )
    elif count < statistics.LEAST and (corpus or results.last.ci95 is None):
      found.append(
        f'Only {count} speakers{where} were tested, too few for an interval: '
        'they say little about other voices.'
      )
    elif count < statistics.ENOUGH:
      found.append(
        f'Only {count} speakers{where} were tested, and an interval over so few '
        'is too narrow: the figure of other speakers lies outside it far more '
        'often than 5 times in 100.'
      )
  if results.crossed:
    folds = [
      cell.fold
      for cell in results.crossed.selections['last']
      if cell.ci95 is None
      and cell.test not in unknown
      and of[cell.test] >= statistics.LEAST
    ]
    if folds:
      found.append(
        f'Fewer than {statistics.LEAST} speakers say the classes of '
        f'{text.listing(folds, 5)}, too few for an interval there or of a mean '
        'over the folds.'
      )
  return found


def _of_rounding(results: Results) -> list[str]:
  """Says where the rounding of weights, not the training, decides on figures.

  Statistics of features that are not standardized may be beyond what fp16 holds:
  the layer then says the same of everything, and nothing fails.
  """
  changed = []
  for name, whole in (results.selections_float32 or {}).items():
    if name in results.selections:
      rounded, before = results.selections[name].pooled.uar, whole.pooled.uar
      if abs(rounded - before) >= _ROUNDED:
        edges = text.percent(before), text.percent(rounded)
        changed.append(f'{title(name)} from {edges[0]} to {edges[1]} %')
  if not changed:
    return []
  return [
    f'Rounding the weights to {results.weights_dtype} changes the UAR '
    f'({"; ".join(changed)}), and the figures are those of rounded ones, which hold '
    'no number above 65504 and none below 6e-8; results.json has both.'
  ]


def stale(results: Results) -> str:
  """Returns a warning where moving statistics hide what the weights know, or ''.

  It is the first line of whatever shows scores of `last` or runs its weights.

  That is: `last` is less than half as far above guessing as the same weights
  with statistics taken once more, and by more than a tenth.
  """
  if 'last_recomputed' not in results.selections:
    return ''
  guess = guessing(results)['uar']
  last, again = (
    results.selections[name].pooled.uar for name in ('last', 'last_recomputed')
  )
  mean = ''
  if results.crossed:
    # All tests together may be well above guessing where only the corpora are
    # told apart.
    each = [
      crossed.headline(results.crossed, name)
      for name in ('last', 'last_recomputed')
    ]
    guess, mean = each[0]['guess'], 'Mean '
    last, again = (found['uar']['mean'] for found in each)
  if again - last < _FAR or last - guess > (again - guess) / 2:
    return ''
  return (
    f'{mean}UAR {text.percent(last)} % of `last` is near guessing because its '
    'BatchNorm statistics lag behind; use `last_recomputed`, with '
    f'{text.percent(again)} %.'
  )


def guessing(results: Results) -> dict[str, float]:
  """Scores of always naming the most frequent class of the tests."""
  truth = np.sum(results.last.pooled.confusion, axis=1)  # (C,)
  return {
    'wa': float(truth.max() / truth.sum()),
    'uar': float(1 / np.count_nonzero(truth)),
  }


def times(count: int, noun: str) -> str:
  """A count with its noun, one or many."""
  return f'{count} {noun}' if count == 1 else f'{count} {noun}s'
