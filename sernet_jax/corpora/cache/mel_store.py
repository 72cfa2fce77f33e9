"""Mel bands of whole recordings, computed once and kept on disk.

Training that cuts, stretches or changes its examples (see `training.sound`)
reads these instead of features: a row of bands every half hop, so that every
second row is a frame of the features. Each recording is scaled by itself, as
`audio.segments.prepare` does with a segment.
"""

from __future__ import annotations

import dataclasses
import functools
import pathlib
from typing import NamedTuple

import jax
import numpy as np

from sernet_jax import features
from sernet_jax.audio import segments
from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common import files
from sernet_jax.corpora.cache import entry, feature_cache
from sernet_jax.corpora.specs import CACHE
from sernet_jax.corpora.utterances import Corpus, keep
from sernet_jax.features import kinds
from sernet_jax.features.spec import MfccSpec

# Kept apart from features of the same settings by this name.
_KIND = 'mel_rows'
_BATCH = 64


class MelRows(NamedTuple):
  """Mel bands of a corpus.

  Attributes:
    corpus: the utterances whose recordings could be used.
    mels: float32 (rows, bands), mapped from disk, utterance after utterance.
    starts: int32 (utterances,), first row of each.
    rows: int32 (utterances,), number of rows of each.
    skipped: {path: reason} of recordings left out.
    notes: {path: what is odd about it} of recordings that were used.
  """

  corpus: Corpus
  mels: np.ndarray
  starts: np.ndarray
  rows: np.ndarray
  skipped: dict[str, str]
  notes: dict[str, list[str]]

  @property
  def counts(self) -> np.ndarray:
    """Frames of each utterance, (utterances,): every second row is one."""
    return (self.rows + 1) // 2


def load(
  corpus: Corpus,
  spec: MfccSpec,
  folder: pathlib.Path,
  on_bad_file: str = 'error',
  progress: bool = True,
  channel: str = 'mean',
) -> MelRows:
  """Returns the mel bands of every utterance, computed if there are none yet.

  Those of older versions, which noted nothing of the recordings, are made anew.

  Args:
    corpus: the utterances.
    spec: the front end.
    folder: of the cache.
    on_bad_file: 'error' or 'skip'.
    progress: show a bar, or a line a minute where stderr is not a terminal.
    channel: of the recordings, as in their `AudioSpec`.

  Raises:
    InputError: for bad files, or if the cache cannot be written.
  """
  audio = AudioSpec(spec.sample_rate_hz, channel=channel)
  # Neither the cepstrum nor the length of a segment shapes the bands.
  plain = dataclasses.replace(spec, num_coefficients=1)
  stem = folder / feature_cache.key(corpus, _KIND, plain, audio)
  about = entry.about(
    stem,
    ('names', 'rows', 'notes'),
    functools.partial(
      _compute, corpus, spec, audio, stem, on_bad_file, progress
    ),
    on_bad_file,
    younger='notes',
  )
  skipped = about['skipped']
  rows = np.array(about['rows'], np.int32)
  mels = np.memmap(
    stem.with_suffix('.f32'),
    np.float32,
    'r',
    shape=(int(rows.sum()), spec.num_mel_bands),
  )
  kept = keep(corpus, skipped)
  assert [u.name for u in kept.utterances] == about['names']
  starts = np.concatenate([[0], np.cumsum(rows)[:-1]]).astype(np.int32)
  return MelRows(kept, mels, starts, rows, skipped, about['notes'])


def half_hop(spec: MfccSpec) -> MfccSpec:
  """The same front end with twice as many frames."""
  return dataclasses.replace(spec, hop_samples=spec.hop_samples // 2)


def features_of(
  store: MelRows, kind: str, spec: MfccSpec, most_frames: int
) -> tuple[np.ndarray, np.ndarray]:
  """Features of whole utterances, each from the first frame on.

  Args:
    store: the bands.
    kind: one of `kinds.OF_BANDS`.
    spec: the front end.
    most_frames: of the result; of a longer utterance its middle is taken.

  Returns:
    float32 (utterances, frames, coefficients), zeros behind an utterance, and
    int32 (utterances,), the frames of each.
  """
  counts = store.counts
  frames = np.minimum(counts, most_frames).astype(np.int32)
  width = kinds.KINDS[kind].width(spec)
  result = np.zeros((len(frames), int(frames.max()), width), np.float32)
  for start in range(0, len(frames), _BATCH):
    stop = min(start + _BATCH, len(frames))
    # (batch, frames, bands); always as many utterances: one program.
    bands = np.zeros((_BATCH, result.shape[1], spec.num_mel_bands), np.float32)
    for index in range(start, stop):
      first = store.starts[index] + 2 * ((counts[index] - frames[index]) // 2)
      bands[index - start, : frames[index]] = store.mels[
        first : first + 2 * frames[index] : 2
      ][: frames[index]]
    # Always as many, as the bands are.
    own_frames = np.zeros(_BATCH, np.int32)
    own_frames[: stop - start] = frames[start:stop]
    values = np.asarray(_finish(bands, own_frames, kind, spec))[: stop - start]
    own = np.arange(result.shape[1]) < frames[start:stop, None]
    result[start:stop] = np.where(own[..., None], values, 0)
  return result, frames


@functools.partial(jax.jit, static_argnums=(2, 3))
def _finish(
  bands: jax.Array, frames: jax.Array, kind: str, spec: MfccSpec
) -> jax.Array:
  """Compresses bands and makes of them what `kind` says."""
  values = features.compress(bands, spec)
  return kinds.KINDS[kind].finish(values, spec, frames)


def _compute(
  corpus: Corpus,
  spec: MfccSpec,
  audio: AudioSpec,
  stem: pathlib.Path,
  on_bad_file: str,
  progress: bool,
) -> None:
  """Writes STEM.f32, then STEM.json, each under a temporary name first."""
  skipped: dict[str, str] = {}
  notes: dict[str, list[str]] = {}
  names, counts = [], []
  part = stem.with_suffix('.part')
  with part.open('wb') as file:
    paths = [utterance.recording for utterance in corpus.utterances]
    for index, (waveform,) in segments.read_all(
      paths,
      audio,
      on_bad_file,
      skipped,
      progress,
      load=segments.load_whole,
      notes=notes,
      limit_hz=spec.upper_edge_hz,
    ):
      rows = _rows(waveform, spec)
      file.write(rows.tobytes())
      names.append(corpus.utterances[index].name)
      counts.append(len(rows))
    file.flush()
  part.replace(stem.with_suffix('.f32'))
  content = {
    'names': names,
    'rows': counts,
    'skipped': skipped,
    'notes': notes,
  }
  files.write_json(stem.with_suffix('.json'), content, CACHE)


def _rows(waveform: np.ndarray, spec: MfccSpec) -> np.ndarray:
  """Mel bands of one recording, float32 (rows, bands); at least one row."""
  second = spec.sample_rate_hz
  length = max(len(waveform), spec.frame_samples)
  # Whole seconds, so that few programs are compiled.
  padded = np.zeros(-(-length // second) * second, np.float32)
  padded[: len(waveform)] = waveform
  half = half_hop(spec)
  values = features.mel_spectrogram(padded, half)
  return np.asarray(values)[: features.num_frames(length, half)]
