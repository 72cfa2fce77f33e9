"""Numbers and texts as C99 source."""

from __future__ import annotations

import importlib.resources
import string as characters
from collections.abc import Mapping

import numpy as np

_WIDTH = 78
# Not ?, which begins a trigraph, nor what ends or escapes a literal.
_PLAIN = set(characters.ascii_letters + characters.digits + ' ,.:;_-+[]{}()/=')
_TYPES = {
  'float32': 'float',
  'int8': 'int8_t',
  'int16': 'int16_t',
  'uint16': 'uint16_t',
  'int32': 'int32_t',
}


def table(name: str, values: np.ndarray) -> str:
  """Defines a constant array, one number after the other."""
  values = np.ascontiguousarray(values)
  kind = _TYPES[values.dtype.name]
  texts = [number(value) for value in values.ravel()]
  return '\n'.join(
    [f'static const {kind} {name}[{values.size}] = {{', *lines(texts), '};\n']
  )


def number(value: float | np.generic) -> str:
  """A number as C reads it back to the bit."""
  if isinstance(value, np.integer | int):
    return str(int(value))
  # Nine digits tell all float32 apart.
  text = f'{float(value):.9g}'
  if not set(text) & set('.e'):
    text += '.0'
  return f'{text}f'


def constants(values: Mapping[str, float | str]) -> str:
  """Definitions of macros, one a line."""
  return '\n'.join(
    f'#define {name} {value if isinstance(value, str) else number(value)}'
    for name, value in values.items()
  )


def string(text: str) -> str:
  """A string literal; what is not plain ASCII stands as octal bytes."""
  pieces = [
    # Always three digits: with fewer, a digit behind them would be one of them.
    chr(byte) if chr(byte) in _PLAIN else f'\\{byte:03o}'
    for byte in text.encode()
  ]
  return f'"{"".join(pieces)}"'


def long_string(text: str) -> str:
  """A literal in pieces, one a line; C99 promises 4095 characters of it."""
  pieces = [text[i : i + 60] for i in range(0, len(text), 60)]
  return '\n'.join(f'    {string(piece)}' for piece in pieces)


def source(name: str, **parts: str) -> str:
  """A hand-written source with its generated parts in place."""
  folder = importlib.resources.files('sernet_jax.export.device') / 'c'
  text = (folder / name).read_text()
  for part, content in parts.items():
    mark = f'/* @{part}@ */'
    assert text.count(mark) == 1, (name, part)
    text = text.replace(mark, content)
  assert '/* @' not in text
  return text


def lines(texts: list[str]) -> list[str]:
  """Joins numbers with commas into lines of bounded width."""
  found, line = [], ' '
  for text in texts:
    if len(line) + len(text) + 2 > _WIDTH:
      found.append(line)
      line = ' '
    line += f' {text},'
  return [*found, line]
