"""The logs that a config asks for, as one function that takes rows."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sernet_jax.common import progress_bar, text as text_lib
from sernet_jax.common.errors import first_line, require, require_choice
from sernet_jax.runs.logs import mlflow_store, tensorboard, weights_and_biases
from sernet_jax.runs.logs.scalars import Write

# Opens a log of the run in a folder, given its settings.
Open = Callable[
  [pathlib.Path, Mapping[str, Any]], contextlib.AbstractContextManager[Write]
]

LOGGERS: dict[str, Open] = {
  'tensorboard': tensorboard.writer,
  'wandb': weights_and_biases.writer,
  'mlflow': mlflow_store.writer,
}


def parse(text: str) -> tuple[str, ...]:
  """Reads `config.train.loggers`, names with commas between them.

  Raises:
    InputError: for an unknown name, or one that comes twice.
  """
  names = tuple(filter(None, (part.strip() for part in text.split(','))))
  for name in names:
    require_choice('train.loggers', name, LOGGERS)
  require(
    len(set(names)) == len(names),
    f'train.loggers is {text!r}, which names one twice; once will do',
  )
  return names


@contextlib.contextmanager
def opened(
  folder: pathlib.Path, names: Sequence[str], settings: Mapping[str, Any]
) -> Iterator[Write]:
  """Opens logs; what it gives writes a row of metrics.jsonl into all of them.

  A log that fails later, as a server that goes away, is left out from there on,
  with a warning: a training does not end for it, and metrics.jsonl has all rows.

  Args:
    folder: of the run.
    names: some of `LOGGERS`; () drops the rows.
    settings: the config, nested, for those that keep it.

  Raises:
    InputError: if the library of one is not installed.
  """
  with contextlib.ExitStack() as stack:
    each = [
      stack.enter_context(_spared(name, LOGGERS[name](folder, settings)))
      for name in names
    ]

    def write(row: Mapping[str, Any]) -> None:
      for one in each:
        one(row)

    yield write


@contextlib.contextmanager
def _spared(
  name: str, log: contextlib.AbstractContextManager[Write]
) -> Iterator[Write]:
  """Opens a log whose failures, once it is open, are warnings."""
  write = log.__enter__()
  failed = False

  def warn(error: Exception) -> None:
    nonlocal failed
    if not failed:
      progress_bar.say(
        f'warning: {name} stopped taking figures '
        f'({text_lib.printable(first_line(error))}); the training goes on '
        'without it, and metrics.jsonl has them all'
      )
    failed = True

  def spared(row: Mapping[str, Any]) -> None:
    try:
      if not failed:
        write(row)
    except Exception as error:  # its library has errors of its own
      warn(error)

  ended: BaseException | None = None
  try:
    yield spared
  except BaseException as error:
    ended = error
    raise
  finally:
    try:
      log.__exit__(type(ended) if ended else None, ended, None)
    except Exception as error:
      if error is not ended:
        warn(error)
