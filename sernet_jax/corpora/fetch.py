"""Downloads a file over HTTP and resumes where a broken download stopped.

Why not pooch: up to version 1.9 it downloads to a temporary file that it
deletes when the transfer fails, and sends no Range request, so it cannot
resume. With the transfer below as a custom downloader it would replace the
loop of retries alone (some 30 lines), for five more packages to install. Its
`Unzip` bounds no size and refuses no link, which `archive` does. This module
may go once pooch resumes.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import pathlib
import re
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from sernet_jax import __version__
from sernet_jax.common import progress_bar
from sernet_jax.common.errors import InputError, require

MAX_BYTES = 1 << 30
TRIES = 5  # without a new byte in between
_PAUSE_S = 1.0  # before the second try; doubles with each further one
_TIMEOUT_S = 30.0
_CHUNK_BYTES = 1 << 16
_CONTENT_RANGE = re.compile(r'bytes (\d+)-\d+/(\d+)')


class _Broken(Exception):
  """A fault that may be gone on the next try; its text names the fault."""


class _Changed(Exception):
  """An answer that does not continue what was begun; its text says how."""


def fetch(
  url: str,
  target: pathlib.Path,
  progress: bool = True,
  pause_s: float = _PAUSE_S,
  max_bytes: int | None = None,
) -> None:
  """Downloads `url` to `target`.

  The bytes go to `<target>.part`, which an interruption leaves behind. The next
  call resumes it if the server supports that (Range) and still has the same
  file (If-Range with its ETag or date, and the size), and starts over
  otherwise. `target` appears in one step, when it is whole.

  Args:
    url: http or https.
    target: the file to make; its folder exists.
    progress: show a bar, or a line a minute where stderr is not a terminal.
    pause_s: wait before the second try.
    max_bytes: the most to take; None for `MAX_BYTES`.

  Raises:
    InputError: if there is no network, the server refuses, the file is larger
      than it may be, or the disk is full.
  """
  require(
    url.startswith(('http://', 'https://')),
    f'--url is {url!r}; give an address that starts with http:// or https://',
  )
  part = target.with_name(target.name + '.part')
  failures = 0
  most = _size(part)  # bytes that any try had
  while True:
    try:
      _transfer(url, part, progress, max_bytes or MAX_BYTES)
      break
    except _Changed as error:
      _forget(part)
      failures += 1
      fault = str(error)
    except _Broken as error:
      # Not progress: the same bytes again after a new start.
      failures = 1 if _size(part) > most else failures + 1
      most = max(most, _size(part))
      fault = str(error)
    if failures >= TRIES:
      raise InputError(
        f'{url} cannot be downloaded ({fault}); check the network and run '
        'the command again, which resumes it'
      )
    wait_s = pause_s * 2 ** (failures - 1)
    print(f'{fault}; trying again in {wait_s:g} s', file=sys.stderr)
    time.sleep(wait_s)
  with on_disk(target):
    part.replace(target)
    _note(part).unlink(missing_ok=True)


@contextlib.contextmanager
def on_disk(path: pathlib.Path) -> Iterator[None]:
  """Turns an `OSError` of the body into an `InputError` about `path`."""
  try:
    yield
  except OSError as error:
    raise InputError(
      f'{path} cannot be read or written ({error.strerror}); make room or '
      'choose another folder with --root, then run the command again'
    ) from error


def _transfer(
  url: str, part: pathlib.Path, progress: bool, max_bytes: int
) -> None:
  """Sends one request; returns when `part` is whole."""
  note = _read_note(part)
  start = _size(part) if note.get('url') == url else 0
  if start and start == note.get('size'):
    return
  request = urllib.request.Request(url)
  request.add_header('User-Agent', f'sernet_jax/{__version__}')
  request.add_header('Accept-Encoding', 'identity')
  if start:
    request.add_header('Range', f'bytes={start}-')
    if note.get('validator'):
      request.add_header('If-Range', note['validator'])
  with _network(url):
    response = urllib.request.urlopen(request, timeout=_TIMEOUT_S)
  with response:
    start, size = _agree(response, start, note)
    require(
      (size or 0) <= max_bytes,
      f'{url} has {size} bytes, more than the {max_bytes} expected at most; '
      'check --url',
    )
    validator = _validator(response) or (note['validator'] if start else '')
    note = {'url': url, 'size': size, 'validator': validator}
    with on_disk(part):
      _note(part).write_text(json.dumps(note))
    _copy(url, response, part, start, size, progress, max_bytes)


def _agree(
  response: http.client.HTTPResponse, start: int, note: dict[str, Any]
) -> tuple[int, int | None]:
  """Returns where the response begins, and the size of the file if known."""
  if response.status != 206:  # the server sends all of it
    length = response.headers.get('Content-Length', '')
    return 0, int(length) if length.isdigit() else None
  match = _CONTENT_RANGE.fullmatch(response.headers.get('Content-Range', ''))
  if not match or int(match[1]) != start:
    raise _Changed('the server answers with another part than was asked for')
  size = int(match[2])
  if note.get('size') not in (None, size):
    raise _Changed('the file on the server has changed')
  return start, size


def _copy(
  url: str,
  response: http.client.HTTPResponse,
  part: pathlib.Path,
  start: int,
  size: int | None,
  progress: bool,
  max_bytes: int,
) -> None:
  """Writes the body to `part` from byte `start`."""
  bar = progress_bar.make(
    desc=part.name.removesuffix('.part'),
    total=size,
    initial=start,
    unit='B',
    unit_scale=True,
    shown=progress,
  )
  have = start
  with contextlib.ExitStack() as stack:
    stack.enter_context(bar)
    with on_disk(part):
      # Unbuffered: what has arrived outlives a kill.
      file = part.open('ab' if start else 'wb', buffering=0)
      stack.enter_context(file)
    while True:
      with _network(url):
        chunk = response.read(_CHUNK_BYTES)
      if not chunk:
        break
      with on_disk(part):
        view = memoryview(chunk)
        while view:
          view = view[file.write(view) :]
      have += len(chunk)
      bar.update(len(chunk))
      require(
        have <= max_bytes,
        f'{url} sends more than the {max_bytes} bytes expected at most; check '
        '--url',
      )
  if size is not None and have < size:
    raise _Broken(f'the connection ended after {have} of {size} bytes')


@contextlib.contextmanager
def _network(url: str) -> Iterator[None]:
  """Sorts the errors of a connection: final, or worth another try."""
  try:
    yield
  except urllib.error.HTTPError as error:
    with error:
      if error.code == 416:  # more was received than the file has
        raise _Changed('the file on the server has changed') from error
      if error.code in (408, 429) or error.code >= 500:
        raise _Broken(f'the server answers {error.code}') from error
      raise InputError(
        f'{url} cannot be downloaded: the server answers {error.code} '
        f'({error.reason}); check the address, or give another with --url'
      ) from error
  except urllib.error.URLError as error:
    raise _Broken(_words(error.reason)) from error
  except (http.client.InvalidURL, UnicodeError) as error:
    raise InputError(f'--url is {url!r}, not an address; correct it') from error
  except (OSError, http.client.HTTPException) as error:
    raise _Broken(_words(error)) from error


def _words(error: object) -> str:
  text = getattr(error, 'strerror', None) or str(error)
  return text or type(error).__name__


def _validator(response: http.client.HTTPResponse) -> str:
  """Returns what If-Range may name: a strong ETag, or the file's date."""
  etag = response.headers.get('ETag', '')
  if etag.startswith('"'):
    return etag
  return response.headers.get('Last-Modified', '')


def _note(part: pathlib.Path) -> pathlib.Path:
  return part.with_name(part.name + '.json')


def _read_note(part: pathlib.Path) -> dict[str, Any]:
  """Reads what is known of the file that `part` belongs to; {} if nothing."""
  try:
    note = json.loads(_note(part).read_text())
  except (OSError, ValueError):
    return {}
  return note if isinstance(note, dict) else {}


def _size(path: pathlib.Path) -> int:
  return path.stat().st_size if path.is_file() else 0


def _forget(part: pathlib.Path) -> None:
  with on_disk(part):
    _note(part).unlink(missing_ok=True)
    part.unlink(missing_ok=True)
