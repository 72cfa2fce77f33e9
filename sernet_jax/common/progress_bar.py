"""Progress of long work: a bar on a terminal, a line a minute in a log.

A run of hours under nohup or in a queue is watched through a file. A bar, which
redraws itself, would fill that file with one endless line, and no output at all
looks like a hang. Work of less than a minute prints nothing there.
`TQDM_DISABLE=1` silences both.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, TextIO

import tqdm

LOG_SECONDS = 60.0


class _Lines:
  """A stream that writes each state of tqdm's bar as a line of its own."""

  def __init__(self, stream: TextIO) -> None:
    self._stream = stream

  def write(self, text: str) -> None:
    """Writes a line without the characters that clear a terminal's line."""
    text = text.strip('\r\n ')
    if text:
      self._stream.write(f'{text}\n')

  def flush(self) -> None:
    """Flushes the stream below."""
    self._stream.flush()


class _Log(tqdm.tqdm):
  """A bar that is drawn when it is due, not at each change of its texts."""

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
  """Makes a tqdm bar on stderr, which is lines if that is not a terminal.

  Args:
    iterable: to iterate over, as in `tqdm.tqdm`.
    shown: False shows nothing.
    **options: of `tqdm.tqdm`: desc, total, initial, unit, leave and so on.
  """
  if not shown:  # else TQDM_DISABLE decides
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


def say(line: str) -> None:
  """Prints a line to stderr, above a bar that may be there."""
  tqdm.tqdm.write(line, file=sys.stderr)
