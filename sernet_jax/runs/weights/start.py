"""Trained weights that a training begins with, `train.start_from`.

Weights in a run folder are taken as they are. In files BatchNorm is folded
away and is put back with statistics of the recordings that are about to train
(`nn.unfolded`), so that the network begins as the function that the file is.
"""

from __future__ import annotations

import dataclasses
import functools
import pathlib
from collections.abc import Mapping
from typing import Any

from sernet_jax.common.errors import InputError, require
from sernet_jax.corpora.dimensions import Dimension
from sernet_jax.corpora.utterances import Corpus
from sernet_jax.features.spec import MfccSpec
from sernet_jax.nn import network, sizes
from sernet_jax.results.run_folder import MADE, RunFolder
from sernet_jax.runs import checkpoint
from sernet_jax.runs.config import Experiment
from sernet_jax.runs.data import Data
from sernet_jax.runs.weights import (
  bundle,
  heads,
  hearing,
  history,
  of_run,
  sentences,
)
from sernet_jax.runs.weights.hearing import Heard
from sernet_jax.runs.weights.history import Prior, Trained
from sernet_jax.training.recipes import Weights


@dataclasses.dataclass(frozen=True, eq=False)
class Learnt:
  """Weights of one network, and whom they have heard.

  Attributes:
    heard: the speakers of each corpus that it was trained on.
    folded: with BatchNorm folded away, if it comes from a file.
    weights: parameters and statistics, if it comes from a run.
    trained: the utterances that trained it, if it comes from a run.
  """

  heard: Heard
  folded: Mapping[str, Any] | None = None
  weights: tuple[Weights, Weights] | None = None
  trained: Trained | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Start:
  """Weights to begin with.

  Attributes:
    name: as `train.start_from` has it.
    model: the network they are of.
    mfcc: its front end.
    feature_kind: likewise.
    classes: in the order of its outputs.
    folds: fold -> its weights, or '' -> those of all folds.
    dimensions: numbers that the network gives beside the classes.
  """

  name: str
  model: network.Spec
  mfcc: MfccSpec
  feature_kind: str
  classes: tuple[str, ...]
  folds: Mapping[str, Learnt]
  dimensions: tuple[Dimension, ...] = ()

  def of(self, fold: str) -> Learnt:
    """Returns the weights that a fold begins with."""
    return self.folds[fold] if fold in self.folds else self.folds['']

  def dimensions_of(self, corpus: Corpus) -> dict[int, int]:
    """Finds a corpus's dimensions of the same name and scale.

    Returns:
      Index in the corpus -> index in the weights; new ones are absent.
    """
    return {
      k: self.dimensions.index(one)
      for k, one in enumerate(corpus.dimensions)
      if one in self.dimensions
    }

  @functools.cached_property
  def digest(self) -> str:
    """SHA-256 of all weights."""
    return checkpoint.checksum(
      {
        f'{name}.': learnt.folded or learnt.weights
        for name, learnt in self.folds.items()
      }
    )


def load(text: str) -> Start:
  """Reads the weights that `train.start_from` names.

  Raises:
    InputError: if there are none, or they cannot be used.
  """
  path = pathlib.Path(text)
  if bundle.released(text):
    path = bundle.release_path(text)
  elif path.suffix.lower() != '.safetensors':
    return _of_run(text, path)
  made = bundle.load(path)
  learnt = Learnt(history.of_about(made.about), folded=made.folded)
  return Start(
    text,
    made.model,
    made.mfcc,
    made.feature_kind,
    made.classes,
    {'': learnt},
    made.dimensions,
  )


def run_of(path: pathlib.Path) -> pathlib.Path | None:
  """Finds the folder of the run that a path is, or lies in; None for no run."""
  folders = (path, *path.parents)
  return next((f for f in folders if RunFolder(f).config.exists()), None)


def _of_run(text: str, path: pathlib.Path) -> Start:
  """Reads the weights of a run, or of the fold behind its folder's name."""
  home = run_of(path)
  if home is None:
    raise InputError(
      f'train.start_from is {text!r}, which is neither {" nor ".join(bundle.RELEASES)} (the '
      'weights in the package), a .safetensors file, nor the folder of a run; name one '
      'of them, with /FOLD behind a run for one of its folds'
    )
  folder = RunFolder(home, MADE)
  experiment = of_run.settings_of(folder)
  averaged = 'average' in experiment.selections
  spec, folds = of_run.weights_of_run(
    folder.path, 'average' if averaged else 'last_recomputed'
  )
  results = folder.read_results()
  names = [fold['name'] for fold in folder.read_folds()]
  trained = sentences.of_run(folder, results.corpus)
  learnt = {
    fold.name: Learnt(
      history.of_fold(folder, names[index % len(names)], results.corpus),
      weights=(fold.params, fold.stats),
      trained=trained[index % len(names)],
    )
    for index, fold in enumerate(folds)
  }
  wanted = path.relative_to(folder.path).as_posix()
  if wanted != '.':
    require(
      wanted in learnt,
      f'train.start_from is {text!r}, but the run has no fold {wanted!r}; name '
      f'one of {", ".join(learnt)}',
    )
    learnt = {'': learnt[wanted]}
  elif len(learnt) == 1:
    learnt = {'': next(iter(learnt.values()))}
  return Start(
    text,
    spec,
    experiment.mfcc,
    experiment.feature_kind,
    results.classes,
    learnt,
    results.dimensions,
  )


def require_fit(start: Start, experiment: Experiment, data: Data) -> None:
  """Refuses weights of another network, front end, classes or folds.

  Raises:
    InputError: naming the setting that makes them fit.
  """
  where = f'train.start_from={start.name} is of a network with'
  require(
    start.model.name == experiment.model.name,
    f'{where} model.name={start.model.name!r}, not '
    f'{experiment.model.name!r}; set model.name to it, or start from other '
    'weights',
  )
  size, own = map(sizes.name_of, (start.model, experiment.model))
  unlike = {
    field: (getattr(start.model, field), getattr(experiment.model, field))
    for field in start.model.shaping
    if getattr(start.model, field) != getattr(experiment.model, field)
  }
  if size and size != own and (own or size != sizes.DEFAULT):
    # The size decides both, and is what a config sets.
    for field in ('filters', 'blocks'):
      unlike.pop(field, None)
    unlike = {'size': (size, own), **unlike}
  differ = ' and '.join(
    f'model.{field}={_plain(theirs)}, not {_plain(ours) if ours else "others"}'
    for field, (theirs, ours) in unlike.items()
  )
  them = ' and '.join(f'model.{field}' for field in unlike)
  require(
    not unlike,
    f'{where} {differ}; set {them} to what the weights have, or start from '
    'other weights',
  )
  require_front_end(start, experiment, 'train.start_from')
  classes = data.features.corpus.classes
  if not experiment.train.new_head:
    heads.require_overlap(start.classes, classes)
  kept = (
    {} if experiment.train.new_head else heads.matches(start.classes, classes)
  )
  numbers = data.features.corpus.dimensions
  known = (
    {}
    if experiment.train.new_head
    else start.dimensions_of(data.features.corpus)
  )
  for part, new in (
    ('head', [name for k, name in enumerate(classes) if k not in kept]),
    ('dimensions', [d.name for k, d in enumerate(numbers) if k not in known]),
  ):
    require(
      part not in experiment.train.frozen_parts or not new,
      f'train.freeze={experiment.train.freeze} freezes the {part}, but the '
      f'weights do not know {", ".join(new)}; leave {part} out of it',
    )
  same = heads.twins(kept) if 'head' in experiment.train.frozen_parts else ()
  require(
    not same,
    f'train.freeze={experiment.train.freeze} freezes the head, but '
    f'{" and ".join(classes[k] for k in same)} are one class of the weights '
    f'({start.classes[kept[same[0]]] if same else ""}), and nothing could tell '
    'them apart; merge them with data.classes, or leave head out of it',
  )
  missing = [f.name for f in data.folds if f.name not in start.folds]
  require(
    '' in start.folds or not missing,
    f'train.start_from={start.name} is a run of the folds '
    f'{", ".join(start.folds)}, and this one has {", ".join(missing[:3])} too; '
    'name one of its folds, RUN/FOLD',
  )


def require_front_end(
  start: Start, experiment: Experiment, setting: str
) -> None:
  """Refuses weights that expect other features than a run computes.

  Args:
    start: the weights.
    experiment: the settings of the run.
    setting: that names the weights.

  Raises:
    InputError: naming the first difference.
  """
  where = f'{setting}={start.name} expects the features of'
  require(
    start.feature_kind == experiment.feature_kind,
    f'{where} features.kind={start.feature_kind!r}, not '
    f'{experiment.feature_kind!r}; set it so, or name other weights',
  )
  for name in (field.name for field in dataclasses.fields(MfccSpec)):
    theirs, ours = getattr(start.mfcc, name), getattr(experiment.mfcc, name)
    require(
      theirs == ours,
      f'{where} a front end with {name}={theirs!r}, not {ours!r}; set '
      'features.preset and features.num_coefficients as they were in its '
      'training, or name other weights',
    )


def _plain(value: Any) -> str:
  """Writes a setting as a config has it, cut short."""
  if isinstance(value, tuple) and value and hasattr(value[0], '_asdict'):
    value = tuple(tuple(one) for one in value)
  return repr(value)[:120]


def record(start: Start, experiment: Experiment, data: Data) -> dict[str, Any]:
  """Returns what history.json says of a run that starts from weights.

  Raises:
    InputError: if the weights do not fit, or have heard the tests of a
      protocol that promises that nobody has.
  """
  require_fit(start, experiment, data)
  corpus, folds = data.features.corpus, data.folds
  before = {fold.name: start.of(fold.name).heard for fold in folds}
  trained = {fold.name: [start.of(fold.name).trained] for fold in folds}
  prior = Prior(start.name, before, trained)
  found = sentences.told(prior, experiment, data)
  own = history.of_folds(experiment.data, corpus, folds)
  kept = heads.matches(start.classes, corpus.classes)
  if experiment.train.new_head:
    kept = {}
  return {
    'heard': {
      name: hearing.both(before[name], heard) for name, heard in own.items()
    },
    'cautions': found,
    'start': {
      'from': start.name,
      'sha256': start.digest,
      'classes_kept': [corpus.classes[k] for k in kept],
      'frozen': list(experiment.train.frozen_parts),
    },
  }


def require_same(folder: RunFolder, start: Start) -> None:
  """Refuses weights that are not those the run began with.

  Raises:
    InputError: naming both.
  """
  before = history.read(folder).get('start', {}).get('sha256')
  if before != start.digest:
    raise InputError(
      f'{folder.path} began with other weights than train.start_from='
      f'{start.name} has now (SHA-256 {str(before)[:8]}, not '
      f'{start.digest[:8]}); bring the file back or choose another --workdir'
    )
