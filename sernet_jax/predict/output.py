"""Predictions as a table for people, CSV for spreadsheets, JSON for programs.

JSON is one object per line and recording (JSON Lines), so that output of any
length can be read while it is written.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common import files, text
from sernet_jax.predict.inference import unsure
from sernet_jax.predict.inference.result import Recording, Window

FORMATS = ('table', 'json', 'csv')
SILENCE = '(silence)'
UNSURE = f'({unsure.NAME})'
_MAX_NAME = 60


class Writer:
  """Text for recordings, one after the other.

  Args:
    kind: one of `FORMATS`.
    classes: in the order of the probabilities.
    paths: of all recordings to come, for the width of the table.
    windows: also print the timeline in a table.
    dimensions: names of the numbers, in their order.
  """

  def __init__(
    self,
    kind: str,
    classes: Sequence[str],
    paths: Sequence[str],
    windows: bool = True,
    dimensions: Sequence[str] = (),
  ):
    assert kind in FORMATS
    self._kind, self._classes, self._windows = kind, classes, windows
    self._dimensions = dimensions
    longest = max([len(_short(path)) for path in paths], default=0)
    self._widths = [
      max(longest, len('recording'), len(' 00:00:00.0 to 00:00:00.0')),
      len('00000.00'),
      max(len(text.printable(name)) for name in (*classes, SILENCE, UNSURE)),
      *(max(len('>99.99'), len(text.printable(name))) for name in classes),
      *(max(len('-10.00'), len(name)) for name in dimensions),
    ]

  def head(self) -> str:
    """The line above the first recording, with its newline, or ''."""
    if self._kind == 'csv':
      return _csv_line(columns(self._classes, self._dimensions))
    if self._kind == 'json':
      return ''
    return self._line(
      ['recording', 'seconds', 'label', *self._classes, *self._dimensions]
    )

  def text(self, recording: Recording) -> str:
    """The lines of one recording, with their newlines."""
    if self._kind == 'json':
      entry = as_json(recording, self._classes, self._dimensions)
      return json.dumps(entry) + '\n'
    if self._kind == 'csv':
      return self._csv(recording)
    lines = [
      self._row(
        _short(recording.path),
        f'{recording.duration_s:.2f}',
        recording,
      )
    ]
    lines += [f'  note: it {note}\n' for note in recording.notes]
    # A single window would repeat the line of the recording.
    if self._windows and len(recording.windows) > 1:
      lines += [
        self._row(
          f' {clock(window.start_s)} to {clock(window.end_s)}',
          '',
          window,
        )
        for window in recording.windows
      ]
    return ''.join(lines)

  def _row(self, name: str, seconds: str, found: Recording | Window) -> str:
    cells = [''] * (len(self._classes) + len(self._dimensions))
    if found.probabilities is not None:
      cells = [text.percent(share) for share in found.probabilities]
      if self._dimensions and found.numbers is not None:
        cells += [f'{number:.2f}' for number in found.numbers]
    other = SILENCE if found.probabilities is None else UNSURE
    return self._line([name, seconds, found.label or other, *cells])

  def _line(self, cells: Sequence[str]) -> str:
    cells = [text.printable(cell) for cell in cells]
    return text.line(cells, self._widths, left=(0, 2)) + '\n'

  def _csv(self, recording: Recording) -> str:
    def line(
      part: str,
      start_s: float,
      end_s: float,
      result: Recording | Window,
      notes: Sequence[str] = (),
    ) -> str:
      shares = [''] * (len(self._classes) + len(self._dimensions))
      if result.probabilities is not None:
        numbers = result.numbers if self._dimensions else None
        # 9 digits tell every two float32 apart.
        shares = [
          f'{float(share):.9g}'
          for part in (result.probabilities, numbers)
          if part is not None
          for share in part
        ]
      times = [f'{start_s:.4f}', f'{end_s:.4f}']
      return _csv_line(
        [
          text.cell(files.as_text(recording.path)),
          part,
          *times,
          text.cell(result.label or ''),
          *shares,
          '; '.join(notes),
        ]
      )

    whole = line('whole', 0.0, recording.duration_s, recording, recording.notes)
    rows = [
      line('window', window.start_s, window.end_s, window)
      for window in recording.windows
    ]
    return whole + ''.join(rows)


def columns(
  classes: Sequence[str], dimensions: Sequence[str] = ()
) -> list[str]:
  """Returns the names of the columns of a table for programs."""
  return [
    *('recording', 'part', 'start_s', 'end_s', 'label'),
    *(f'p_{name}' for name in classes),
    *(f'd_{name}' for name in dimensions),
    'notes',
  ]


def as_json(
  recording: Recording, classes: Sequence[str], dimensions: Sequence[str] = ()
) -> dict[str, Any]:
  """Converts a recording to the types of JSON.

  Silence has null for all, an unsure label is null alone. There is an entry
  `dimensions` where a model has some.
  """

  def found(part: Recording | Window) -> dict[str, Any]:
    entry = {
      'label': part.label,
      'probabilities': shares_by_name(part.probabilities, classes),
    }
    if dimensions:
      entry['dimensions'] = shares_by_name(part.numbers, dimensions)
    return entry

  return {
    'recording': recording.path,
    'duration_s': recording.duration_s,
    **found(recording),
    'notes': [*recording.notes],
    'timeline': [
      {
        'start_s': window.start_s,
        'end_s': window.end_s,
        **found(window),
      }
      for window in recording.windows
    ],
  }


def shares_by_name(
  shares: np.ndarray | None, classes: Sequence[str]
) -> dict[str, float] | None:
  """Converts probabilities (classes,) to {class: probability}, numbers likewise.

  The decimals are the shortest that give the same float32 again.
  """
  if shares is None:
    return None
  return {
    name: float(str(np.float32(share)))
    for name, share in zip(classes, shares, strict=True)
  }


def of_its_middle(recording: Recording, audio: AudioSpec, whole: str) -> bool:
  """Says if a label is of less than half of a recording, from its middle.

  Args:
    recording: the result.
    audio: of the model.
    whole: what the label is the mean of, see `recordings.WHOLE`.
  """
  return (
    (whole, audio.segments) == ('segments', 'center')
    and recording.duration_s > 2 * audio.duration_s
    and not any('in its middle' in note for note in recording.notes)
  )


def middles(names: Sequence[str], audio: AudioSpec) -> str:
  """Says what the labels of recordings `of_its_middle` are of."""
  many = len(names) > 1
  which = f'each of {len(names)} recordings' if many else names[0]
  return (
    f'the line of {which} is of the {audio.duration_s:g} s in its middle alone, as '
    'in training; --whole=timeline takes the mean over all of it'
  )


def clock(seconds: float) -> str:
  """Formats seconds: '00:01:02.5' for 62.5 s."""
  tenths = round(10 * seconds)
  minutes, rest = divmod(tenths, 600)
  hours, minutes = divmod(minutes, 60)
  return f'{hours:02}:{minutes:02}:{rest // 10:02}.{rest % 10}'


def _short(path: str) -> str:
  path = text.printable(files.as_text(path))
  return path if len(path) <= _MAX_NAME else '…' + path[1 - _MAX_NAME :]


def _csv_line(cells: Sequence[str]) -> str:
  file = io.StringIO()
  csv.writer(file, lineterminator='\n').writerow(cells)
  return file.getvalue()
