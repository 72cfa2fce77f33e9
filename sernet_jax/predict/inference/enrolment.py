"""A model that has heard a voice before it recognizes its emotions.

Recordings of one speaker, whose labels nobody needs, take a share in the
BatchNorm statistics of a run's networks, as under the protocol `loso_adapted`,
which measures what that gains. The statistics can only be moved while they
are apart from the weights, so the model is a run and no file; what
`export --enroll` writes is adapted already.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Callable, Sequence

import jax.numpy as jnp
import numpy as np

from sernet_jax.audio import containers, segments as segments_lib
from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common.errors import require
from sernet_jax.features import kinds
from sernet_jax.features.spec import num_frames
from sernet_jax.predict.recognizer import from_first_sample
from sernet_jax.predict.sessions import waveform
from sernet_jax.results import run_folder
from sernet_jax.runs.config import Experiment
from sernet_jax.runs.weights import of_run
from sernet_jax.training import adaptation
from sernet_jax.training.recipes import Weights
from sernet_jax.training.sound.corpus import Heard

_BATCH = 16


def adapter(
  workdir: str | os.PathLike[str],
  folder: str | os.PathLike[str],
  prior: float | None = None,
  channel: str = '',
) -> Callable[[Weights, Weights], Weights]:
  """Returns what moves the statistics of a run's networks towards a voice.

  Args:
    workdir: folder of the run.
    folder: recordings of one speaker.
    prior: recordings that the training set's statistics count as; None for
      what the run says.
    channel: of the recordings, see `Listening`; '' for what the run heard.

  Returns:
    A function from (params, stats) of one network to its adapted stats.

  Raises:
    InputError: if there is no run, or a recording cannot be used.
  """
  run = run_folder.RunFolder(workdir, run_folder.MADE)
  require(
    bool(os.fspath(workdir)) and run.config.exists(),
    f'--enroll moves the statistics of a run, which {workdir or "the model"} '
    'is not; give --model=RUN_FOLDER, or export the run with --enroll and take '
    'that file',
  )
  experiment = of_run.settings_of(run)
  recipe = experiment.recipe(len(run.read_results().classes))
  audio = experiment.test_audio
  if channel != '':
    audio = dataclasses.replace(audio, channel=channel)
  paths = containers.below(pathlib.Path(folder), '--enroll=')
  heard = _heard(paths, experiment, recipe.model.masked, audio)
  if prior is None:
    prior = experiment.protocol.prior

  def adapt(params: Weights, stats: Weights) -> Weights:
    return adaptation.adapted(recipe, heard, params, stats, prior, len(paths))

  return adapt


def _heard(
  paths: Sequence[pathlib.Path],
  experiment: Experiment,
  masked: bool,
  audio: AudioSpec,
) -> np.ndarray | Heard:
  """Reads recordings as a test of the run hears them.

  Returns:
    float32 (segments, frames, coefficients), with the frames of each where the
    network looks at an utterance's own alone.
  """
  spec = experiment.mfcc
  # Silence at the ends of a recording is its own, as in tests.
  mark = waveform.marked if masked else None
  prepared = np.concatenate(
    [segments_lib.load_segments(path, audio, mark=mark) for path in paths]
  )
  frames = np.zeros(0, np.int32)
  if masked:
    prepared, lengths = from_first_sample(prepared)
    frames = np.asarray(jnp.maximum(num_frames(lengths, spec), 1), np.int32)
  compute = kinds.KINDS[experiment.feature_kind].compute
  parts = [
    slice(start, start + _BATCH) for start in range(0, len(prepared), _BATCH)
  ]
  values = np.concatenate(
    [
      np.asarray(compute(prepared[p], spec, frames[p] if masked else None))
      for p in parts
    ]
  )
  return Heard(values, frames) if masked else values
