"""The list that a corpus was published with: a table of some columns."""

from __future__ import annotations

import csv
import pathlib
from collections.abc import Iterator, Sequence

from sernet_jax.common.errors import InputError, require


def rows(
  path: pathlib.Path,
  columns: Sequence[str],
  source: str,
  separator: str = ',',
  quoted: bool = True,
) -> Iterator[tuple[int, dict[str, str]]]:
  """Yields line number and fields of each row, without blanks around them.

  Args:
    path: of the list.
    columns: that it must have; others are left out.
    source: where to take the list from, for sentences.
    separator: of the cells.
    quoted: whether a quote begins a cell with separators in it.

  Raises:
    InputError: if the list cannot be read or lacks a column.
  """
  try:
    with path.open(encoding='utf-8-sig', newline='') as file:
      found = csv.DictReader(
        file,
        delimiter=separator,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
      )
      names = found.fieldnames or ()
      missing = [name for name in columns if name not in names]
      require(
        not missing,
        f'{path} has no column {", ".join(missing)}; take the one of {source}',
      )
      for row in found:
        yield (
          found.line_num,
          {name: (row[name] or '').strip() for name in columns},
        )
  except (OSError, UnicodeDecodeError, csv.Error) as error:
    raise InputError(
      f'{path} cannot be read ({error}); take the one of {source}'
    ) from error
