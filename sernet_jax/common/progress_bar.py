"""Progress of long work: a bar on a terminal, a line a minute in a log.

Who starts a run of hours with nohup, or hands it to a queue, looks at it
through a file. A bar redraws itself, which makes one endless line of that
file; nothing at all makes work look hung. Work of under a minute stays silent
there. `TQDM_DISABLE=1` silences both.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, TextIO

import tqdm

LOG_SECONDS = 60.0


class _Lines:
  """Takes what tqdm draws and writes each picture as a line of its own."""

  def __init__(self, stream: TextIO) -> None:
    self._stream = stream

  def write(self, text: str) -> None:
    """Drops the carriage returns and blanks that wipe a terminal's line."""
    text = text.strip('\r\n ')
    if text:
      self._stream.write(f'{text}\n')

  def flush(self) -> None:
    """Passes it on."""
    self._stream.flush()


class _Log(tqdm.tqdm):
  """Draws when it is time, not with each word that changes."""

  def set_description(
    self, desc: str | None = None, refresh: bool | None = True
  ) -> None:
    super().set_description_str(desc, refresh=False)

  def set_postfix(
    self, ordered_dict: Any = None, refresh: bool | None = True, **words: Any
  ) -> None:
    super().set_postfix(ordered_dict, refresh=False, **words)

  def set_postfix_str(self, s: str = '', refresh: bool = True) -> None:
    super().set_postfix_str(s, refresh=False)


def make(
  iterable: Iterable[Any] | None = None, *, shown: bool = True, **options: Any
) -> tqdm.tqdm:
  """A bar of tqdm's on stderr, or its lines where stderr is not a terminal.

  Args:
    iterable: what to go through, as `tqdm.tqdm` has it.
    shown: False shows nothing.
    **options: of `tqdm.tqdm`: desc, total, initial, unit, leave and so on.
  """
  if not shown:  # else the reader's TQDM_DISABLE decides
    return tqdm.tqdm(iterable, disable=True, **options)
  if sys.stderr.isatty():
    return tqdm.tqdm(iterable, **options)
  unit = options.get('unit', 'step')
  unit += 's' * (unit != 'B')
  return _Log(
    iterable,
    **options,
    file=_Lines(sys.stderr),
    delay=LOG_SECONDS,
    mininterval=LOG_SECONDS,
    maxinterval=LOG_SECONDS,
    miniters=0,
    position=0,
    bar_format=f'{{desc}}: {{n_fmt}} of {{total_fmt}} {unit}, '
    '{elapsed} passed, {remaining} left{postfix}',
  )
