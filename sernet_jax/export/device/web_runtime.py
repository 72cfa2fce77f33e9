"""The runtime of the page: onnxruntime-web, pinned by checksum.

Its package is downloaded once and its three files for one thread are kept in
the cache; nothing of it comes with this package.
"""

from __future__ import annotations

import pathlib
import tarfile

from sernet_jax.common import files, locks
from sernet_jax.common.errors import InputError, require
from sernet_jax.corpora import fetch
from sernet_jax.predict.sessions import formats

VERSION = '1.22.0'
URL = (
  f'https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-{VERSION}.tgz'
)
_ARCHIVE = 'e293551f9d36d003e293d0f2937fee7b3dfdcef76d71d1449b55e2d4157c7aea'
_ARCHIVE_BYTES = 20_387_966
_MAX_BYTES = 1 << 24  # of one file; the largest has 11 MB
_OPTION = files.Cure('--runtime')
# Name in the folder -> name in the package's dist, SHA-256. Static hosts know
# .js, not always .mjs.
FILES = {
  'ort.js': (
    'ort.wasm.min.mjs',
    '6ef726f355b791129f7ddf3f62e7877a16b9b777abe87004b8ab306e6b9cf265',
  ),
  'ort-wasm.js': (
    'ort-wasm-simd-threaded.mjs',
    '30dd851d9c00622940500f71ddd2ff8820c5cb65270816080175b958705385a8',
  ),
  'ort-wasm.wasm': (
    'ort-wasm-simd-threaded.wasm',
    '71aef04959c5c1b6de461b6538e2058e306610034a85aad2742d0c7fd4533fe4',
  ),
}


def content(folder: str = '') -> dict[str, bytes]:
  """Returns the files of the runtime by the names of `FILES`.

  Args:
    folder: of an unpacked package, its `dist`, or a folder that `web_folder`
      wrote, for machines without a network; '' for the cache, into which they
      are downloaded if they are missing.

  Raises:
    InputError: if they are missing, damaged, of another version, or cannot be
      downloaded.
  """
  if folder:
    return {name: _given(pathlib.Path(folder), name) for name in FILES}
  kept = files.cache_dir() / f'onnxruntime-web-{VERSION}'
  found = {name: _read(kept / name, name) for name in FILES}
  if None in found.values():
    try:
      kept.mkdir(parents=True, exist_ok=True)
      # Another export may be downloading it.
      with locks.hold(kept / 'lock', wait=True):
        if any(_read(kept / name, name) is None for name in FILES):
          _download(kept)
    except OSError as error:
      raise InputError(
        f'{kept} cannot be written ({error.strerror}); set SERNET_CACHE to '
        'another folder, or give --runtime=FOLDER'
      ) from error
    found = {name: _read(kept / name, name) for name in FILES}
  result = {name: data for name, data in found.items() if data is not None}
  require(
    len(result) == len(FILES),
    f'{kept} changed while it was read; run the command again',
  )
  return result


def _read(path: pathlib.Path, name: str) -> bytes | None:
  """Returns a file with the checksum of `name`; None if there is none."""
  try:
    if not path.is_file() or path.stat().st_size > _MAX_BYTES:
      return None
    data = path.read_bytes()
  except OSError:
    return None
  return data if formats.checksum(data) == FILES[name][1] else None


def _given(folder: pathlib.Path, name: str) -> bytes:
  original = FILES[name][0]
  places = [original, f'dist/{original}', f'package/dist/{original}']
  places += [name, f'runtime/{name}']
  there = [folder / place for place in places if (folder / place).is_file()]
  require(
    bool(there),
    f'--runtime={folder} has no {original}; give the unpacked folder of '
    f'onnxruntime-web {VERSION}, or leave it out to download it',
  )
  data = _read(there[0], name)
  if data is None:
    raise InputError(
      f'{there[0]} is not the file of onnxruntime-web {VERSION} (its checksum '
      'differs); unpack that version again'
    )
  return data


def _download(kept: pathlib.Path) -> None:
  """Downloads the package and keeps its files."""
  archive = kept / 'package.tgz'
  try:
    fetch.fetch(URL, archive, max_bytes=_ARCHIVE_BYTES)
    data = archive.read_bytes()
  except InputError as error:
    # The downloader's advice is about a corpus.
    reason = str(error).split('; ')[0]
    raise InputError(
      f'{reason}; run the command again, which resumes it, or give '
      f'--runtime=FOLDER with onnxruntime-web {VERSION}, unpacked'
    ) from error
  if formats.checksum(data) != _ARCHIVE:
    archive.unlink(missing_ok=True)
    raise InputError(
      f'{URL} sent another file than the one expected (its checksum differs); '
      f'run the command again, or give --runtime=FOLDER with onnxruntime-web '
      f'{VERSION}, unpacked'
    )
  with tarfile.open(archive) as package:
    for name, (original, _) in FILES.items():
      member = package.extractfile(f'package/dist/{original}')
      assert member is not None  # the checksum says so
      files.write_bytes(kept / name, member.read(), _OPTION)
  archive.unlink(missing_ok=True)
