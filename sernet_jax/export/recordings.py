"""The recordings that an export is calibrated and tested with.

They are from a run's own corpus: training recordings of the fold to calibrate
with, the fold's test to test with. Without the corpus, made-up sound replaces
both, and the report says so.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import pathlib

import numpy as np

from sernet_jax.audio import containers, part_reading, segments
from sernet_jax.audio.part import Recording
from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common.errors import InputError, require
from sernet_jax.predict import run_bundles
from sernet_jax.predict.sessions import waveform
from sernet_jax.results import run_folder
from sernet_jax.runs.data import load_corpus

CALIBRATION = 128  # recordings
_MADE_UP = 32

# (raw, prepared) segments of a recording, float32 (num_samples,) each.
_Pieces = tuple[list[np.ndarray], list[np.ndarray]]


@dataclasses.dataclass(frozen=True, eq=False)
class Segments:
  """Segments of some recordings.

  Attributes:
    raw: float32 (segments, num_samples), for exported files.
    prepared: the same through `audio.prepare`, for the JAX model.
    owners: (segments,), the recording of each.
    labels: (recordings,), indices of classes; None for made-up sound.
    what: what they are, for people.
  """

  raw: np.ndarray
  prepared: np.ndarray
  owners: np.ndarray
  labels: np.ndarray | None
  what: str


class Corpus:
  """The corpus of a run; recordings are read when they are asked for."""

  def __init__(self, workdir: str | os.PathLike[str]):
    folder = run_folder.RunFolder(workdir, run_folder.MADE)
    experiment = run_bundles.settings_of(folder)
    self.audio = experiment.test_audio  # what bundles of the run hear
    self.name = experiment.data.corpus
    utterances = load_corpus(experiment).utterances
    self._by_name = {one.name: one for one in utterances}
    folds = folder.read_folds()
    # As bundles are named: every fold again for each of several seeds.
    names = run_bundles.trial_names(folder, experiment)
    self._folds = dict(zip(names, itertools.cycle(folds), strict=False))
    self._read: dict[str, _Pieces] = {}

  def test(self, fold: str, classes: tuple[str, ...]) -> Segments:
    """Segments of the fold's test; without one, some of its training."""
    names = self._names(fold, 'test')
    if not names:
      return self.calibration(fold, classes)
    what = f'test of fold {fold} of {self.name}'
    return self._segments(names, classes, what)

  def calibration(self, fold: str, classes: tuple[str, ...]) -> Segments:
    """Segments of some training recordings, the same ones every time."""
    names = self._names(fold, 'train')
    order = np.random.default_rng(0).permutation(len(names))[:CALIBRATION]
    what = f'training recordings of fold {fold} of {self.name}'
    return self._segments([names[i] for i in order], classes, what)

  def _names(self, fold: str, part: str) -> list[str]:
    names = self._folds[fold][part]
    missing = [name for name in names if name not in self._by_name]
    if missing:
      raise InputError(
        f'the corpus has no utterance {missing[0]!r}, which the run has in '
        f'fold {fold}; point the config at the corpus of the run'
      )
    return [str(name) for name in names]

  def _segments(
    self, names: list[str], classes: tuple[str, ...], what: str
  ) -> Segments:
    for name in names:
      if name not in self._read:
        self._read[name] = _both(self._by_name[name].recording, self.audio)
    labels = [classes.index(self._by_name[name].label) for name in names]
    return _joined([self._read[name] for name in names], labels, what)


def of_folder(folder: pathlib.Path, spec: AudioSpec) -> Segments:
  """Segments of recordings in a folder, spread evenly in order of name."""
  paths = containers.below(folder)
  paths = paths[:: -(-len(paths) // CALIBRATION)]
  return _joined([_both(path, spec) for path in paths], None, str(folder))


def _joined(
  read: list[_Pieces], labels: list[int] | None, what: str
) -> Segments:
  """Stacks the segments of some recordings, without those that have none.

  Raises:
    InputError: if none has any.
  """
  heard = [index for index, (raw, _) in enumerate(read) if raw]
  require(
    bool(heard),
    f'{what}: every recording is silent once it is scaled; give others',
  )
  read = [read[index] for index in heard]
  labels = None if labels is None else [labels[index] for index in heard]
  owners = [index for index, (raw, _) in enumerate(read) for _ in raw]
  return Segments(
    np.stack([segment for raw, _ in read for segment in raw]),
    np.stack([segment for _, prepared in read for segment in prepared]),
    np.array(owners),
    None if labels is None else np.array(labels),
    what,
  )


def _both(path: Recording, spec: AudioSpec) -> _Pieces:
  """Segments of a recording that are not silent, raw and prepared."""
  pieces = segments.cut(
    part_reading.load_mono(path, spec.sample_rate_hz, spec.channel), spec
  )
  raw, prepared = [], []
  for piece in pieces:
    # Marked, so that a network of `model.masked` knows the ends as a file does.
    segment = segments.prepare_sound(waveform.marked(piece), spec.num_samples)
    if segment is not None:
      raw.append(waveform.padded(piece, spec.num_samples))
      prepared.append(segment)
  return raw, prepared


def made_up(spec: AudioSpec) -> Segments:
  """Makes noise under slow swells with a gliding tone; half of it is short."""
  random = np.random.default_rng(0)
  time_s = np.arange(spec.num_samples) / spec.sample_rate_hz
  read = []
  for index in range(_MADE_UP):
    low_hz, high_hz = random.uniform(90, 900, size=2)
    phase = np.cumsum(np.linspace(low_hz, high_hz, time_s.size))
    tone = np.sin(2 * np.pi / spec.sample_rate_hz * phase)
    swell = np.sin(np.pi * random.uniform(1, 4) * time_s) ** 2 + 0.01
    sound = swell * (tone + 0.2 * random.normal(size=time_s.size))
    sound *= random.uniform(0.01, 0.9)
    if index % 2:
      sound = sound[: spec.num_samples * 2 // 3]
    raw = waveform.padded(sound, spec.num_samples)
    read.append(([raw], [segments.prepare(sound, spec.num_samples)]))
  return _joined(read, None, 'made-up sound')
