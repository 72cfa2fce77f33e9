"""Unpacks known files from a ZIP archive that is not trusted."""

from __future__ import annotations

import hashlib
import lzma
import pathlib
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping

from sernet_jax.common.errors import InputError
from sernet_jax.common.text import listing
from sernet_jax.corpora.fetch import on_disk

MAX_FILE_BYTES = 16 << 20  # of one recording; EMO-DB's longest has 0.3 MB
MAX_ALL_BYTES = 8 << 30  # of all files together; SUBESCO has 2.8 GB
_KEPT = ('.wav', '.csv', '.txt')  # suffixes of what a corpus is

# What zipfile raises for archives that are damaged or of another kind.
_DAMAGED = (
  zipfile.BadZipFile,
  zlib.error,
  lzma.LZMAError,
  struct.error,
  EOFError,
  OSError,  # bzip2; or a place before the start of the file
  OverflowError,
  ValueError,  # a name that is not text
  NotImplementedError,  # an unknown compression
  RuntimeError,  # a password
)


class BadArchive(InputError):
  """An archive that cannot give the corpus and is of no further use."""


def unpack(
  archive: pathlib.Path, folder: pathlib.Path, sums: Mapping[str, str]
) -> None:
  """Writes the files of `sums` from a ZIP archive to a new `folder`.

  Only these are written, under their bare names, each of at most
  `MAX_FILE_BYTES` and only if its sum is right. An archive that holds a link,
  or a name that leads out of a folder, is refused as a whole.

  Raises:
    BadArchive: if it is not a ZIP file, is damaged, is refused, or has missing
      or wrong files; all are named.
    InputError: if the disk refuses.
  """
  with on_disk(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
  wrong = []
  try:
    with zipfile.ZipFile(archive) as file:
      members = _members(file, sums)
      for name, expected in sums.items():
        content = _content(file, members[name]) if name in members else None
        if content is None:
          wrong.append(f'{name} is missing')
        elif hashlib.sha256(content).hexdigest() != expected:
          wrong.append(f'{name} has another sum')
        else:
          with on_disk(folder):
            (folder / name).write_bytes(content)
  except InputError:  # of the disk, or `BadArchive`
    raise
  except _DAMAGED as error:
    raise _unreadable(error) from error
  if wrong:
    raise BadArchive(
      f'{len(wrong)} of {len(sums)} files in the archive are not the known '
      f'recordings: {listing(wrong)}; nothing was kept, so run the command '
      'again or give another archive with --url'
    )


def unpack_all(archive: pathlib.Path, folder: pathlib.Path) -> int:
  """Writes recordings and lists from a ZIP archive to a new `folder`.

  They keep their folders. What macOS adds is passed over; a link, or a name
  that leads out of the folder, refuses the archive as a whole.

  Returns:
    How many files there are.

  Raises:
    BadArchive: if it is not a ZIP file, is damaged, is refused, holds nothing
      of use, or unpacks to more than `MAX_ALL_BYTES`.
    InputError: if the disk refuses.
  """
  with on_disk(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
  count = total = 0
  try:
    with zipfile.ZipFile(archive) as file:
      for info in file.infolist():
        path = _safe_path(info)
        hidden = any(
          part[0] == '.' or part == '__MACOSX' for part in path.parts
        )
        if info.is_dir() or hidden or path.suffix.lower() not in _KEPT:
          continue
        content = _content(file, info)
        total += len(content)
        if total > MAX_ALL_BYTES:
          raise BadArchive(
            f'the archive unpacks to more than {MAX_ALL_BYTES} bytes, which no '
            'corpus here has; give another archive with --url'
          )
        with on_disk(folder):
          target = folder / path
          target.parent.mkdir(parents=True, exist_ok=True)
          target.write_bytes(content)
        count += 1
  except InputError:  # of the disk, or `BadArchive`
    raise
  except _DAMAGED as error:
    raise _unreadable(error) from error
  if not count:
    raise BadArchive(
      'the archive holds no recordings; give another one with --url'
    )
  return count


def _unreadable(error: Exception) -> BadArchive:
  return BadArchive(
    f'what the server sent is not a readable ZIP archive ({error}); '
    'check --url, then run the command again'
  )


def _members(
  file: zipfile.ZipFile, sums: Mapping[str, str]
) -> dict[str, zipfile.ZipInfo]:
  """Returns the members to unpack by bare name; checks all members."""
  members = {}
  for info in file.infolist():
    path = _safe_path(info)
    # The folder wav goes first where a name comes twice.
    if path.name in sums and (
      path.name not in members or path.parent.name == 'wav'
    ):
      members[path.name] = info
  return members


def _safe_path(info: zipfile.ZipInfo) -> pathlib.PurePosixPath:
  """Returns the path of a member; refuses links and ways out."""
  path = pathlib.PurePosixPath(info.filename.replace('\\', '/'))
  kind = stat.S_IFMT(info.external_attr >> 16)
  if (
    path.is_absolute()
    or '..' in path.parts
    or ':' in info.filename
    or kind not in (0, stat.S_IFREG, stat.S_IFDIR)
  ):
    raise BadArchive(
      f'the archive holds {info.filename!r}, a link or a way out of its '
      'folder; nothing was kept, so give another archive with --url'
    )
  return path


def _content(file: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
  """Reads a member, at most one byte above the limit."""
  # The size in the header may lie, so it is the reading that is bounded.
  with file.open(info) as member:
    content = member.read(MAX_FILE_BYTES + 1)
  if len(content) > MAX_FILE_BYTES:
    raise BadArchive(
      f'the archive unpacks {info.filename!r} to more than {MAX_FILE_BYTES} '
      'bytes, which no recording has; give another archive with --url'
    )
  return content
