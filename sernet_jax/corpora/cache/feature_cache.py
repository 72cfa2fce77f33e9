"""Features of a whole corpus, computed once and kept on disk.

The cache is keyed by the files (path, size, time of change) and by every
setting that shapes the features, so a second run maps the file into memory
and starts at once, and a changed recording is noticed. Work that was stopped
or killed resumes where it was.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import os
import pathlib
import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO, NamedTuple

import jax
import numpy as np

from sernet_jax.audio import segments as segments_lib
from sernet_jax.audio.spec import PERCENTILE, AudioSpec
from sernet_jax.common import files, folders
from sernet_jax.common.errors import InputError
from sernet_jax.corpora.cache import entry
from sernet_jax.corpora.specs import CACHE
from sernet_jax.corpora.utterances import Corpus, keep
from sernet_jax.features.kinds import KINDS
from sernet_jax.features.spec import MfccSpec

FORMAT = 1  # raised when the same settings would give other values
_BATCH = 64
_BLOCK = 16  # batches between two notes of progress


@dataclasses.dataclass(frozen=True, eq=False)
class CorpusFeatures:
  """Features of a corpus as training reads them.

  Attributes:
    corpus: the utterances whose recordings could be used.
    features: float32 (segments, frames, coefficients), mapped from disk.
    segment_utterances: int32 (segments,), index of each segment's utterance.
    skipped: {path: reason} of recordings left out.
    frames: int32 (segments,), frames that are an utterance's own and come
      first; None where all count.
    notes: {path: what is odd about it} of recordings that were used.
  """

  corpus: Corpus
  features: np.ndarray
  segment_utterances: np.ndarray
  skipped: dict[str, str]
  frames: np.ndarray | None = None
  notes: Mapping[str, list[str]] = dataclasses.field(default_factory=dict)


def load(
  corpus: Corpus,
  kind: str,
  spec: MfccSpec,
  audio_spec: AudioSpec,
  folder: pathlib.Path,
  on_bad_file: str = 'error',
  progress: bool = True,
) -> CorpusFeatures:
  """Returns features of every utterance, computed if the cache lacks them.

  Args:
    corpus: the utterances.
    kind: one of `features.kinds.KINDS`.
    spec: the front end.
    audio_spec: how a recording becomes segments.
    folder: of the cache.
    on_bad_file: 'error' or 'skip'.
    progress: show a bar, or a line a minute where stderr is not a terminal.

  Raises:
    InputError: for bad files (see `audio.read_all`), for segments shorter
      than a frame, or if the cache cannot be written.
  """
  if audio_spec.num_samples < spec.frame_samples:
    raise InputError(
      f'data.duration_s is {audio_spec.duration_s}, shorter than one frame of '
      f'{spec.frame_samples} samples; choose at least '
      f'{spec.frame_samples / spec.sample_rate_hz} s'
    )
  stem = folder / key(corpus, kind, spec, audio_spec)
  about = entry.about(
    stem,
    ('shape', 'names'),
    functools.partial(
      _compute, corpus, kind, spec, audio_spec, stem, on_bad_file, progress
    ),
    on_bad_file,
  )
  skipped = about['skipped']
  data = np.memmap(
    stem.with_suffix('.f32'), np.float32, 'r', shape=tuple(about['shape'])
  )
  kept = keep(corpus, skipped)
  # Names, not indices, are on the disk: `keep` may have moved the indices.
  indices = {u.name: index for index, u in enumerate(kept.utterances)}
  owners = np.array([indices[name] for name in about['names']], np.int32)
  notes = about.get('notes', {})  # older ones have none
  return CorpusFeatures(kept, data, owners, skipped, notes=notes)


def key(
  corpus: Corpus, kind: str, spec: MfccSpec, audio_spec: AudioSpec
) -> str:
  """Names the files of a corpus and its settings, without a suffix."""
  utterances = corpus.utterances
  states = folders.states([utterance.path for utterance in utterances])
  content = {
    'format': FORMAT,
    'recordings': [
      [
        u.name,
        u.path,
        folders.state_key(s),
        *([u.start_s, u.end_s] if u.is_part else []),
      ]
      for u, s in zip(utterances, states, strict=True)
    ],
    'kind': kind,
    'spec': dataclasses.asdict(spec),
    'audio': audio_spec.to_json(),
    'percentile': PERCENTILE,
  }
  digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
  # No dots: what follows one would be taken for the suffix.
  name = re.sub(r'[^\w+-]', '_', corpus.name)[:80]
  return f'{name}-{digest.hexdigest()[:24]}'


def _compute(
  corpus: Corpus,
  kind: str,
  spec: MfccSpec,
  audio_spec: AudioSpec,
  stem: pathlib.Path,
  on_bad_file: str,
  progress: bool,
) -> None:
  """Writes STEM.f32 in blocks, each noted in STEM.progress, then STEM.json.

  A batch is made of the same segments wherever the work was cut off, so the
  numbers are the same, bit for bit.
  """
  # (frames, coefficients) of one segment, without computing it.
  shape = jax.eval_shape(
    lambda x: KINDS[kind].compute(x, spec),
    jax.ShapeDtypeStruct((audio_spec.num_samples,), np.float32),
  ).shape
  target, part = stem.with_suffix('.f32'), stem.with_suffix('.part')
  note = stem.with_suffix('.progress')
  done = _Done.read(note)
  # What the notes promise, 4 bytes a value. A longer file was cut off in a
  # block that was not noted; a shorter one lost what was noted.
  size = len(done.names) * int(np.prod(shape)) * 4
  if not part.exists() or part.stat().st_size < size:
    done, size = _Done(), 0
  # All notes in one whole line: the last one may have been cut off.
  line = files.json_line(dataclasses.asdict(done))
  files.write_bytes(note, line.encode(), CACHE)
  try:
    with part.open('r+b' if size else 'wb') as file:
      file.truncate(size)
      file.seek(size)
      segments = _segments(
        corpus, audio_spec, spec.upper_edge_hz, on_bad_file, done, progress
      )
      _write_blocks(segments, kind, spec, audio_spec, file, note, done)
  except InputError:
    # Bad files: the user will have changed them by the next run.
    part.unlink(missing_ok=True)
    note.unlink(missing_ok=True)
    raise
  part.replace(target)
  files.write_json(
    stem.with_suffix('.json'),
    {
      'shape': [len(done.names), *shape],
      'names': done.names,
      'skipped': done.skipped,
      'notes': done.notes,
    },
    CACHE,
  )
  note.unlink(missing_ok=True)


class _Segment(NamedTuple):
  """A piece of a recording.

  Attributes:
    name: its utterance's.
    utterance: index of its utterance in the corpus.
    part: its index among the segments of the utterance.
    samples: float32 (samples,).
  """

  name: str
  utterance: int
  part: int
  samples: np.ndarray


@dataclasses.dataclass
class _Done:
  """Part of a corpus that was computed and is on the disk.

  Attributes:
    names: utterance of each segment written.
    skipped: {path: reason} of the bad recordings met so far.
    notes: {path: what is odd about it} of the others.
    next: index of the utterance to read next.
    offset: how many of its segments are written already.
  """

  names: list[str] = dataclasses.field(default_factory=list)
  skipped: dict[str, str] = dataclasses.field(default_factory=dict)
  notes: dict[str, list[str]] = dataclasses.field(default_factory=dict)
  next: int = 0
  offset: int = 0

  @classmethod
  def read(cls, path: pathlib.Path) -> _Done:
    """Reads the lines of a progress file; drops a broken last one."""
    done = cls()
    if not path.exists():
      return done
    for line in path.read_text(encoding='utf-8').splitlines():
      try:
        block = json.loads(line)
      except json.JSONDecodeError:
        break
      done.names += block['names']
      done.skipped |= block['skipped']
      done.notes |= block.get('notes', {})
      done.next, done.offset = block['next'], block['offset']
    return done


def _write_blocks(
  segments: Iterator[_Segment],
  kind: str,
  spec: MfccSpec,
  audio_spec: AudioSpec,
  file: BinaryIO,
  note: pathlib.Path,
  done: _Done,
) -> None:
  """Appends features batch by batch; every `_BLOCK` of them is noted."""
  block = _Done()
  noted = len(done.skipped), len(done.notes)
  for number, batch in enumerate(_batches(segments), 1):
    # Always a full batch, zeros behind the last segment: one program.
    padded = np.zeros((_BATCH, audio_spec.num_samples), np.float32)
    padded[: len(batch)] = [segment.samples for segment in batch]
    # (batch, frames, coefficients)
    values = np.asarray(KINDS[kind].compute(padded, spec))[: len(batch)]
    file.write(values.tobytes())
    block.names += [segment.name for segment in batch]
    block.next, block.offset = batch[-1].utterance, batch[-1].part + 1
    if number % _BLOCK == 0:
      noted = _note(file, note, done, block, noted)
      block = _Done()
  if block.names:
    _note(file, note, done, block, noted)


def _note(
  file: BinaryIO,
  note: pathlib.Path,
  done: _Done,
  block: _Done,
  noted: tuple[int, int],
) -> tuple[int, int]:
  """Forces a block to the disk, then notes it.

  Args:
    file: of the features.
    note: the progress file.
    done: everything before the block, with all bad files so far; grows.
    block: what was written since the last note.
    noted: how many bad and how many odd files were noted before.

  Returns:
    How many are noted now.
  """
  file.flush()
  os.fsync(file.fileno())
  block.skipped = dict(list(done.skipped.items())[noted[0] :])
  block.notes = dict(list(done.notes.items())[noted[1] :])
  line = files.json_line(dataclasses.asdict(block))
  with note.open('a', encoding='utf-8') as lines:
    lines.write(line)
    lines.flush()
    os.fsync(lines.fileno())
  done.names += block.names
  return len(done.skipped), len(done.notes)


def _segments(
  corpus: Corpus,
  audio_spec: AudioSpec,
  limit_hz: float,
  on_bad_file: str,
  done: _Done,
  progress: bool,
) -> Iterator[_Segment]:
  """Yields what is left to compute; bad and odd files go to `done`."""
  paths = [utterance.recording for utterance in corpus.utterances]
  start, offset = done.next, done.offset
  for index, parts in segments_lib.read_all(
    paths,
    audio_spec,
    on_bad_file,
    done.skipped,
    progress,
    start,
    notes=done.notes,
    limit_hz=limit_hz,
  ):
    for part, samples in enumerate(parts):
      if index > start or part >= offset:
        yield _Segment(corpus.utterances[index].name, index, part, samples)


def _batches(segments: Iterator[_Segment]) -> Iterator[list[_Segment]]:
  batch: list[_Segment] = []
  for segment in segments:
    batch.append(segment)
    if len(batch) == _BATCH:
      yield batch
      batch = []
  if batch:
    yield batch
