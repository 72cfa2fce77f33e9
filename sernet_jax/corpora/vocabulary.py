"""One vocabulary of emotions, so that corpora can be joined and crossed.

Every corpus of this package labels with `NAMES`; `shared` finds the name for
the words of other lists. `choose` selects and merges classes as
`config.data.classes` asks:

  anger,happiness,neutral,sadness     these four, everything else left out
  anger,neutral=neutral+calm          calm counts as neutral
  -boredom                            all but boredom
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Mapping

from sernet_jax.common.errors import InputError, nearest, require
from sernet_jax.common.text import listing
from sernet_jax.corpora.utterances import Corpus

NAMES = (
  'anger',
  'boredom',
  'calm',
  'contempt',
  'disgust',
  'excitement',
  'fear',
  'frustration',
  'happiness',
  'neutral',
  'sadness',
  'surprise',
)
# Words of other lists, in small letters. Only what means the same: 'anxiety'
# is what EMO-DB's own documents call its fear.
SYNONYMS = {
  'ang': 'anger',
  'angry': 'anger',
  'annoyance': 'anger',
  'rage': 'anger',
  'bored': 'boredom',
  'calmness': 'calm',
  'contemptuous': 'contempt',
  'dis': 'disgust',
  'disgusted': 'disgust',
  'exc': 'excitement',
  'excited': 'excitement',
  'afraid': 'fear',
  'anxiety': 'fear',
  'anxious': 'fear',
  'fea': 'fear',
  'fearful': 'fear',
  'fru': 'frustration',
  'frustrated': 'frustration',
  'hap': 'happiness',
  'happy': 'happiness',
  'joy': 'happiness',
  'joyful': 'happiness',
  'neu': 'neutral',
  'neutrality': 'neutral',
  'sad': 'sadness',
  'ps': 'surprise',
  'sur': 'surprise',
  'surprised': 'surprise',
  'pleasant_surprise': 'surprise',
}


@dataclasses.dataclass(frozen=True)
class Choice:
  """The classes that `config.data.classes` asks for.

  Attributes:
    classes: class -> the labels that count as it; empty for all there are.
    without: labels left out on purpose.
  """

  classes: Mapping[str, tuple[str, ...]]
  without: tuple[str, ...]


def shared(label: str) -> str | None:
  """Returns the name of the vocabulary for a label, None if there is none."""
  word = label.strip().casefold().replace(' ', '_')
  return word if word in NAMES else SYNONYMS.get(word)


def parse(text: str) -> Choice:
  """Reads `config.data.classes`.

  Raises:
    InputError: for an empty name, or one that is asked for twice.
  """
  classes: dict[str, tuple[str, ...]] = {}
  without: list[str] = []
  seen: dict[str, str] = {}
  for item in filter(None, (part.strip() for part in text.split(','))):
    if item.startswith('-'):
      name, sources = '', [item[1:].strip()]
      without += sources
    else:
      name, equals, right = item.partition('=')
      name = name.strip()
      sources = [s.strip() for s in right.split('+')] if equals else [name]
      require(
        name not in classes,
        f'data.classes names the class {name!r} twice; write '
        f'{name}={name}+OTHER to merge',
      )
      classes[name] = tuple(sources)
    for part in sources if item.startswith('-') else [name, *sources]:
      require(
        bool(part),
        f'data.classes has the item {item!r}; write a class, CLASS=LABEL+LABEL '
        'to merge, or -LABEL to leave one out, with commas between them',
      )
    for source in sources:
      require(
        source not in seen,
        f'data.classes uses the label {source!r} in {seen.get(source)!r} and '
        f'in {item!r}; use it once',
      )
      seen[source] = item
  return Choice(classes, tuple(without))


def choose(corpus: Corpus, text: str) -> Corpus:
  """Selects and merges classes; unchanged for an empty `text`.

  A label is looked for as it is written, then by its name in the vocabulary.

  Args:
    corpus: the utterances.
    text: `config.data.classes`.

  Returns:
    The corpus with the classes asked for, in alphabetical order; what was
    left out is one of its problems.

  Raises:
    InputError: if `text` cannot be read or asks for a label that no utterance
      has, or if there are labels that neither it nor the vocabulary knows.
  """
  choice = parse(text)
  if not choice.classes and not choice.without:
    return corpus
  _check_sources(corpus, choice)
  target = {s: name for name, ss in choice.classes.items() for s in ss}
  mapping, unknown = {}, []
  for label in corpus.classes:
    if label in choice.without:
      continue
    names = [label] + ([shared(label)] if shared(label) else [])
    found = [target[name] for name in names if name in target]
    if found:
      mapping[label] = found[0]
    elif not choice.classes and not set(names) & set(choice.without):
      mapping[label] = label
    elif not shared(label):
      unknown.append(label)
  _require_known(corpus, unknown)
  return relabeled(corpus, mapping)


def unify(corpus: Corpus, text: str = '') -> Corpus:
  """Renames every label to its name in the vocabulary.

  Args:
    corpus: the utterances.
    text: `config.data.classes`; labels it names stay as they are.

  Raises:
    InputError: if there are labels that neither knows.
  """
  choice = parse(text)
  named = {s for sources in choice.classes.values() for s in sources}
  named |= set(choice.without)
  mapping = {
    label: label if label in named else shared(label)
    for label in corpus.classes
  }
  unknown = [label for label, name in mapping.items() if name is None]
  _require_known(corpus, unknown)
  return relabeled(corpus, {k: v for k, v in mapping.items() if v})


def relabeled(corpus: Corpus, mapping: Mapping[str, str]) -> Corpus:
  """Replaces the labels of a corpus.

  Args:
    corpus: the utterances.
    mapping: label -> class; utterances of other labels are left out, which
      becomes one more problem.
  """
  if all(mapping.get(label) == label for label in corpus.classes):
    return corpus
  kept = tuple(
    dataclasses.replace(u, label=mapping[u.label])
    for u in corpus.utterances
    if u.label in mapping
  )
  lost = {
    label: count
    for label, count in _counts(corpus).items()
    if label not in mapping
  }
  problems = corpus.problems
  if lost:
    problems = (
      *problems,
      f'{sum(lost.values())} utterances of other classes are left out: '
      f'{_listed(lost)}.',
    )
  return dataclasses.replace(
    corpus,
    classes=tuple(sorted(set(mapping.values()))),
    utterances=kept,
    problems=problems,
    expected_speakers=(),
  )


def _check_sources(corpus: Corpus, choice: Choice) -> None:
  """Checks that every class has an utterance and no label is misspelt."""
  there = set(corpus.classes)
  there |= {name for name in map(shared, corpus.classes) if name}
  for sources in choice.classes.values():
    for source in sources:
      # A known emotion may be absent as long as its class has another label.
      known = source in NAMES and bool(set(sources) & there)
      require(
        source in there or known,
        f'data.classes asks for {source!r}, which no utterance of '
        f'{corpus.name} has: {nearest(source, there)}',
      )
  for source in choice.without:
    require(
      source in there or source in NAMES,
      f'data.classes leaves out {source!r}, which no utterance of '
      f'{corpus.name} has: {nearest(source, there)}',
    )


def _require_known(corpus: Corpus, unknown: list[str]) -> None:
  if not unknown:
    return
  counts = {label: _counts(corpus)[label] for label in unknown}
  some = unknown[0]
  raise InputError(
    f'{corpus.name} has unknown labels: {_listed(counts)}; say in '
    f"data.classes what they count as (such as 'neutral=neutral+{some}'), or "
    f"leave them out ('-{some}')"
  )


def _counts(corpus: Corpus) -> collections.Counter[str]:
  return collections.Counter(u.label for u in corpus.utterances)


def _listed(counts: Mapping[str, int], limit: int = 20) -> str:
  """Writes 'joy 12, awe 3', the most frequent first."""
  ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
  return listing([f'{label} {count}' for label, count in ordered], limit)
