"""Several named arrays in one .npz file."""

from __future__ import annotations

import io
import pathlib
import zipfile
import zlib
from collections.abc import Sequence

import numpy as np

from sernet_jax.common import files
from sernet_jax.common.errors import InputError

_MOST_BYTES = 1 << 28
# What zipfile, zlib and numpy raise for changed bytes.
_FAILURES = (
  zipfile.BadZipFile,
  zlib.error,
  ValueError,
  LookupError,
  EOFError,
  OSError,
  NotImplementedError,
  RuntimeError,
  SyntaxError,
  TypeError,
  MemoryError,
)


def write(path: pathlib.Path, cure: files.Cure, **arrays: np.ndarray) -> None:
  """Writes arrays in one step: a kill leaves the old file or the new one.

  Raises:
    InputError: if the file cannot be written, with the `cure`.
  """
  file = io.BytesIO()
  np.savez(file, **arrays)  # type: ignore[arg-type]
  files.write_bytes(path, file.getvalue(), cure)


def read(
  path: pathlib.Path, names: Sequence[str], cure: files.Cure
) -> dict[str, np.ndarray]:
  """Returns the arrays of these names.

  Raises:
    InputError: if the file is missing or damaged, or lacks one, with the
      `cure`.
  """
  file = io.BytesIO(files.read_bytes(path, cure))
  try:
    with zipfile.ZipFile(file) as members:
      size = sum(member.file_size for member in members.infolist())
    if size > _MOST_BYTES:
      raise ValueError(f'it claims {size >> 20} MiB')
    with np.load(file, allow_pickle=False) as arrays:
      return {name: arrays[name] for name in names}
  except _FAILURES as error:
    raise InputError(
      f'{path} is damaged; delete it and {cure.again}'
    ) from error
