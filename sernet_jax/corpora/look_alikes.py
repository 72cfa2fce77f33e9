"""Names that are probably one: speakers, labels and sentences in two spellings."""

from __future__ import annotations

import collections
import dataclasses
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable

from sernet_jax.common.text import listing
from sernet_jax.corpora import vocabulary
from sernet_jax.corpora.utterances import UNKNOWN_SPEAKER, Corpus, cautioned

# Letters of other scripts that look like Latin ones, in small letters.
_LATIN = str.maketrans('аеорсухіјѕһԁԛԝαονρυικ', 'aeopcyxijshdqwaovpuik')
_WHOLE = re.compile(r'(\d+)\.0+')
_ZEROS = re.compile(r'(?<!\d)0+(?=\d)')
# A blank, line or dot that does not part two numbers.
_SEPARATORS = re.compile(r'(?<!\d)[\s_.-]+|[\s_.-]+(?!\d)')
_BLANKS = re.compile(r'(?<!\d)\s+|\s+(?!\d)')


def noted(corpus: Corpus, own: Collection[str] = ()) -> Corpus:
  """Adds a problem for each group of speakers or labels that look alike.

  One person under two names is heard in training and tested as unknown; two
  words for one emotion are told apart as if they were two. Sentences that look
  alike become one, of which `loso_text` never trains one spelling and tests the
  other: should they be two, no figure is worse than it is said to be.

  Args:
    corpus: perhaps several joined.
    own: those of `Utterance.corpus` that are lists or folders of one's own, which
      may share people and sentences; other corpora have names in common by
      chance, and sentences by codes.
  """
  problems = [
    f'The speakers {_quoted(names)} look like one person written in '
    f'{len(names)} ways, who would then be in training and test: write one '
    'name, if so.'
    for names in _groups(corpus.speakers, plain)
  ]
  problems += _shared_speakers(corpus, own)
  problems += [
    f'The labels {_quoted(names)} {_how(names)} and count as different '
    f'classes{_cure(corpus, names)}.'
    for names in _groups(corpus.classes, _meaning)
  ]
  corpus = _one_spelling(corpus, own)
  return cautioned(corpus, problems) if problems else corpus


def _shared_speakers(corpus: Corpus, own: Collection[str]) -> list[str]:
  """Tells which speakers of joined corpora have one name, in one sentence."""
  named = {(u.corpus, u.speaker) for u in corpus.utterances if u.corpus in own}
  by_name: dict[str, dict[str, str]] = collections.defaultdict(dict)
  for joined, speaker in sorted(named):
    name = speaker.removeprefix(f'{joined}/')
    if joined and name != UNKNOWN_SPEAKER:
      by_name[plain(name)][joined] = speaker
  pairs = [
    ' and '.join(repr(speaker) for speaker in each.values())
    for each in by_name.values()
    if len(each) > 1
  ]
  if not pairs:
    return []
  count = 'A name' if len(pairs) == 1 else f'{len(pairs)} names'
  return [
    f'{count} of speakers in several lists ({listing(pairs, 3, "; ")}) count as '
    'different people: if they are the same, who is tested was trained on, so '
    'write them into one list; if not, give them other names.'
  ]


def _one_spelling(corpus: Corpus, own: Collection[str]) -> Corpus:
  """Replaces sentences that look alike by the first of them, with a remark."""
  spoken = {
    (u.corpus, u.text) for u in corpus.utterances if u.text and u.corpus in own
  }
  by_words = collections.defaultdict(list)
  for joined, text in sorted(spoken):
    by_words[_words(text.removeprefix(f'{joined}/'))].append(text)
  alike = [texts for key, texts in by_words.items() if key and len(texts) > 1]
  if not alike:
    return corpus
  first = {text: texts[0] for texts in alike for text in texts}
  utterances = (
    dataclasses.replace(u, text=first[u.text])
    if u.corpus in own and u.text in first
    else u
    for u in corpus.utterances
  )
  examples = [' and '.join(map(repr, texts)) for texts in alike]
  remark = (
    f'{len(first)} spellings of sentences count as {len(alike)}: '
    f'{listing(examples, 3, "; ")}.'
  )
  return dataclasses.replace(
    corpus,
    utterances=tuple(utterances),
    remarks=(*corpus.remarks, remark),
  )


def _words(text: str) -> str:
  """Letters and digits of a sentence; what parts two numbers is a blank."""
  kept = (
    # Punctuation, symbols, blanks and controls; not marks, which are vowels.
    ' ' if unicodedata.category(c)[0] in 'PSZC' else c
    for c in plain(text)
  )
  return _BLANKS.sub('', ''.join(kept))


def plain(name: str) -> str:
  """Drops what people write in different ways: '03' and 'Spk-03' are '3', 'spk3'.

  These are capitals, forms of one Unicode character, invisible ones, letters of
  other scripts that look alike, '3.0' for '3', zeros before a number, and blanks,
  lines and dots, except between two numbers.
  """
  text = _visible(name)
  if match := _WHOLE.fullmatch(text):  # as spreadsheets write it
    text = match[1]
  return _ZEROS.sub('', _SEPARATORS.sub('', text))


def _visible(name: str) -> str:
  text = unicodedata.normalize('NFKC', name).casefold().translate(_LATIN)
  return ''.join(c for c in text if unicodedata.category(c) != 'Cf').strip()


def _meaning(label: str) -> str:
  name = vocabulary.shared(label) or vocabulary.shared(_visible(label))
  return f'={name}' if name else plain(label)


def _groups(names: Iterable[str], key: Callable[[str], str]) -> list[list[str]]:
  """Returns the names that have the same key, where there are several."""
  by_key = collections.defaultdict(list)
  for name in names:
    by_key[key(name)].append(name)
  return [group for group in by_key.values() if len(group) > 1]


def _quoted(names: list[str]) -> str:
  return listing([repr(name) for name in names])


def _how(names: list[str]) -> str:
  if len({name.casefold() for name in names}) == 1:
    return 'differ only in capitals'
  if len({_visible(name) for name in names}) == 1:
    return 'look the same'
  return f'mean the same ({vocabulary.shared(names[0]) or names[0]})'


def _cure(corpus: Corpus, names: list[str]) -> str:
  """Returns the setting that merges the labels, if it can be written."""
  if any(
    set(label) & set(',=+') or label[:1] == '-' for label in corpus.classes
  ):
    return ''
  name = vocabulary.shared(names[0]) or names[0]
  merged = f'{name}={"+".join(names)}'
  others = [label for label in corpus.classes if label not in names]
  return f'; --config.data.classes={",".join([merged, *others])} merges them'
