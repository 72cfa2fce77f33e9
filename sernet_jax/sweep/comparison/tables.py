"""A comparison as tables for papers and spreadsheets: .tex, .md and .csv.

The numbers are those of comparison.json, in per cent in the first two and
unrounded in the last. Where names of settings are long, as those of networks, the
first two call them by letters, and their last table says what these stand for.
"""

from __future__ import annotations

import csv
import io
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from sernet_jax.common import files, text
from sernet_jax.results import caveats
from sernet_jax.sweep.comparison import last_lines

SCORES = {'uar': 'UAR', 'wa': 'WA', 'f1_macro': 'macro F1'}
_LONGEST = 48  # letters of a name in the column of a table
_TEX = {
  '\\': r'\textbackslash{}',
  '~': r'\textasciitilde{}',
  '^': r'\textasciicircum{}',
  **{letter: f'\\{letter}' for letter in '&%$#_{}'},
}


def write(folder: pathlib.Path, content: Mapping[str, Any]) -> None:
  """Writes comparison.tex, .md and .csv into a folder.

  Args:
    folder: of the comparison.
    content: of comparison.json.
  """
  for suffix, make in (('tex', tex), ('md', markdown), ('csv', spreadsheet)):
    path = folder / f'comparison.{suffix}'
    files.write_bytes(path, make(content).encode())


def tex(content: Mapping[str, Any]) -> str:
  """Returns tables for LaTeX with the package booktabs."""
  names = _names(content)
  lines = [
    f'% {_one_line(last_lines.renamed(note, names))}'
    for note in (*content['warnings'], _caption(content), *content['notes'])
  ]
  for header, rows in _tables(content):
    cells = [[_tex(cell) for cell in row] for row in (header, *rows)]
    body = [f'{" & ".join(row)} \\\\' for row in cells]
    lines += [
      '\\begin{tabular}{l' + 'r' * (len(header) - 1) + '}',
      '\\toprule',
      body[0],
      '\\midrule',
      *body[1:],
      '\\bottomrule',
      '\\end{tabular}',
    ]
  return '\n'.join([*lines, ''])


def markdown(content: Mapping[str, Any]) -> str:
  """Returns tables for Markdown, with the notes of the comparison."""
  names = _names(content)

  def sentence(given: str) -> str:
    return _markdown(last_lines.renamed(given, names))

  lines = [f'**{sentence(one)}**\n' for one in content['warnings']]
  lines += [_markdown(_caption(content)), '']
  lines += [f'- {sentence(note)}' for note in content['notes']]
  for header, rows in _tables(content):
    cells = [[_markdown(cell) for cell in row] for row in (header, *rows)]
    rule = ['---'] + ['---:'] * (len(header) - 1)
    lines += [
      '',
      *(f'| {" | ".join(row)} |' for row in (cells[0], rule, *cells[1:])),
    ]
  return '\n'.join([*lines, ''])


def spreadsheet(content: Mapping[str, Any]) -> str:
  """Returns the scores of the settings as CSV, as shares of 1."""
  file = io.StringIO()
  writer = csv.writer(file, lineterminator='\n')
  names = [f'{name}{end}' for name in SCORES for end in ('', '_low', '_high')]
  writer.writerow(['setting', 'selection', 'seeds', *names])
  for row in content['settings']:
    found = row['selections'][content['selection']]
    cells: list[Any] = []
    for name in SCORES:
      edges = found['ci95'][name] if found['ci95'] else ('', '')
      cells += [found['scores'][name], *edges]
    writer.writerow(
      [text.cell(row['name']), content['selection'], len(row['seeds']), *cells]
    )
  return file.getvalue()


def _names(content: Mapping[str, Any]) -> dict[str, str]:
  """Returns names of settings -> what the tables call them."""
  names = [row['name'] for row in content['settings']]
  if max(map(len, names)) > _LONGEST:
    return last_lines.lettered(names)
  return {name: name for name in names}


def _caption(content: Mapping[str, Any]) -> str:
  return (
    f'{content["corpus"]}, {caveats.protocol(content["protocol"])[0]}, '
    f'{caveats.times(content["num_speakers"], "speaker")}, '
    f'{content["selection_title"]}, {content["weights_dtype"]} weights; '
    f'{"mean of folds, " if content["mean_of_folds"] else ""}per cent with '
    '95 % intervals'
  )


def _tables(
  content: Mapping[str, Any],
) -> list[tuple[list[str], list[list[str]]]]:
  """Lists (header, rows) of settings, of differences and of long names, if any."""
  names = _names(content)
  settings = []
  for row in content['settings']:
    found = row['selections'][content['selection']]
    cells = [_percent(found['scores'], found['ci95'], name) for name in SCORES]
    settings.append([names[row['name']], str(len(row['seeds'])), *cells])
  tables = [(['setting', 'seeds', *SCORES.values()], settings)]
  pairs = []
  for row in content['differences']:
    cells = [
      _percent(row['difference'], row['ci95'], name, signed=True)
      for name in SCORES
    ]
    p = '-' if row['p_holm'] is None else f'{row["p_holm"]:.2g}'
    pair = (names.get(row[end], row[end]) for end in ('setting', 'against'))
    pairs.append([' - '.join(pair), *cells, p])
  if pairs:
    tables.append((['difference', *SCORES.values(), 'p (Holm)'], pairs))
  if any(name != letter for name, letter in names.items()):
    changes = [row['changes'] for row in content['settings']]
    fields = last_lines.field_rows(changes)
    tables.append((['field', *names.values()], fields))
  return tables


def _percent(
  scores: Mapping[str, float] | None,
  ci95: Mapping[str, Sequence[float]] | None,
  name: str,
  signed: bool = False,
) -> str:
  """Formats e.g. '77.7 [73.5, 81.1]'; '-' where there is no score."""
  if not scores:
    return '-'

  def shown(share: float) -> str:
    return f'{100 * share:+.1f}' if signed else text.percent(share)

  found = shown(scores[name])
  if ci95:
    low, high = map(shown, ci95[name])
    found += f' [{low}, {high}]'
  return found


def _one_line(given: str) -> str:
  return text.printable(given)


def _tex(cell: str) -> str:
  return ''.join(_TEX.get(letter, letter) for letter in _one_line(cell))


def _markdown(cell: str) -> str:
  return text.markdown(cell)
