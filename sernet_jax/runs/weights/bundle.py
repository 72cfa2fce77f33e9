"""Bundles: one small file with all it takes to go from sound to probabilities.

A bundle is the network with BatchNorm folded in, the specs of network, front
end and audio, and the names of the classes. The file is in the safetensors
format: a JSON header, then plain numbers; nothing in it can run. What the
`safetensors` package checks (offsets without holes or overlaps, sizes that fit
shapes) is checked before a tensor is made; the header's length, the specs and
every name, shape and number are checked on top, so that a damaged,
foreign or hostile file is refused with one sentence. A seal, the checksum of
the whole file, finds damage that leaves all of that valid; files written
before it came have none.
"""

from __future__ import annotations

import dataclasses
import importlib.resources
import json
import os
import pathlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common import files, trees
from sernet_jax.common.errors import (
  InputError,
  nearest,
  require,
  require_choice,
)
from sernet_jax.corpora.dimensions import Dimension as Dimension
from sernet_jax.features import kinds
from sernet_jax.features.spec import MfccSpec, num_frames
from sernet_jax.nn import folding, network
from sernet_jax.nn.networks import packing
from sernet_jax.nn.spec import ModelSpec
from sernet_jax.runs.weights import bundle_file, seals

FORMAT = 'sernet_jax'
FORMAT_VERSION = 1  # raised when older readers would misread a file
DTYPES = ('float16', 'float32')
_MAX_LABEL = 100
# Names of the weights in the package: as published, for rooms and noise, and of
# the smaller sizes of the network.
RELEASES = ('emodb', 'emodb_robust', 'emodb_small', 'emodb_tiny')


@dataclasses.dataclass(frozen=True, eq=False)
class Bundle:
  """A trained model with everything it needs; checks itself.

  Attributes:
    model: the network.
    mfcc: the front end.
    feature_kind: one of `features.kinds.KINDS`.
    audio: rate, length and segments of a recording.
    classes: in the order of the outputs.
    folded: float32 arrays as `network.fold` gives them.
    about: where it comes from, for people: name, corpus, fold, seed, ...
    ranges: least and greatest value of the input and output of each layer on
      some recordings, as `export.writing.ranges` finds them: what a format of
      8 bits needs to know. Empty if nobody has looked.
    dimensions: numbers that the network gives beside the classes.
  """

  model: network.Spec
  mfcc: MfccSpec
  feature_kind: str
  audio: AudioSpec
  classes: tuple[str, ...]
  folded: network.Tree
  about: dict[str, str] = dataclasses.field(default_factory=dict)
  ranges: dict[str, tuple[float, float]] = dataclasses.field(
    default_factory=dict
  )
  dimensions: tuple[Dimension, ...] = ()

  def __post_init__(self) -> None:
    object.__setattr__(self, 'classes', tuple(self.classes))
    require_choice('feature_kind', self.feature_kind, kinds.KINDS)
    require(
      len(self.classes) == self.model.num_classes,
      f'there are {len(self.classes)} class names for a network of '
      f'{self.model.num_classes} classes; give one for each output',
    )
    for label in self.classes:
      require(
        isinstance(label, str) and 0 < len(label) <= _MAX_LABEL,
        f'the class name {str(label)[:40]!r} must have 1 to '
        f'{_MAX_LABEL} characters; rename the class',
      )
    require(
      len(set(self.classes)) == len(self.classes),
      f'the class names {self.classes} name one twice; give each its own',
    )
    object.__setattr__(self, 'dimensions', tuple(self.dimensions))
    names = [one.name for one in self.dimensions]
    require(
      len(names) == self.model.dimensions and len(set(names)) == len(names),
      f'there are the dimensions {names} for a network of '
      f'{self.model.dimensions}; name each output once',
    )
    require(
      self.audio.sample_rate_hz == self.mfcc.sample_rate_hz,
      f'audio is at {self.audio.sample_rate_hz} Hz and the front end at '
      f'{self.mfcc.sample_rate_hz} Hz; give both the same rate',
    )
    require(
      num_frames(self.audio.num_samples, self.mfcc) > 0,
      f'a segment of {self.audio.num_samples} samples holds no frame of '
      f'{self.mfcc.frame_samples}; lengthen duration_s',
    )
    self.model.require_features(
      self.feature_kind, kinds.KINDS[self.feature_kind].width(self.mfcc)
    )
    self._check_arrays()

  def _check_arrays(self) -> None:
    expected = trees.flatten(self.model.shapes(), '/')
    given = trees.flatten(self.folded, '/')
    _require_names(given.keys(), expected.keys())
    for name, array in given.items():
      require(
        array.shape == expected[name],
        f'{name} has shape {tuple(array.shape)}, but the network needs '
        f'{expected[name]}; take the weights of this network',
      )
      require(
        array.dtype == np.float32,
        f'{name} is {array.dtype}; give float32',
      )
      require(
        bool(np.isfinite(array).all()),
        f'{name} holds a value that is not finite; take a checkpoint in which '
        'training had not diverged',
      )

  @property
  def light_sernet(self) -> ModelSpec:
    """The network, for what is written for Light-SERNet alone.

    Raises:
      InputError: if it is another, or reads features whose frames do not stand
        alone.
    """
    if not isinstance(self.model, ModelSpec):
      raise InputError(
        f'this is written for {ModelSpec.name} alone, and the model is of the '
        f'network {self.model.name}; export it to safetensors or stablehlo'
      )
    require(
      not kinds.KINDS[self.feature_kind].deltas,
      f'the model reads features.kind={self.feature_kind!r}, which this is not '
      'written for; export it to safetensors or stablehlo, or train it with '
      'mfcc',
    )
    return self.model

  @property
  def is_plain(self) -> bool:
    """True if `predict.plain` and the other formats express it."""
    return (
      isinstance(self.model, ModelSpec)
      and not kinds.KINDS[self.feature_kind].deltas
    )

  @property
  def num_parameters(self) -> int:
    """Number of parameters in the folded network."""
    return folding.count(self.folded)


def save(
  path: str | os.PathLike[str], bundle: Bundle, dtype: str = 'float16'
) -> None:
  """Writes a bundle, whole or not at all.

  Args:
    path: of the file; its name should end in '.safetensors'.
    bundle: what to write.
    dtype: 'float16' rounds the folded numbers to the nearest fp16; 'float32'
      keeps them to the bit. Binary weights are bits in both.

  Raises:
    InputError: if a number is beyond fp16's largest, 65504, or the file
      cannot be written.
  """
  require_choice('dtype', dtype, DTYPES)
  tensors = {}
  arrays = packing.packed(bundle.model, trees.flatten(bundle.folded, '/'))
  for name, array in arrays.items():
    if array.dtype == np.uint8:
      tensors[name] = array
      continue
    with np.errstate(over='ignore'):
      tensors[name] = np.ascontiguousarray(array, dtype)
    require(
      bool(np.isfinite(tensors[name]).all()),
      f'{name} holds {np.abs(array).max():.3g}, more than fp16 can; write the '
      "bundle with dtype='float32'",
    )
  texts = {**metadata(bundle), seals.SEAL: seals.UNSEALED}
  content = bundle_file.in_order(safetensors.numpy.save(tensors, texts))
  files.write_bytes(pathlib.Path(path), seals.sealed(content))


def metadata(bundle: Bundle) -> dict[str, str]:
  """Everything in a bundle but its arrays, as every file of a model holds it."""
  return {
    'format': FORMAT,
    'format_version': str(FORMAT_VERSION),
    'model': json.dumps(bundle.model.to_dict()),
    'mfcc': json.dumps(dataclasses.asdict(bundle.mfcc)),
    'audio': json.dumps(bundle.audio.to_json()),
    'feature_kind': json.dumps(bundle.feature_kind),
    'classes': json.dumps(bundle.classes),
    'about': json.dumps(bundle.about),
    **({'ranges': json.dumps(bundle.ranges)} if bundle.ranges else {}),
    **(
      {'dimensions': json.dumps([*map(dataclasses.asdict, bundle.dimensions)])}
      if bundle.dimensions
      else {}
    ),
  }


def load(path: str | os.PathLike[str]) -> Bundle:
  """Reads a bundle; every number is float32 afterwards.

  Raises:
    InputError: if the file is missing, damaged, foreign, newer than this
      package, or holds anything but what its specs promise.
  """
  path = pathlib.Path(path)
  content = bundle_file.read(path)
  header = bundle_file.parse(path, content)
  texts = header.pop('__metadata__', None)
  require(
    isinstance(texts, dict) and texts.get('format') == FORMAT,
    f'{path} is a safetensors file of another program; give one written by '
    'python -m sernet_jax.export',
  )
  bundle_file.check_version(path, texts, FORMAT_VERSION)
  if seals.SEAL in texts or seals.has_seal(content):
    seals.check_seal(path, content)
  try:
    parts = bundle_file.parts(texts)
    model = parts['model']
    _check_tensors(header, packing.shapes(model), packing.signs(model))
    arrays = packing.unpacked(model, safetensors.numpy.load(content))
    tree: network.Tree = {}
    for name, values in arrays.items():
      block, array = name.split('/')
      tree.setdefault(block, {})[array] = values
    return Bundle(folded=tree, **parts)
  except safetensors.SafetensorError as error:
    raise bundle_file.damaged(path, error) from error
  except InputError as error:
    raise InputError(f'{path} cannot be used: {error}') from error


def release_path(name: str = RELEASES[0]) -> pathlib.Path:
  """Returns the path of weights in the package, trained on all of EMO-DB.

  Args:
    name: one of `RELEASES`.
  """
  assert name in RELEASES
  folder = importlib.resources.files('sernet_jax')
  return pathlib.Path(str(folder / 'data' / f'{name}.safetensors'))


def released(model: str | os.PathLike[str]) -> str:
  """Returns the name of weights in the package if `model` is one, or ''.

  A file or the folder of a run with that name goes first; the folder of a
  corpus, which may well be called `emodb`, does not.
  """
  name = os.fspath(model)
  path = pathlib.Path(name)
  own = path.is_file() or (path / 'config.json').exists()
  return name if name in RELEASES and not own else ''


def require_there(
  model: str | os.PathLike[str], instead: str = 'a .safetensors file'
) -> None:
  """Refuses what is neither there nor the name of weights in the package.

  The `InputError` has all their names, the nearest, and what to give `instead`.
  """
  name = os.fspath(model)
  if name in RELEASES or pathlib.Path(name).exists():
    return
  guess = nearest(name, RELEASES)
  meant = f': {guess}' if guess.startswith('did') else ''
  raise InputError(
    f'--model={name} does not exist; give {instead}, or weights of the package, '
    f'{", ".join(RELEASES[:-1])} or {RELEASES[-1]}{meant}'
  )


def _check_tensors(
  header: dict[str, Any],
  expected: dict[str, tuple[int, ...]],
  signs: Iterable[str],
) -> None:
  _require_names(header.keys(), expected.keys())
  codes, bits = set(), set(signs)
  for name, shape in expected.items():
    entry = header[name]
    require(
      isinstance(entry, dict) and entry.get('shape') == list(shape),
      f'{name} has another shape than the {shape} of its network; export it '
      'again',
    )
    code = str(entry.get('dtype'))[:20]
    require(
      (code == 'U8') == (name in bits),
      f'{name} is {code}, where binary weights alone are U8; export it again',
    )
    if name not in bits:
      codes.add(code)
  require(
    codes in ({'F16'}, {'F32'}),
    f'its numbers are {sorted(codes)}, not all F16 or all F32; export it again',
  )


def _require_names(given: Iterable[str], expected: Iterable[str]) -> None:
  missing = sorted(set(expected) - set(given))[:3]
  unknown = [str(name)[:40] for name in sorted(set(given) - set(expected))[:3]]
  require(
    not missing and not unknown,
    f'its tensors lack {missing or "nothing"} and have unknown '
    f'{unknown or "nothing"}; take the weights of this network',
  )
