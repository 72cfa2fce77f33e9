"""Names that are probably one: speakers written in two ways, equal labels."""

from __future__ import annotations

import collections
import re
import unicodedata
from collections.abc import Callable, Iterable

from sernet_jax.common.text import listing
from sernet_jax.corpora import vocabulary
from sernet_jax.corpora.utterances import Corpus, cautioned

# Letters of other scripts that look like Latin ones, in small letters.
_LATIN = str.maketrans('аеорсухіјѕһԁԛԝαονρυικ', 'aeopcyxijshdqwaovpuik')
_WHOLE = re.compile(r'(\d+)\.0+')
_ZEROS = re.compile(r'(?<!\d)0+(?=\d)')
# A blank, line or dot that does not part two numbers.
_SEPARATORS = re.compile(r'(?<!\d)[\s_.-]+|[\s_.-]+(?!\d)')


def noted(corpus: Corpus) -> Corpus:
  """Adds a problem for each group of speakers or labels that look alike.

  One person under two names is heard in training and tested as unknown; two
  words for one emotion are told apart as if they were two.
  """
  problems = [
    f'The speakers {_quoted(names)} look like one person written in '
    f'{len(names)} ways, who would then be in training and test: write one '
    'name, if so.'
    for names in _groups(corpus.speakers, plain)
  ]
  problems += [
    f'The labels {_quoted(names)} {_how(names)} and count as different '
    f'classes{_cure(corpus, names)}.'
    for names in _groups(corpus.classes, _meaning)
  ]
  return cautioned(corpus, problems) if problems else corpus


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
