"""Features of a whole corpus, computed once and kept on disk.

The cache is keyed by the files (path, size, time of change) and by every
setting that shapes the features, so a second run maps the file into memory
and starts at once, and a changed recording is noticed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import tempfile
from collections.abc import Iterator

import jax
import numpy as np

from sernet_jax import audio, features, files
from sernet_jax.spec import AudioSpec, InputError, MfccSpec
from sernet_jax.utterances import Corpus, keep

FORMAT = 1  # raised when the same settings would give other numbers
KINDS = {
  'mfcc': features.mfcc,
  'log_mel': features.log_mel_spectrogram,
  'spectrogram': features.spectrogram,
}
_BATCH = 64


@dataclasses.dataclass(frozen=True, eq=False)
class CorpusFeatures:
  """What training reads.

  Attributes:
    corpus: the utterances whose recordings could be used.
    features: float32 (segments, frames, coefficients), mapped from disk.
    segment_utterances: int32 (segments,), place of each segment's utterance.
    skipped: {path: reason} of recordings left out.
  """

  corpus: Corpus
  features: np.ndarray
  segment_utterances: np.ndarray
  skipped: dict[str, str]


def load(
  corpus: Corpus,
  kind: str,
  spec: MfccSpec,
  audio_spec: AudioSpec,
  folder: pathlib.Path,
  on_bad_file: str = 'error',
  progress: bool = True,
) -> CorpusFeatures:
  """Features of every utterance, from the cache or computed into it.

  Args:
    corpus: the utterances.
    kind: 'mfcc', 'log_mel' or 'spectrogram'.
    spec: the front end.
    audio_spec: what a recording becomes first.
    folder: of the cache.
    on_bad_file: 'error' or 'skip'.
    progress: show a bar; it stays hidden when stderr is no terminal.

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
  stem = folder / _key(corpus, kind, spec, audio_spec)
  about_path = stem.with_suffix('.json')
  # The description is written last: without it the data do not count.
  if not about_path.exists():
    _compute(corpus, kind, spec, audio_spec, stem, on_bad_file, progress)
  about = files.read_json(about_path, ('shape', 'names', 'skipped'))
  skipped = about['skipped']
  if skipped and on_bad_file == 'error':
    about_path.unlink()  # read again: the message names what is wrong now
    return load(corpus, kind, spec, audio_spec, folder, on_bad_file, progress)
  data = np.memmap(
    stem.with_suffix('.f32'), np.float32, 'r', shape=tuple(about['shape'])
  )
  kept = keep(corpus, skipped)
  places = {u.name: place for place, u in enumerate(kept.utterances)}
  owners = np.array([places[name] for name in about['names']], np.int32)
  return CorpusFeatures(kept, data, owners, skipped)


def _key(corpus, kind, spec, audio_spec) -> str:
  recordings = []
  for utterance in corpus.utterances:
    try:
      status = pathlib.Path(utterance.path).stat()
      state = [status.st_size, status.st_mtime_ns]
    except OSError:
      state = None
    recordings.append([utterance.name, utterance.path, state])
  content = {
    'format': FORMAT,
    'recordings': recordings,
    'kind': kind,
    'spec': dataclasses.asdict(spec),
    'audio': dataclasses.asdict(audio_spec),
    'percentile': audio.PERCENTILE,
  }
  digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
  return f'{corpus.name}-{digest.hexdigest()[:24]}'


def _compute(
  corpus, kind, spec, audio_spec, stem, on_bad_file, progress
) -> None:
  skipped: dict[str, str] = {}
  names: list[str] = []
  shape = jax.eval_shape(
    lambda x: KINDS[kind](x, spec),
    jax.ShapeDtypeStruct((audio_spec.num_samples,), np.float32),
  ).shape
  files.make_folder(stem.parent)
  target = stem.with_suffix('.f32')
  with files.writing(target), _temporary(stem.parent) as part:
    with part.open('wb') as file:
      segments = _segments(
        corpus, audio_spec, on_bad_file, skipped, names, progress
      )
      for batch in _batches(segments):
        padded = np.zeros((_BATCH, audio_spec.num_samples), np.float32)
        padded[: len(batch)] = batch
        values = np.asarray(KINDS[kind](padded, spec))[: len(batch)]
        file.write(values.tobytes())
      file.flush()
      os.fsync(file.fileno())
    part.replace(target)
  files.write_json(
    stem.with_suffix('.json'),
    {'shape': [len(names), *shape], 'names': names, 'skipped': skipped},
  )


@contextlib.contextmanager
def _temporary(folder: pathlib.Path) -> Iterator[pathlib.Path]:
  """A file that is gone afterwards unless it was moved into place."""
  handle, name = tempfile.mkstemp(dir=folder, suffix='.part')
  os.close(handle)
  path = pathlib.Path(name)
  try:
    yield path
  finally:
    path.unlink(missing_ok=True)


def _segments(
  corpus, audio_spec, on_bad_file, skipped, names, progress
) -> Iterator[np.ndarray]:
  """Segments one by one; their utterances' names are added to `names`."""
  paths = [utterance.path for utterance in corpus.utterances]
  for index, parts in audio.read_all(
    paths, audio_spec, on_bad_file, skipped, progress
  ):
    for part in parts:
      names.append(corpus.utterances[index].name)
      yield part


def _batches(segments: Iterator[np.ndarray]) -> Iterator[list[np.ndarray]]:
  batch: list[np.ndarray] = []
  for segment in segments:
    batch.append(segment)
    if len(batch) == _BATCH:
      yield batch
      batch = []
  if batch:
    yield batch
