"""A model with `predict`: sound in memory, files and batches of both."""

from __future__ import annotations

import dataclasses
import numbers
import os
import warnings
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from sernet_jax.audio import sound
from sernet_jax.audio.listening import Listening
from sernet_jax.audio.spec import require_channel
from sernet_jax.common.errors import InputError, require, require_choice
from sernet_jax.predict import models, recordings
from sernet_jax.predict.inference import (
  class_choice,
  options,
  prediction,
  unsure,
)
from sernet_jax.predict.inference.prediction import Prediction
from sernet_jax.predict.inference.result import Failure

ERRORS = ('raise', 'return')
_Source = str | os.PathLike[str]


class Predictor:
  """A trained model that takes sound as it comes.

  Attributes:
    model: what runs.
    classes: in the order of the probabilities.

  All methods give what `python -m sernet_jax.predict` prints for the same
  sound, to 1e-5 of a probability, and take the same settings. `hop_s` is from window to window of the
  timeline; 0 for no timeline, None for a second. `whole` is 'segments' for the
  label that training's evaluation gives, 'timeline' for the mean over the
  timeline. `listening` has the channel and what counts as silence; `embed` says
  whether predictions have embeddings. `abstain` is the least probability of a
  label, or 'own' for what calibrated weights keep; below it the label is None.

  Args:
    model: what runs.
    channel: of sounds where `listening` names none; '' for what the model was
      trained on.
  """

  def __init__(self, model: models.Model, channel: str = '') -> None:
    self.model = model
    self._listening = Listening(channel=channel)

  def __repr__(self) -> str:
    """Returns what it is called and what it tells apart."""
    return f'Predictor({self.model.name!r}, classes={self.classes})'

  @property
  def classes(self) -> tuple[str, ...]:
    """Names of the classes, in the order of the probabilities."""
    return self.model.classes

  def predict(
    self,
    samples: npt.ArrayLike | _Source,
    rate_hz: float | None = None,
    *,
    hop_s: float | None = None,
    whole: str = 'segments',
    listening: Listening | None = None,
    embed: bool = False,
    abstain: float | str = 0.0,
  ) -> Prediction:
    """Recognizes one sound in memory, or one file, of any length.

    Args:
      samples: (samples,), (1, samples) or (samples, channels); int8, int16,
        int32 or uint8, scaled by the range of their type, or floating-point
        with full scale 1. Or the path of a recording.
      rate_hz: sample rate, 100 Hz to 1 MHz; None for a file, which says it.
      hop_s: see the class.
      whole: see the class.
      listening: see the class.
      embed: see the class.
      abstain: see the class.

    Raises:
      InputError: if it is not sound, silent or not finite.
    """
    source: _Source
    if isinstance(samples, str | os.PathLike):
      require(
        rate_hz is None,
        f'{samples!r} is a file, which says its sample rate; leave out '
        f'{rate_hz!r}',
      )
      source = samples
    else:
      _require_one_sound(samples)
      require(
        rate_hz is not None,
        'the samples come without a sample rate; give it, as in '
        'predict(samples, 16_000)',
      )
      source = sound.make(samples, rate_hz)  # type: ignore[arg-type]
    (found,) = self._predict(
      [source], 'raise', hop_s, whole, listening, embed, abstain
    )
    return found

  def predict_batch(
    self,
    sounds: Iterable[npt.ArrayLike],
    rate_hz: float | Sequence[float],
    *,
    errors: str = 'raise',
    hop_s: float | None = None,
    whole: str = 'segments',
    listening: Listening | None = None,
    embed: bool = False,
    abstain: float | str = 0.0,
  ) -> list[Prediction]:
    """Recognizes sounds of any lengths, whose windows share batches.

    Args:
      sounds: each an array as for `predict`; `predict_files` takes paths.
      rate_hz: of all of them, or of each.
      errors: 'raise' for an exception if one cannot be used,
        'return' for a prediction with `error`.
      hop_s: see the class.
      whole: see the class.
      listening: see the class.
      embed: see the class.
      abstain: see the class.

    Raises:
      InputError: with 'raise'.
    """
    require_choice('errors', errors, ERRORS)
    sounds = _several(sounds)
    rates = [rate_hz] * len(sounds) if np.ndim(rate_hz) == 0 else list(rate_hz)  # type: ignore[arg-type]
    require(
      len(rates) == len(sounds),
      f'there are {len(rates)} sample rates for {len(sounds)} sounds; give one '
      'for all, or one for each',
    )
    sources: list[sound.Sound | Failure] = []
    for number, (samples, rate) in enumerate(zip(sounds, rates, strict=True)):
      name = f'sound {number}'
      try:
        require(
          not isinstance(samples, str | os.PathLike),
          f'{samples!r} is a file; give files to predict_files',
        )
        sources.append(sound.make(samples, rate, name))  # type: ignore[arg-type]
      except InputError as error:
        if errors == 'raise':
          raise
        sources.append(Failure(name, str(error)))
    good = [one for one in sources if isinstance(one, sound.Sound)]
    found = iter(
      self._predict(good, errors, hop_s, whole, listening, embed, abstain)
    )
    return [
      prediction.from_result(one, ())
      if isinstance(one, Failure)
      else next(found)
      for one in sources
    ]

  def predict_files(
    self,
    paths: Iterable[_Source],
    *,
    errors: str = 'raise',
    hop_s: float | None = None,
    whole: str = 'segments',
    listening: Listening | None = None,
    embed: bool = False,
    abstain: float | str = 0.0,
  ) -> list[Prediction]:
    """Recognizes recordings of any format, rate and length.

    Args:
      paths: of the files.
      errors: 'raise' for an exception if one cannot be used,
        'return' for a prediction with `error`.
      hop_s: see the class.
      whole: see the class.
      listening: see the class.
      embed: see the class.
      abstain: see the class.

    Raises:
      InputError: with 'raise'.
    """
    require_choice('errors', errors, ERRORS)
    return self._predict(paths, errors, hop_s, whole, listening, embed, abstain)

  def _predict(
    self,
    sources: Iterable[_Source],
    errors: str,
    hop_s: float | None,
    whole: str,
    listening: Listening | None,
    embed: bool,
    abstain: float | str,
  ) -> list[Prediction]:
    threshold = unsure.of_model(abstain, self.model)
    require(
      listening is None or isinstance(listening, Listening),
      f'listening is {listening!r}; give a sernet_jax.audio.listening.Listening, '
      'or leave it out',
    )
    listening = listening or self._listening
    if not listening.channel:
      channel = self._listening.channel
      listening = dataclasses.replace(listening, channel=channel)
    found = []
    dimensions = [one.name for one in self.model.dimensions]
    for result in recordings.recognize(
      sources, self.model, hop_s, whole, listening, embed
    ):
      result = unsure.leave_out(result, threshold)
      if isinstance(result, Failure) and errors == 'raise':
        raise InputError(result.message)
      found.append(prediction.from_result(result, self.classes, dimensions))
    return found


def _several(sounds: Iterable[npt.ArrayLike]) -> list[npt.ArrayLike]:
  """Returns sounds as a list; refuses one sound or path, and what is none."""
  require(
    not isinstance(sounds, str | os.PathLike),
    f'{sounds!r} is a file; give files to predict_files, as a list',
  )
  require(
    isinstance(sounds, Iterable),
    f'sounds is {sounds!r}; give a list of arrays',
  )
  several = list(sounds)
  first = several[0] if several else None
  require(
    not isinstance(first, numbers.Number) and getattr(first, 'ndim', 1) > 0,
    'sounds is one sound, (samples,); give it as a list, [samples], or to predict',
  )
  return several


def _require_one_sound(samples: object) -> None:
  """Refuses a file's content and a list of files, which need other calls."""
  kind = type(samples).__name__
  require(
    not isinstance(samples, bytes | bytearray) and not hasattr(samples, 'read'),
    f'the sound is the content of a file ({kind}), not samples; decode it, as in '
    'predict(*soundfile.read(io.BytesIO(content))), or give the path of a file',
  )
  require(
    not isinstance(samples, list | tuple)
    or not any(isinstance(one, str | os.PathLike) for one in samples),
    f'the sound is a {kind} of paths; predict_files takes several',
  )


def load(
  model: str | os.PathLike[str] = '',
  selection: str = 'last',
  fold: str = '',
  classes: Sequence[str] = (),
  enroll: str | os.PathLike[str] = '',
  channel: str = '',
) -> Predictor:
  """Loads a model that recognizes sound in memory and files.

  Warns of weights of a run that do little better than guessing, as the commands
  do.

  Args:
    model: '' for the weights in the package; the folder of a run, whose folds
      become an ensemble; or a safetensors or exported file.
    selection: of a run: 'last', or another selection that the run made.
    fold: of a run: this fold alone.
    classes: choose among these alone; () for all that it knows.
    enroll: of a run: folder of recordings of a speaker, to whose voice the
      model is adapted first; '' for none.
    channel: 'mean' of the channels, or the number of one from 0 on, of the
      recordings of `enroll` and of those that are recognized, unless `listening`
      names another; '' for what the model was trained on.

  Raises:
    InputError: if there is no such model, it cannot be used, or it has no such
      classes; or for another channel.
  """
  require(
    not isinstance(classes, str),
    f'classes is {classes!r}, one name; give a list of two or more',
  )
  if channel != '':  # refuses 0 and None as well
    require_channel('channel', channel)
  loaded = models.load(model, selection, fold, enroll, channel=channel)
  if sentence := options.doubt(model, selection):
    warnings.warn(sentence, stacklevel=2)
  return Predictor(class_choice.among(loaded, classes), channel)
