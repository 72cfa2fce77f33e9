"""Measures how long the recordings of a corpus are, from their headers.

Reading headers alone stays quick for large corpora; what only shows in the
samples (silence, damage inside) is found on training.
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import json
import multiprocessing
import pathlib

import numpy as np

from sernet_jax.audio import reading
from sernet_jax.common import files, folders, progress_bar
from sernet_jax.corpora.specs import CACHE
from sernet_jax.corpora.utterances import Corpus

_READERS = 8
_BLOCK = 500  # files measured in a row
_MANY = 5000  # files for which processes are worth their start


def measure(
  corpus: Corpus,
  progress: bool = True,
  folder: pathlib.Path | None = None,
  processes: int = 1,
) -> tuple[np.ndarray, dict[str, str]]:
  """Measures the length of each utterance, from its header.

  Args:
    corpus: the corpus.
    progress: show a bar, or a line a minute where stderr is not a terminal.
    folder: where to keep what was measured, so that an interrupted measurement
      resumes and the next one is quick; None to keep nothing.
    processes: beside this one, for a corpus of `_MANY` recordings or more;
      the main module must be one that can be imported.

  Returns:
    float64 (utterances,), NaN where a recording cannot be used; and
    {path: reason} of those.
  """
  paths = [utterance.path for utterance in corpus.utterances]
  note = folder / f'durations-{key(paths)}.jsonl' if folder else None
  found = _noted(note, len(paths)) if note else {}
  todo = [i for i in range(0, len(paths), _BLOCK) if i not in found]
  blocks = [paths[start : start + _BLOCK] for start in todo]
  bar = progress_bar.make(
    total=len(paths),
    initial=len(paths) - sum(map(len, blocks)),
    desc='measuring',
    unit='file',
    leave=False,
    shown=progress,
  )
  with bar, _pool(len(paths), processes) as pool:
    for start, values in zip(
      todo, pool.map(reading.durations, blocks), strict=True
    ):
      found[start] = values
      bar.update(len(values))
      if note:
        _add(note, start, values)
  seconds = np.full(len(paths), np.nan)
  bad = {}
  for start, values in found.items():
    for index, value in enumerate(values, start):
      utterance = corpus.utterances[index]
      if isinstance(value, str):
        bad[paths[index]] = value
      elif utterance.start_s >= value:
        bad[str(utterance.recording)] = 'lies behind the end of the file'
      else:
        end_s = value if utterance.end_s is None else utterance.end_s
        seconds[index] = min(end_s, value) - utterance.start_s
  recordings = [str(utterance.recording) for utterance in corpus.utterances]
  order = dict.fromkeys([*paths, *recordings])
  return seconds, {path: bad[path] for path in order if path in bad}


def _pool(count: int, processes: int) -> concurrent.futures.Executor:
  """Returns threads, or processes for many files (headers hold the GIL)."""
  if count < _MANY or processes < 2:
    return concurrent.futures.ThreadPoolExecutor(_READERS)
  # Not forked: JAX has threads of its own.
  context = multiprocessing.get_context('spawn')
  return concurrent.futures.ProcessPoolExecutor(processes, context)


def key(paths: list[str]) -> str:
  """Returns a name that changes with every file and its content."""
  states = folders.states(paths)
  digest = hashlib.sha256()
  for path, state in zip(paths, states, strict=True):
    about = f'{path}\0{folders.state_key(state)}\n'
    digest.update(about.encode('utf-8', 'surrogateescape'))
  return digest.hexdigest()[:24]


def _noted(note: pathlib.Path, count: int) -> dict[int, list[float | str]]:
  """Reads the blocks measured before of `count` files, by their first index."""
  found = {}
  if note.exists():
    for line in note.read_text(encoding='utf-8').splitlines():
      try:
        row = json.loads(line)
        start, values = int(row['start']), list(row['values'])
        whole = len(values) == min(_BLOCK, count - start) > 0
        if start % _BLOCK == 0 and whole and all(map(_is_length, values)):
          found[start] = values
      except (ValueError, KeyError, TypeError):  # cut off by a kill
        continue
  return found


def _is_length(value: object) -> bool:
  """Tells whether a noted value is seconds, or why there are none."""
  if isinstance(value, str):
    return True
  return type(value) in (int, float) and 0 <= value < float('inf')  # type: ignore[operator]


def _add(note: pathlib.Path, start: int, values: list[float | str]) -> None:
  files.make_folder(note.parent, CACHE)
  line = files.json_line({'start': start, 'values': values})
  with files.writing(note, CACHE), note.open('ab', buffering=0) as file:
    # A newline first, in case the line before it was cut off. One call of the
    # system, so that lines of two runs do not mix.
    file.write(f'\n{line}'.encode())
