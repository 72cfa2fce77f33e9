"""Files of embeddings for other programs: .npz, .csv and .parquet."""

from __future__ import annotations

import csv
import io
import os
import pathlib
from collections.abc import Sequence

import numpy as np

from sernet_jax.common import extras, files, text
from sernet_jax.common.errors import require
from sernet_jax.predict import output
from sernet_jax.predict.inference import unsure
from sernet_jax.predict.inference.result import Recording, Window
from sernet_jax.results.formats import array_file

FORMATS = ('.npz', '.csv', '.parquet')
# How a file of each begins, so that nothing else is replaced by one.
_STARTS = {
  '.npz': b'PK\x03\x04',
  '.csv': b'recording,part,start_s,end_s,label,',
  '.parquet': b'PAR1',
}
CURE = files.Cure('--embeddings')


def check(path: pathlib.Path) -> None:
  """Refuses a path that no embeddings should be written to.

  Raises:
    InputError: if its name is of none of `FORMATS`, the library for it is
      missing, or if it holds something else.
  """
  suffix = path.suffix.lower()
  require(
    suffix in FORMATS,
    f'{path} does not name a file of embeddings; choose another --embeddings '
    f'that ends in {", ".join(FORMATS)}',
  )
  head = files.head(path, 'embeddings', CURE)
  require(
    not head or head.startswith(_STARTS[suffix]),
    f'{path} is there and holds no embeddings, so it is not overwritten; '
    'choose another --embeddings',
  )
  if suffix == '.parquet':
    _parquet()


class Table:
  """Embeddings of recordings and their windows, to be written at the end.

  Args:
    classes: in the order of the probabilities.
  """

  def __init__(self, classes: Sequence[str]) -> None:
    self.classes = [*classes]
    self._places: list[tuple[str, str, float, float, str]] = []
    self._shares: list[np.ndarray] = []
    self._rows: list[np.ndarray] = []

  def add(self, recording: Recording, name: str = '') -> None:
    """Adds a row for the recording and one for each window that has sound.

    Args:
      recording: with embeddings.
      name: instead of its path.
    """
    name = files.as_text(name or recording.path)
    self._add((name, 'whole', 0.0, recording.duration_s), recording)
    for window in recording.windows:
      if window.embedding is not None:
        place = (name, 'window', window.start_s, window.end_s)
        self._add(place, window)

  def _add(
    self, place: tuple[str, str, float, float], found: Recording | Window
  ) -> None:
    assert found.embedding is not None and found.probabilities is not None
    self._places.append((*place, found.label or unsure.NAME))
    self._shares.append(found.probabilities)
    self._rows.append(found.embedding)

  def rows(self, part: str) -> tuple[np.ndarray, list[str]]:
    """Returns the embeddings and labels of the rows of a part.

    Args:
      part: 'whole' or 'window'.

    Returns:
      (float32 (rows, channels), labels).
    """
    chosen = [
      index for index, place in enumerate(self._places) if place[1] == part
    ]
    size = len(self._rows[0]) if self._rows else 0
    rows = np.zeros((len(chosen), size), np.float32)
    for row, index in zip(rows, chosen, strict=True):
      row[:] = self._rows[index]
    return rows, [self._places[index][4] for index in chosen]

  def write(self, path: str | os.PathLike[str]) -> None:
    """Writes all rows in the format of the file's name, whole or not at all.

    Columns of .csv and .parquet: those of predictions, then `e0`, `e1`, ... The
    .npz has `embeddings` (rows, channels) and `probabilities` (rows, classes),
    float32, their `classes`, and `recording`, `part`, `start_s`, `end_s` and
    `label` (rows,).

    Raises:
      InputError: as `check`, if there is no row, or if the file cannot be
        written.
    """
    path = pathlib.Path(path)
    check(path)
    require(
      bool(self._rows), f'there is no embedding to write to {path}; give a '
      'recording that can be used'
    )  # fmt: skip
    names = output.columns(self.classes)[:-1]  # no notes
    places = dict(zip(names, zip(*self._places, strict=True), strict=False))
    shares, rows = np.stack(self._shares), np.stack(self._rows)
    if path.suffix.lower() == '.npz':
      arrays = {name: np.array(column) for name, column in places.items()}
      arrays |= {'classes': np.array(self.classes)}
      arrays |= {'probabilities': shares, 'embeddings': rows}
      array_file.write(path, CURE, **arrays)
      return
    names += [f'e{index}' for index in range(rows.shape[1])]
    numbers = np.concatenate([shares, rows], axis=1)
    if path.suffix.lower() == '.csv':
      content = self._csv(names, numbers)
    else:
      columns = [*map(list, places.values()), *numbers.T]
      content = _parquet_bytes(dict(zip(names, columns, strict=True)))
    files.write_bytes(path, content, CURE)

  def _csv(self, names: Sequence[str], numbers: np.ndarray) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator='\n')
    writer.writerow(names)
    for (name, part, start_s, end_s, label), row in zip(
      self._places, numbers, strict=True
    ):
      # 9 digits tell every two float32 apart.
      cells = [f'{float(number):.9g}' for number in row]
      times = [f'{start_s:.4f}', f'{end_s:.4f}']
      writer.writerow([text.cell(name), part, *times, text.cell(label), *cells])
    return file.getvalue().encode()


def _parquet_bytes(columns: dict[str, Sequence[object] | np.ndarray]) -> bytes:
  pyarrow, parquet = _parquet()
  file = io.BytesIO()
  parquet.write_table(pyarrow.table(columns), file)
  return file.getvalue()


def _parquet() -> tuple:
  try:
    import pyarrow
    from pyarrow import parquet
  except ImportError as error:
    raise extras.missing(
      'a .parquet file needs',
      'parquet',
      'choose another --embeddings that ends in .npz or .csv',
    ) from error
  return pyarrow, parquet
