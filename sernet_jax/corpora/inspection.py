"""A look at a corpus before training: who says how much, and how long.

`durations_s` reads headers only, so that it stays quick for large corpora;
what only shows in the samples (silence, damage inside) is found on training.
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import json
import multiprocessing
import pathlib

import numpy as np

from sernet_jax.audio import reading
from sernet_jax.common import files, progress_bar, text
from sernet_jax.corpora.utterances import SYNTHETIC_NOTE, Corpus

MAX_ROWS = 40  # speakers spelt out in the table
_READERS = 8
_BLOCK = 500  # files measured in a row
_MANY = 5000  # files for which processes are worth their start


def durations_s(
  corpus: Corpus,
  progress: bool = True,
  folder: pathlib.Path | None = None,
  processes: int = 1,
) -> tuple[np.ndarray, dict[str, str]]:
  """Length of each utterance, from its header.

  Args:
    corpus: the corpus.
    progress: show a bar, or a line a minute where stderr is no terminal.
    folder: where to keep what was measured, so that a look that was stopped
      goes on and the next one is quick; None to keep nothing.
    processes: beside this one, for a corpus of `_MANY` recordings or more;
      the main module must be one that can be imported.

  Returns:
    float64 (utterances,), NaN where a recording cannot be used; and
    {path: reason} of those.
  """
  paths = [utterance.path for utterance in corpus.utterances]
  note = folder / f'durations-{_key(paths)}.jsonl' if folder else None
  found = _noted(note) if note else {}
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
      if isinstance(value, str):
        bad[paths[index]] = value
      else:
        seconds[index] = value
  return seconds, {path: bad[path] for path in paths if path in bad}


def _pool(count: int, processes: int) -> concurrent.futures.Executor:
  """Threads; processes for many files, as Python reads headers in one."""
  if count < _MANY or processes < 2:
    return concurrent.futures.ThreadPoolExecutor(_READERS)
  # Not forked: JAX has threads of its own.
  context = multiprocessing.get_context('spawn')
  return concurrent.futures.ProcessPoolExecutor(processes, context)


def _key(paths: list[str]) -> str:
  """Changes with every file and what is in it."""
  states = files.states(paths)
  digest = hashlib.sha256()
  for path, state in zip(paths, states, strict=True):
    about = f'{path}\0{files.state_key(state)}\n'
    digest.update(about.encode('utf-8', 'surrogateescape'))
  return digest.hexdigest()[:24]


def _noted(note: pathlib.Path) -> dict[int, list[float | str]]:
  """Blocks measured before, by their first place."""
  found = {}
  if note.exists():
    for line in note.read_text(encoding='utf-8').splitlines():
      try:
        row = json.loads(line)
        found[int(row['start'])] = list(row['values'])
      except (ValueError, KeyError, TypeError):  # cut off by a kill
        continue
  return found


def _add(note: pathlib.Path, start: int, values: list[float | str]) -> None:
  files.make_folder(note.parent, files.CACHE_OPTION)
  line = files.json_line({'start': start, 'values': values})
  with (
    files.writing(note, files.CACHE_OPTION),
    note.open('a', encoding='utf-8') as file,
  ):
    # A line in front, in case the one before it was cut off.
    file.write(f'\n{line}')


def counts(corpus: Corpus) -> np.ndarray:
  """Utterances of each speaker in each class, int64 (speakers, classes)."""
  speakers = corpus.speakers
  rows = {speaker: row for row, speaker in enumerate(speakers)}
  table = np.zeros((len(speakers), len(corpus.classes)), np.int64)
  row = np.array([rows[u.speaker] for u in corpus.utterances], np.int64)
  np.add.at(table, (row, corpus.labels), 1)
  return table


def table(
  corpus: Corpus,
  durations_s: np.ndarray,
  segment_s: float = 3.0,
  bad: dict[str, str] | None = None,
) -> str:
  """The corpus in text: counts, durations, problems.

  Args:
    corpus: the corpus.
    durations_s: (utterances,), NaN where unknown.
    segment_s: length of a segment as configured.
    bad: {path: reason} of recordings that cannot be used.

  Returns:
    Lines for a terminal, without a newline at the end.
  """
  lines = [_headline(corpus), '', *_count_lines(corpus), '']
  known = durations_s[np.isfinite(durations_s)]
  if known.size:
    longer = np.count_nonzero(known > segment_s)
    lines += [
      f'durations  {known.min():.2f} s to {known.max():.2f} s, mean '
      f'{known.mean():.2f} s, in all {clock(known.sum())}',
      f'longer than the segment of {segment_s:g} s: {longer} of {known.size} '
      f'({longer / known.size:.0%})',
    ]
  problems = list(corpus.problems)
  if bad:
    problems.append(reading.describe_bad(bad, len(corpus.utterances)) + '.')
  lines += ['', *(f'note: {remark}' for remark in corpus.remarks)]
  lines += [f'problem: {problem}' for problem in problems]
  if not problems:
    lines.append('no problems found in names and headers')
  return '\n'.join(lines)


def _headline(corpus: Corpus) -> str:
  text = (
    f'{corpus.name}: {len(corpus.utterances)} utterances, '
    f'{len(corpus.classes)} classes, {len(corpus.speakers)} speakers'
  )
  if corpus.synthetic:
    text += '\n' + SYNTHETIC_NOTE
  return text


def _count_lines(corpus: Corpus) -> list[str]:
  """Speakers by classes with totals, columns lined up."""
  numbers = counts(corpus)
  rows = [
    [speaker, *row, row.sum()]
    for speaker, row in zip(corpus.speakers, numbers, strict=True)
  ]
  if len(rows) > MAX_ROWS:
    rest = numbers[MAX_ROWS:]
    rows[MAX_ROWS:] = [
      [f'{len(rest)} more', *rest.sum(0), rest.sum()],
    ]
  rows.insert(0, ['speaker', *corpus.classes, 'total'])
  rows.append(['total', *numbers.sum(0), numbers.sum()])
  return text.table([[str(cell) for cell in row] for row in rows])


def clock(seconds: float) -> str:
  """'24 min 47 s'; hours only where there are some."""
  minutes, rest = divmod(round(seconds), 60)
  hours, minutes = divmod(minutes, 60)
  if hours:
    return f'{hours} h {minutes} min'
  return f'{minutes} min {rest} s' if minutes else f'{rest} s'
