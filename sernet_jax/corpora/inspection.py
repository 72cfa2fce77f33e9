"""Summarizes a corpus before training: who says how much, and how long."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from sernet_jax.audio import quality, reading, segments
from sernet_jax.audio.part import is_among
from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common import text
from sernet_jax.corpora.utterances import SYNTHETIC_NOTE, Corpus

MAX_ROWS = 40  # speakers spelt out in the table
_HEARD = 24  # recordings that are listened to


def counts(corpus: Corpus) -> np.ndarray:
  """Counts the utterances of each speaker in each class.

  Returns:
    int64 (speakers, classes).
  """
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
  odd: Sequence[str] = (),
) -> str:
  """Describes the corpus in text: counts, durations, problems.

  Args:
    corpus: the corpus.
    durations_s: (utterances,), NaN where unknown.
    segment_s: length of a segment as configured.
    bad: {path: reason} of recordings that cannot be used.
    odd: from `listen`.

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
      f'({text.percent(longer / known.size, 0)}%)',
    ]
  problems = list(corpus.problems)
  if bad:
    recordings = [utterance.recording for utterance in corpus.utterances]
    count = sum(is_among(one, bad) for one in recordings)
    problems.append(reading.describe_bad(bad, count, len(recordings)) + '.')
  lines += ['', *(f'note: {remark}' for remark in corpus.remarks)]
  lines += [f'note: {sentence}' for sentence in odd]
  lines += [f'problem: {problem}' for problem in problems]
  if not problems:
    lines.append('no problems found in names, headers and copies')
  return '\n'.join(lines)


def listen(
  corpus: Corpus, spec: AudioSpec, limit_hz: float, bad: Collection[str] = ()
) -> tuple[str, ...]:
  """Listens to some recordings, evenly spread over the corpus.

  Args:
    corpus: the corpus.
    spec: the segments that are made of a recording.
    limit_hz: up to which the features listen.
    bad: paths that cannot be read, which was said already.

  Returns:
    One sentence for each thing that is odd: silence, a narrow band, channels
    that do not add up, a silent middle.
  """
  recordings = [utterance.recording for utterance in corpus.utterances]
  some = recordings[:: max(1, len(recordings) // _HEARD)]
  notes: dict[str, list[str]] = {}
  for recording in some:
    watch = quality.Watch()
    try:
      segments.load_segments(recording, spec, watch)
    except reading.BadFile as error:
      if error.path not in bad:
        notes[str(recording)] = [error.reason]
      continue
    found = watch.sentences(limit_hz, spec.channel)
    if found:
      notes[str(recording)] = [*found]
  return quality.summary(notes, len(some))


def _headline(corpus: Corpus) -> str:
  text = (
    f'{corpus.name}: {len(corpus.utterances)} utterances, '
    f'{len(corpus.classes)} classes, {len(corpus.speakers)} speakers'
  )
  if corpus.synthetic:
    text += '\n' + SYNTHETIC_NOTE
  return text


def _count_lines(corpus: Corpus) -> list[str]:
  """Returns a table of speakers by classes with totals."""
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
  """Writes a duration such as '24 min 47 s'; hours only if there are any."""
  minutes, rest = divmod(round(seconds), 60)
  hours, minutes = divmod(minutes, 60)
  if hours:
    return f'{hours} h {minutes} min'
  return f'{minutes} min {rest} s' if minutes else f'{rest} s'
