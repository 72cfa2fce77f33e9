"""The lines that end a comparison on the terminal.

A setting is called by all fields in which it differs from the others, which
takes many lines where two networks or configs are compared. Where a line would
be longer than a terminal is wide, settings are letters, and a table says what
they stand for.
"""

from __future__ import annotations

import itertools
import pathlib
import re
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sernet_jax.common import text
from sernet_jax.results import caveats
from sernet_jax.sweep.settings import format_value

COLUMNS = 80


def summary_text(content: Mapping[str, Any], page: pathlib.Path) -> str:
  """Returns the lines that end a comparison on the terminal.

  Args:
    content: of comparison.json.
    page: comparison.html.
  """
  settings = content['settings']
  names = {row['name']: row['name'] for row in settings}
  scores = _scores(content, names)
  legend: list[str] = []
  if len(settings) > 1 and max(map(len, scores)) > COLUMNS:
    names = lettered(names)
    scores = _scores(content, names)
    legend = _legend(content, list(names.values()))
  lines = [
    *(renamed(warning, names) for warning in content['warnings']),
    f'{content["corpus"]}, {caveats.protocol(content["protocol"])[0]}, '
    f'{caveats.times(content["num_speakers"], "speaker")}, '
    f'{content["selection_title"]}, '
    f'{"mean of folds, " if content["mean_of_folds"] else ""}per cent:',
    *scores,
    *legend,
    *(f'  note: {renamed(note, names)}' for note in content['notes']),
    f'  look at {page}',
  ]
  return '\n'.join(map(text.printable, lines))


def _scores(content: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
  """Returns a line for each setting and for each difference that was tested."""
  width = max(map(len, names.values()))
  lines = []
  for row in content['settings']:
    found = row['selections'][content['selection']]
    interval = ''
    if found['ci95']:
      interval = ' [{} to {}]'.format(*map(text.percent, found['ci95']['uar']))
    lines.append(
      f'  {names[row["name"]]:<{width}}  '
      f'UAR {text.percent(found["scores"]["uar"])}{interval}, '
      f'WA {text.percent(found["scores"]["wa"])}, '
      f'{caveats.times(len(row["seeds"]), "seed")}'
    )
  return lines + [
    f'  {names[row["setting"]]} - {names[row["against"]]}: UAR '
    f'{100 * row["difference"]["uar"]:+.1f}, p {row["p_holm"]:.2g} (Holm)'
    for row in content['differences']
    if row['p_holm'] is not None
  ]


def lettered(names: Iterable[str]) -> dict[str, str]:
  """Returns names of settings -> the letters that stand for them."""
  return dict(zip(names, _letters(), strict=False))


def _letters() -> Iterator[str]:
  """Yields A to Z, AA to ZZ and so on."""
  for size in itertools.count(1):
    for letters in itertools.product(string.ascii_uppercase, repeat=size):
      yield ''.join(letters)


def _legend(content: Mapping[str, Any], letters: Sequence[str]) -> list[str]:
  """Returns tables of the fields, with as many settings side by side as fit."""
  columns = [
    {'': letter} | row['changes']
    for letter, row in zip(letters, content['settings'], strict=True)
  ]
  lines = []
  while columns:
    fitting = [_table(columns[:count]) for count in range(1, len(columns) + 1)]
    # Each is wider than the one before; one setting stands there in any case.
    count = sum(max(map(len, table)) <= COLUMNS for table in fitting) or 1
    lines += fitting[count - 1]
    columns = columns[count:]
  return lines


def _table(columns: Sequence[Mapping[str, Any]]) -> list[str]:
  """Returns a line for each field that one of the settings has."""
  lines = text.table(field_rows(columns), range(len(columns) + 1))
  return [f'  {line}' for line in lines]


def field_rows(columns: Sequence[Mapping[str, Any]]) -> list[list[str]]:
  """Lists a field and its values for each field that one of the settings has.

  Args:
    columns: field -> value of each setting.
  """
  return [
    [field, *(format_value(column[field]) or '(none)' for column in columns)]
    for field in columns[0]
    if any(column[field] is not None for column in columns)
  ]


def renamed(sentence: str, names: Mapping[str, str]) -> str:
  """Puts other names into a sentence, the longest first.

  A name can be the beginning of another: seed=1, seed=10.
  """
  order = sorted(names, key=len, reverse=True)
  pattern = '|'.join(map(re.escape, order))
  return re.sub(pattern, lambda match: names[match[0]], sentence)
