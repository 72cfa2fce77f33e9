"""Frozen dataclasses as JSON and back.

A field of a dataclass is a key of a JSON object, in the order of the fields.
A field with a default may be missing from the JSON, and is left out of it
while it has that default: so files can gain entries.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from typing import Any

# Type of a field -> what JSON may hold: 1 is also a float.
_PLAIN: dict[Any, tuple[type, ...]] = {
  bool: (bool,),
  int: (int,),
  float: (int, float),
  str: (str,),
}


@dataclasses.dataclass(frozen=True)
class Range:
  """Bounds of a number, as in `Annotated[float, Range(0, 1)]`."""

  least: float
  most: float = float('inf')


class MismatchError(ValueError):
  """JSON that does not have the fields of a dataclass; says which."""


def encode(value: Any) -> Any:
  """Returns plain dicts, lists and values, as `json.dumps` takes them."""
  if dataclasses.is_dataclass(value):
    return {
      field.name: encode(entry)
      for field in dataclasses.fields(value)
      for entry in [getattr(value, field.name)]
      if _required(field) or entry != field.default
    }
  if isinstance(value, Mapping):
    return {key: encode(entry) for key, entry in value.items()}
  if isinstance(value, tuple | list):
    return [encode(entry) for entry in value]
  return value


def decode(kind: Any, value: Any, path: str = '') -> Any:
  """Returns JSON as an instance of a type.

  Args:
    kind: a dataclass whose fields are dataclasses, numbers (with a `Range` if
      they have one), strings, tuples, mappings with strings for keys, or
      unions of these. Keys that it does
      not know are ignored: a later version may have written them.
    value: as `json.loads` returns it.
    path: of `value` in the file, for messages.

  Raises:
    MismatchError: if `value` is something else.
  """
  if dataclasses.is_dataclass(kind):
    return _decode_record(kind, value, path)
  origin, arguments = typing.get_origin(kind), typing.get_args(kind)
  if origin is tuple:
    return _decode_tuple(arguments, value, path)
  if origin is Mapping:
    _check(isinstance(value, dict), path, 'is not an object')
    of = arguments[1]
    return {k: decode(of, v, _joined(path, k)) for k, v in value.items()}
  if origin is types.UnionType or origin is typing.Union:
    return _decode_union(arguments, value, path)
  if hasattr(kind, '__metadata__'):
    base, (bounds, *_) = kind.__origin__, kind.__metadata__
    number = decode(base, value, path)
    _check(
      bounds.least <= number <= bounds.most,
      path,
      f'is {number!r:.40}, not from {bounds.least:g} to {bounds.most:g}',
    )
    return number
  # JSON's true would pass for the integer 1.
  fits = isinstance(value, _PLAIN[kind]) and (
    kind is bool or not isinstance(value, bool)
  )
  _check(fits, path, f'is not of the type {kind.__name__}')
  return value


def required(kind: type) -> tuple[str, ...]:
  """Returns the fields that JSON cannot leave out."""
  return tuple(f.name for f in dataclasses.fields(kind) if _required(f))


def _decode_record(kind: Any, value: Any, path: str) -> Any:
  _check(isinstance(value, dict), path, 'is not an object')
  for name in required(kind):
    _check(name in value, _joined(path, name), 'is missing')
  return kind(
    **{
      name: decode(of, value[name], _joined(path, name))
      for name, of in _types(kind).items()
      if name in value
    }
  )


def _decode_tuple(
  arguments: tuple[Any, ...], value: Any, path: str
) -> tuple[Any, ...]:
  _check(isinstance(value, list | tuple), path, 'is not a list')
  if arguments[-1] is Ellipsis:
    arguments = arguments[:1] * len(value)
  _check(len(value) == len(arguments), path, f'has {len(value)} entries')
  return tuple(
    decode(of, entry, f'{path}[{index}]')
    for index, (of, entry) in enumerate(zip(arguments, value, strict=True))
  )


def _decode_union(arguments: tuple[Any, ...], value: Any, path: str) -> Any:
  if value is None and types.NoneType in arguments:
    return None
  *others, last = (kind for kind in arguments if kind is not types.NoneType)
  for kind in others:
    with contextlib.suppress(MismatchError):
      return decode(kind, value, path)
  return decode(last, value, path)


@functools.cache
def _types(kind: type) -> dict[str, Any]:
  return typing.get_type_hints(kind, include_extras=True)


def _required(field: dataclasses.Field[Any]) -> bool:
  return field.default is dataclasses.MISSING


def _joined(path: str, name: str) -> str:
  return f'{path}.{name}' if path else name


def _check(condition: bool, path: str, problem: str) -> None:
  if not condition:
    raise MismatchError(f'{path or "the whole"} {problem}')
