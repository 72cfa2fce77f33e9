"""Fetches a corpus: python -m sernet_jax.download emodb [--root DIR].

Downloads the official archive (and resumes after a break), checks it and makes
a folder appear in one step, whole or not at all: of EMO-DB `wav`, each
recording with its known SHA-256 sum; of other corpora `recordings`, the whole
archive with the MD5 sum that is published for it, see `readers.archives`.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import pathlib
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sernet_jax.common import command_line, files, locks
from sernet_jax.common.errors import InputError, require, require_choice
from sernet_jax.common.text import listing
from sernet_jax.corpora.archive import BadArchive, unpack, unpack_all
from sernet_jax.corpora.fetch import fetch, on_disk
from sernet_jax.corpora.readers.archives import (
  ARCHIVES,
  EMODB_URL,
  Archive,
  emodb_sums,
)

if TYPE_CHECKING:
  from sernet_jax.corpora.readers.entry import CorpusEntry

_SCRATCH = '.download'


def wrong_files(folder: pathlib.Path, sums: Mapping[str, str]) -> list[str]:
  """Returns the names that are missing in `folder` or have another sum."""

  def is_right(name: str) -> bool:
    path = folder / name
    if not path.is_file():
      return False
    with path.open('rb') as file:
      return hashlib.file_digest(file, 'sha256').hexdigest() == sums[name]

  return [name for name in sums if not is_right(name)]


def download(
  root: str | os.PathLike,
  url: str,
  sums: Mapping[str, str],
  progress: bool = True,
  pause_s: float = 1.0,
) -> pathlib.Path:
  """Makes `root`/wav hold the files of `sums`, if it does not already.

  Args:
    root: the folder of the corpus; an unfinished archive waits in its hidden
      folder `.download`.
    url: the archive, a ZIP file with the recordings in any of its folders.
    sums: SHA-256 sum by file name.
    progress: show a bar, or a line a minute where stderr is not a terminal.
    pause_s: wait before the second try of a broken download.

  Returns:
    The folder of the recordings.

  Raises:
    InputError: if the archive cannot be fetched, is not what was expected, or the
      disk refuses; `root`/wav is then as it was.
  """
  root = files.absolute(root)
  wav = root / 'wav'
  with on_disk(root):
    for folder in (wav, root):
      if not wrong_files(folder, sums):
        _tidy(root / _SCRATCH)
        return folder
    strangers = _strangers(wav, sums)
  require(
    not strangers,
    f'{wav} holds files that do not belong to the corpus: {listing(strangers)}; '
    'move them away or choose another folder with --root',
  )
  scratch = root / _SCRATCH
  with on_disk(root):
    scratch.mkdir(parents=True, exist_ok=True)
  with _only_one(scratch):
    with on_disk(root):  # another process may have made it since
      done = not wrong_files(wav, sums)
    if not done:
      archive = scratch / 'archive.zip'
      if not archive.is_file():
        fetch(url, archive, progress, pause_s)
      try:
        unpack(archive, scratch / 'wav', sums)
      except BadArchive:
        archive.unlink(missing_ok=True)
        raise
      with on_disk(root):
        _swap(scratch / 'wav', wav, scratch / 'old')
    # While nobody else can be at work there.
    shutil.rmtree(scratch, ignore_errors=True)
  return wav


def download_archive(
  root: str | os.PathLike,
  archive: Archive,
  url: str = '',
  progress: bool = True,
  pause_s: float = 1.0,
) -> pathlib.Path:
  """Makes `root`/recordings hold an archive's files, if it is not there.

  Args:
    root: the folder of the corpus.
    archive: its address, its sum and the most it may have.
    url: another address of the same archive; '' for its own.
    progress: show a bar, or a line a minute where stderr is not a terminal.
    pause_s: wait before the second try of a broken download.

  Returns:
    The folder of the recordings.

  Raises:
    InputError: as `download`; `root`/recordings is then as it was.
  """
  root = files.absolute(root)
  target = root / 'recordings'
  if target.is_dir():  # it appears when it is whole
    _tidy(root / _SCRATCH)
    return target
  scratch = root / _SCRATCH
  with on_disk(root):
    scratch.mkdir(parents=True, exist_ok=True)
  with _only_one(scratch):
    if not target.is_dir():
      path = scratch / 'archive.zip'
      if not path.is_file():
        fetch(url or archive.url, path, progress, pause_s, archive.max_bytes)
      try:
        _require_published(path, archive)
        unpack_all(path, scratch / target.name)
      except BadArchive:
        path.unlink(missing_ok=True)
        raise
      with on_disk(root):
        _swap(scratch / target.name, target, scratch / 'old')
    shutil.rmtree(scratch, ignore_errors=True)
  return target


def _require_published(path: pathlib.Path, archive: Archive) -> None:
  with on_disk(path):
    found = _md5(path)
  if found != archive.md5:
    raise BadArchive(
      f'what the server sent has the MD5 sum {found}, and {archive.md5} is '
      'published; nothing was kept, so run the command again or give '
      'another address with --url'
    )


def _md5(path: pathlib.Path) -> str:
  with path.open('rb') as file:
    return hashlib.file_digest(
      file, lambda: hashlib.md5(usedforsecurity=False)
    ).hexdigest()


def main(argv: Sequence[str] | None = None) -> int:
  """Runs the command; returns the exit code."""
  parser = command_line.Parser(
    prog='python -m sernet_jax.download',
    description='Fetch a corpus, check every file, unpack it.',
  )
  known = ['emodb', *ARCHIVES]
  parser.add_argument('corpus', help=f'one of {", ".join(known)}')
  parser.add_argument(
    '--root',
    default='',
    help=f'folder for the corpus ({files.cache_dir()}/CORPUS)',
  )
  parser.add_argument(
    '--url', default='', help='another address of the same archive'
  )
  args = parser.parse_args(argv)
  default = files.cache_dir() / args.corpus

  def command() -> None:
    # The readers load numpy and libsndfile, which `--help` does not need.
    from sernet_jax.corpora.registry import CORPORA

    entry = CORPORA.get(args.corpus)
    if entry and entry.published and args.corpus not in known:
      raise InputError(
        f'{args.corpus} is not downloaded by this command; get it at '
        f'{entry.published.source} ({entry.published.licence}) and name its '
        'folder with --config.data.root='
      )
    require_choice('the corpus', args.corpus, known)
    if entry and entry.archive:
      _run_archive(args, entry, default)
    else:
      _run(args, default)

  return command_line.run(
    command, '\ninterrupted; the same command resumes from here'
  )


def _run_archive(
  args: argparse.Namespace, entry: CorpusEntry, default: pathlib.Path
) -> None:
  assert entry.archive is not None and entry.published is not None
  folder = download_archive(args.root or default, entry.archive, args.url)
  option = ''
  if folder.parent != default:
    option = f' {shlex.quote(f"--config.data.root={folder}")}'
  facts = entry.published
  print(
    f'{facts.title}, as published, is in {folder} (license: {facts.licence}; '
    f'cite {facts.paper}); next: python -m sernet_jax.main '
    f'--config=configs/emodb.py --config.data.corpus={entry.name} '
    f'--mode=inspect{option}'
  )


def _run(args: argparse.Namespace, default: pathlib.Path) -> None:
  sums = emodb_sums()
  folder = download(args.root or default, args.url or EMODB_URL, sums)
  option = ''
  if folder.parent != default:
    option = f' {shlex.quote(f"--config.data.root={folder}")}'
  print(
    f'{len(sums)} recordings, all as published, are in {folder}; next: '
    f'python -m sernet_jax.main --config=configs/emodb.py{option}'
  )


def _strangers(wav: pathlib.Path, sums: Mapping[str, str]) -> list[str]:
  if not wav.is_dir():
    return []
  return sorted(path.name for path in wav.iterdir() if path.name not in sums)


def _swap(new: pathlib.Path, target: pathlib.Path, old: pathlib.Path) -> None:
  """Moves `new` to `target`; what was there goes to `old`, then away."""
  shutil.rmtree(old, ignore_errors=True)
  if target.exists():
    target.rename(old)
  new.rename(target)
  shutil.rmtree(old, ignore_errors=True)


def _tidy(scratch: pathlib.Path) -> None:
  """Deletes what a download left that was killed when all was in its place."""
  if not scratch.is_dir():
    return
  # An error: another one is at work.
  with contextlib.suppress(InputError), _only_one(scratch):
    shutil.rmtree(scratch, ignore_errors=True)


@contextlib.contextmanager
def _only_one(scratch: pathlib.Path) -> Iterator[None]:
  """Keeps a second download out of the same folder."""
  with contextlib.ExitStack() as stack:
    try:
      with on_disk(scratch):
        stack.enter_context(locks.hold(scratch / 'lock'))
    except locks.Held as held:
      raise InputError(
        f'another download into {scratch.parent} is under way; wait for it, '
        'or choose another folder with --root'
      ) from held
    yield
