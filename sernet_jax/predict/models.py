"""Every kind of model, opened by `load` and run as a `Model`."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common.errors import require, require_choice, require_path
from sernet_jax.features.spec import MfccSpec
from sernet_jax.predict.sessions import formats

if TYPE_CHECKING:
  from sernet_jax.predict.bundle import Bundle, Dimension
  from sernet_jax.training.recipes import Weights


class Model(Protocol):
  """A model as the commands use it, however it is run.

  Attributes:
    name: for people.
    classes: in the order of the probabilities.
    audio: rate, length and segments that a recording is converted to.
    mfcc: the front end, for figures.
    feature_kind: likewise.
    dimensions: what it has numbers for; then it has `with_dimensions` too, see
      `Recognizer`.
    about: texts kept with the weights, such as their license and calibration;
      empty of several together.
  """

  @property
  def name(self) -> str: ...  # noqa: D102
  @property
  def classes(self) -> tuple[str, ...]: ...  # noqa: D102
  @property
  def audio(self) -> AudioSpec: ...  # noqa: D102
  @property
  def mfcc(self) -> MfccSpec: ...  # noqa: D102
  @property
  def feature_kind(self) -> str: ...  # noqa: D102
  @property
  def dimensions(self) -> tuple[Dimension, ...]: ...  # noqa: D102
  @property
  def about(self) -> Mapping[str, str]: ...  # noqa: D102

  def __call__(self, segments: np.ndarray) -> np.ndarray:
    """Segments (segments, num_samples) to probabilities (segments, classes).

    Any number of segments, each through `audio.prepare`; the probabilities
    are float32 and rows add up to 1.
    """
    ...


# JAX and the libraries of a format are loaded when a model needs them.
def _of(bundles: Sequence[Bundle], name: str, in_numpy: int | None) -> Model:
  if in_numpy == 0 or not bundles[0].is_plain:
    from sernet_jax.predict import recognizer

    return recognizer.Recognizer(bundles, name)
  from sernet_jax.predict.plain import quick_start

  return quick_start.QuickStart(bundles, name, in_numpy)


def _bundle(path: pathlib.Path, in_numpy: int | None) -> Model:
  from sernet_jax.predict import bundle

  return _of([bundle.load(path)], path.name, in_numpy)


def _exported(path: pathlib.Path, in_numpy: int | None) -> Model:
  del in_numpy
  from sernet_jax.predict import exported

  return exported.Exported(path)


# End of the file's name -> loader. A loader raises InputError, never runs code
# from the file, and returns a Model.
LOADERS: dict[str, Callable[[pathlib.Path, int | None], Model]] = {
  '.safetensors': _bundle,
  **dict.fromkeys(formats.MODULES, _exported),
}


def load(
  path: str | os.PathLike[str] = '',
  selection: str = 'last',
  fold: str = '',
  enroll: str | os.PathLike[str] = '',
  in_numpy: int | None = 0,
  channel: str = '',
) -> Model:
  """Loads a model from its path.

  Args:
    path: '' or a name for weights in the package (see `bundle.RELEASES`); the
      folder of a run (its folds become an ensemble); or a file that ends as one
      of `LOADERS`.
    selection: of a run: 'last', or another selection that the run made.
    fold: of a run: use this fold alone.
    enroll: of a run: folder of recordings of a voice, to which its statistics
      are adapted; '' for none.
    in_numpy: segments that a bundle or run computes in numpy before it loads
      JAX, see `plain.quick_start`; None for all.
    channel: of the recordings of `enroll`, see `Listening`.

  Raises:
    InputError: if there is no such model or it cannot be used.
  """
  require_path('model', path)
  require_path('enroll', enroll)
  adapt = None
  if os.fspath(enroll):
    from sernet_jax.predict.inference import enrolment

    adapt = enrolment.adapter(path, enroll, channel=channel)
  from sernet_jax.predict import bundle

  name = bundle.released(path)
  if name or not os.fspath(path):
    require(
      not fold and selection == 'last',
      'the weights in the package have neither folds nor selections; leave '
      'out --fold and --selection, or give --model=RUN_FOLDER',
    )
    return _release(name or bundle.RELEASES[0], in_numpy)
  bundle.require_there(path, f'a run folder, a file ({", ".join(LOADERS)})')
  path = pathlib.Path(path)
  if path.is_dir():
    return _ensemble(path, selection, fold, adapt, in_numpy)
  require(
    not fold and selection == 'last',
    f'--model={path} is a file, which has neither folds nor selections; leave '
    'out --fold and --selection',
  )
  suffix = path.suffix.lower()
  require(
    suffix in LOADERS,
    f'--model={path} is of no known kind; give a run folder or a file that '
    f'ends in {", ".join(LOADERS)}',
  )
  return LOADERS[suffix](path, in_numpy)


def _release(name: str, in_numpy: int | None) -> Model:
  from sernet_jax.predict import bundle

  path = bundle.release_path(name)
  require(
    path.is_file(),
    f'this copy of sernet_jax comes without weights ({path.name} is missing); '
    'install a release, or train and give --model=RUN_FOLDER',
  )
  return _of([bundle.load(path)], name, in_numpy)


def _ensemble(
  folder: pathlib.Path,
  selection: str,
  fold: str,
  adapt: Callable[[Weights, Weights], Weights] | None,
  in_numpy: int | None,
) -> Model:
  from sernet_jax.predict import run_bundles

  bundles = run_bundles.from_run(folder, selection, adapt)
  if fold:
    names = [one.about['fold'] for one in bundles]
    require_choice('--fold', fold, names)
    bundles = [bundles[names.index(fold)]]
  which = f'fold {fold}' if fold else f'{len(bundles)} folds'
  which += ', adapted' * (adapt is not None)
  return _of(bundles, f'{folder.absolute().name} ({which})', in_numpy)
