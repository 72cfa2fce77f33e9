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
from tqdm.std import EMA

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


class _Bar(tqdm.tqdm):
  """A bar that can leave the first step out of its estimate of time left."""

  first_compiles = False
  _ended: float | None = None  # when the latest step did

  def update(self, n: float | None = 1) -> bool | None:
    if self.first_compiles and n and not self.disable:
      now = self._time()
      if self._ended is None:
        self._counts, self._seconds = EMA(self.smoothing), EMA(self.smoothing)
      else:
        self._counts(n)
        self._seconds(now - self._ended)
      self._ended = now
    return super().update(n)

  @property
  def format_dict(self) -> Any:
    found = super().format_dict
    if self.first_compiles and self.n != self.total:
      seconds = self._ended is not None and self._seconds()
      # tqdm shows '?' for 0, and takes the mean since the start for None.
      found['rate'] = self._counts() / seconds if seconds else 0
    return found


class _Log(_Bar):
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
  iterable: Iterable[Any] | None = None,
  *,
  shown: bool = True,
  first_compiles: bool = False,
  **options: Any,
) -> tqdm.tqdm:
  """Makes a tqdm bar on stderr, which is lines if that is not a terminal.

  Args:
    iterable: to iterate over, as in `tqdm.tqdm`.
    shown: False shows nothing.
    first_compiles: whether the first step takes far longer than the others;
      how much time is left is then estimated from the second on.
    **options: of `tqdm.tqdm`: desc, total, initial, unit, leave and so on.
  """
  if not shown:  # else TQDM_DISABLE decides
    return tqdm.tqdm(iterable, disable=True, **options)
  if sys.stderr.isatty():
    bar = _Bar(iterable, **options)
    bar.first_compiles = first_compiles
    return bar
  unit = options.get('unit', 'step')
  unit += 's' * (unit != 'B')
  bar = _Log(
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
  bar.first_compiles = first_compiles
  return bar


def say(line: str) -> None:
  """Prints a line to stderr, above a bar that may be there."""
  tqdm.tqdm.write(line, file=sys.stderr)
