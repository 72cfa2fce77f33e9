"""Files of a folder for a device, which replace none but their own."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable

from sernet_jax.common.errors import require

_LICENSE = b'SPDX-License-Identifier: Apache-2.0'
_HEAD = 100  # bytes
# Ending -> what is in every such file that was ever written; other endings are
# those of sources, which begin with the license and use names of their own.
_MARKS = {'.json': b'"format": "tflite_micro"', '.tflite': b'sernet_jax'}


def require_own(folder: pathlib.Path, names: Iterable[str]) -> None:
  """Refuses a folder in which something else has the name of a file.

  Args:
    folder: new, or with files of somebody else beside those of an export.
    names: of the files to be written.

  Raises:
    InputError: if one would replace what no export wrote.
  """
  for name in names:
    path = folder / name
    require(
      not path.exists() or _is_own(path),
      f'{path} is there already and was not written by an export, which would '
      'replace it; choose another --output',
    )


def _is_own(path: pathlib.Path) -> bool:
  try:
    content = path.read_bytes()
  except OSError:  # a folder, or a file that may not be read
    return False
  mark = _MARKS.get(path.suffix)
  if mark is not None:
    return mark in content
  return _LICENSE in content[:_HEAD] and b'sernet' in content.lower()
