"""The file of a bundle: read whole, its header taken apart with distrust.

Whatever a file says is checked before it is used: the length of the header
before it is parsed, types and sizes of the specs before they are made.

The `safetensors` package checks offsets, sizes and dtypes when it reads the
tensors, and that is left to it. `parse` stays beside it because the package
(0.8) accepts a header of 100 MB and a name that occurs twice, and gives the
metadata of a file on disk alone, not of bytes that were read once and cannot
change in between; it may go when `safetensors.deserialize` returns the
metadata and refuses both. `in_order` may go when the package writes its
metadata in a fixed order.
"""

from __future__ import annotations

import dataclasses
import json
import math
import pathlib
import types
import typing
import warnings
from typing import Any

from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common.errors import InputError, first_line, require
from sernet_jax.corpora.dimensions import Dimension
from sernet_jax.features.spec import MfccSpec
from sernet_jax.nn import networks
from sernet_jax.nn.network import Spec
from sernet_jax.nn.spec import Block

MAX_HEADER_BYTES = 1 << 18
MAX_FILE_BYTES = 1 << 26

_KEYS = ('model', 'mfcc', 'audio', 'feature_kind', 'classes', 'about')

# Texts that a file may lack -> what it then means.
_LATER = {'ranges': '{}', 'dimensions': '[]'}

# Fields that a file may lack: it then means the default.
_OPTIONAL = {'blocks', 'channel', 'pooling', 'dimensions'}

# What a spec in a file may ask for at most: tables are computed from these
# numbers, and a file must not be able to ask for a terabyte.
_LIMITS = {
  'sample_rate_hz': 1_000_000,
  'duration_s': 600,
  'frame_samples': 1 << 16,
  'hop_samples': 1 << 20,
  'fft_size': 1 << 16,
  'num_mel_bands': 1024,
  'num_coefficients': 1024,
  'num_classes': 1000,
  'dimensions': 100,
  'filters': 4096,
}


_MOST_OF_ANY = 1_000_000  # where nothing else is said
# And what they may ask for together: numbers of one segment at a time.
_MOST_AT_ONCE = 1 << 25


def read(path: pathlib.Path) -> bytes:
  """Reads a whole file of bounded size; `InputError` if it cannot be read."""
  require(path.exists(), f'{path} does not exist; check the name of the model')
  require(
    path.is_file(),
    f'{path} is not a file; give a .safetensors file, or the folder of a run with '
    '--workdir',
  )
  try:
    with path.open('rb') as file:
      content = file.read(MAX_FILE_BYTES + 1)
  except OSError as error:
    raise InputError(
      f'{path} cannot be read ({error.strerror}); check its permissions'
    ) from error
  require(
    len(content) <= MAX_FILE_BYTES,
    f'{path} is larger than {MAX_FILE_BYTES >> 20} MiB, more than any bundle; '
    'give one written by python -m sernet_jax.export',
  )
  return content


def parse(path: pathlib.Path, content: bytes) -> dict[str, Any]:
  """Parses the JSON object at the start of a safetensors file."""
  size = int.from_bytes(content[:8], 'little')
  if len(content) < 8 or content[8:9] != b'{':
    raise damaged(path, 'it is not a safetensors file')
  if size > MAX_HEADER_BYTES:
    raise damaged(path, f'its header claims {size} bytes')
  if size + 8 > len(content):
    raise damaged(path, 'it is cut short')
  try:
    header = json.loads(content[8 : 8 + size], object_pairs_hook=_unique)
  except (ValueError, RecursionError) as error:
    raise damaged(path, f'its header is broken: {error}') from error
  assert isinstance(header, dict)  # it begins with a brace
  return header


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
  """An object of JSON; `json.loads` itself would keep the last of two."""
  entries = dict(pairs)
  if len(entries) < len(pairs):
    raise ValueError('a name occurs in it twice')
  return entries


def in_order(content: bytes) -> bytes:
  """Returns the same file with its header sorted by name.

  The package leaves the metadata in random order; sorted, the same bundle
  gives the same bytes.
  """
  end = 8 + int.from_bytes(content[:8], 'little')
  text = json.dumps(json.loads(content[8:end]), sort_keys=True).encode()
  text += b' ' * (-len(text) % 8)  # numbers start at a multiple of eight
  return len(text).to_bytes(8, 'little') + text + content[end:]


def damaged(path: pathlib.Path, reason: object) -> InputError:
  """Returns the error for a file that is broken or something else."""
  return InputError(
    f'{path} is damaged or not a bundle ({first_line(reason)}); copy or export it '
    'again'
  )


def check_version(
  path: pathlib.Path, metadata: dict[str, Any], newest: int
) -> None:
  """Raises `InputError` for a file newer than `newest` or of no version."""
  text = str(metadata.get('format_version'))
  if not (text.isascii() and text.isdigit() and len(text) < 9):
    raise damaged(path, f'its format version is {text[:40]!r}')
  require(
    int(text) <= newest,
    f'{path} has format version {text}, newer than the {newest} this '
    'sernet_jax knows; upgrade the package',
  )


def parts(metadata: dict[str, Any]) -> dict[str, Any]:
  """All of a bundle but its arrays, from the JSON texts of its metadata.

  Raises:
    InputError: if a text is missing, not JSON, or not what `Bundle` takes.
  """
  values = {}
  for key in (*_KEYS, *_LATER):
    text = metadata.get(key, _LATER.get(key))
    require(isinstance(text, str), f'its header lacks {key!r}; export it again')
    try:
      values[key] = json.loads(str(text), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
      raise InputError(
        f'{key!r} in its header is not JSON ({error}); export it again'
      ) from error
  values['model'] = _network(values['model'])
  values['audio'] = _spec('audio', AudioSpec, values['audio'])
  with warnings.catch_warnings():
    # About empty mel bands, which was shown when the model was trained.
    warnings.simplefilter('ignore')
    values['mfcc'] = _spec('mfcc', MfccSpec, values['mfcc'])
  _check_size(values['model'], values['mfcc'], values['audio'])
  classes, about = values['classes'], values['about']
  require(
    isinstance(values['feature_kind'], str)
    and isinstance(classes, list)
    and all(isinstance(label, str) for label in classes)
    and isinstance(about, dict)
    and all(isinstance(text, str) for text in about.values()),
    'feature_kind, classes or about in its header are of another type; export '
    'it again',
  )
  values['ranges'] = _ranges(values['ranges'])
  values['dimensions'] = _dimensions(values['dimensions'])
  return {**values, 'classes': tuple(classes)}


def _dimensions(values: Any) -> tuple[Dimension, ...]:
  """Makes dimensions of their objects."""
  require(
    isinstance(values, list)
    and all(
      isinstance(one, dict)
      and one.keys() == {'name', 'low', 'high'}
      and isinstance(one['name'], str)
      and all(_fits(one[edge], float) for edge in ('low', 'high'))
      for one in values
    ),
    'dimensions in its header are not names with a least and a greatest '
    'number; export it again',
  )
  return tuple(Dimension(**one) for one in values)


def _ranges(values: Any) -> dict[str, tuple[float, float]]:
  """Checks the ranges of layers, (least, greatest) by name."""
  require(
    isinstance(values, dict)
    and all(
      isinstance(pair, list)
      and len(pair) == 2
      and all(isinstance(one, float) and math.isfinite(one) for one in pair)
      and pair[0] <= pair[1]
      for pair in values.values()
    ),
    'ranges in its header are not pairs of a least and a greatest number; '
    'export it again',
  )
  return {name: (pair[0], pair[1]) for name, pair in values.items()}


def _check_size(model: Spec, mfcc: MfccSpec, audio: AudioSpec) -> None:
  """Raises `InputError` if the specs together need too much memory.

  Each may be within its limits and the product of all beyond the machine's.
  """
  frames = (
    max(0, audio.num_samples - mfcc.frame_samples) // mfcc.hop_samples + 1
  )
  largest = {
    'samples of a segment': audio.num_samples,
    'frames by fft_size': frames * mfcc.fft_size,
    'mel bands by fft_size': mfcc.num_mel_bands * mfcc.fft_size,
    'frames by coefficients by filters': (
      frames * mfcc.num_coefficients * model.widest
    ),
  }
  for what, count in largest.items():
    require(
      count <= _MOST_AT_ONCE,
      f'its header asks for {count} numbers ({what}), more than the '
      f'{_MOST_AT_ONCE} allowed in a file; export it with a shorter segment',
    )


def _network(values: Any) -> Spec:
  """Makes the settings of the network that a file names."""
  given = dict(values) if isinstance(values, dict) else {}
  name = given.pop('name', networks.DEFAULT)  # without one in older files
  networks.require_known(name)
  return _spec('model', networks.settings_class(name), given or values)


def _spec(key: str, kind: Any, values: Any) -> Any:
  """Makes a spec from the object of a file once types and sizes are checked."""
  require(
    isinstance(values, dict),
    f'{key!r} in its header is not a JSON object; export it again',
  )
  hints = typing.get_type_hints(kind)
  names = {field.name for field in dataclasses.fields(kind)}
  lacks = names - set(values) - _OPTIONAL
  require(
    set(values) <= names and not lacks,
    f'{key} in its header has unknown fields {sorted(set(values) - names)} and '
    f'lacks {sorted(lacks)}; read it with the sernet_jax that '
    'wrote it, or export it again',
  )
  for name, value in values.items():
    require(
      _fits(value, hints[name]),
      f'{key}.{name} is {repr(value)[:40]}, of another type; export it again',
    )
    require(
      not isinstance(value, int | float)
      or value <= _LIMITS.get(name, _MOST_OF_ANY),
      f'{key}.{name} is {value}, more than the '
      f'{_LIMITS.get(name, _MOST_OF_ANY)} allowed in '
      'a file; export it again',
    )
  return kind(**values)


def _fits(value: Any, hint: Any) -> bool:
  """Tells whether a value of JSON has the type of a spec's field."""
  if hint == tuple[Block, ...]:
    return isinstance(value, list)  # the spec checks what is in it
  if isinstance(hint, types.UnionType):
    return any(_fits(value, one) for one in typing.get_args(hint))
  if typing.get_origin(hint) is tuple:
    each = typing.get_args(hint)
    if each[-1] is ...:
      return isinstance(value, list) and all(_fits(v, each[0]) for v in value)
    return (
      isinstance(value, list)
      and len(value) == len(each)
      and all(map(_fits, value, each))
    )
  if hint is float:
    return isinstance(value, float | int) and not isinstance(value, bool)
  # A bool is an int to Python, but not a number to a spec.
  return isinstance(value, hint) and (hint is bool) == isinstance(value, bool)
