"""Refusals of the demo's page: of foreign pages, and of too many uploads.

A browser sends what any page on the web asks it to send to 127.0.0.1, with the
`Origin` of that page; and a name that leads to 127.0.0.1 for a moment makes it
an address of that page, with the `Host` of it. Both are refused.
"""

from __future__ import annotations

import pathlib
import urllib.parse
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

HOSTS = ('127.0.0.1', 'localhost')
MOST_BYTES = 1 << 30  # of recordings and pictures that the page holds at once

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class Guard:
  """An ASGI application that passes on what may come in.

  Args:
    app: the page.
    folder: where uploads are kept.
    most_bytes: of all that lies in the folder together.
  """

  def __init__(
    self, app: App, folder: pathlib.Path, most_bytes: int = MOST_BYTES
  ) -> None:
    self._app, self._folder, self._most = app, folder, most_bytes

  async def __call__(
    self, scope: Message, receive: Receive, send: Send
  ) -> None:
    """Answers or refuses a request."""
    if scope['type'] not in ('http', 'websocket'):
      await self._app(scope, receive, send)
      return
    refused = self._refused(scope)
    if not refused:
      await self._app(scope, receive, send)
    elif scope['type'] == 'websocket':
      await send({'type': 'websocket.close', 'code': 1008})
    else:
      code, sentence = refused
      text = ('content-type', 'text/plain; charset=utf-8')
      headers = [tuple(part.encode() for part in text)]
      await send(
        {'type': 'http.response.start', 'status': code, 'headers': headers}
      )
      await send({'type': 'http.response.body', 'body': sentence.encode()})

  def _refused(self, scope: Message) -> tuple[int, str] | None:
    """Returns a status and why; None for what may come in."""
    headers = {
      name.decode('latin-1').lower(): value.decode('latin-1')
      for name, value in scope.get('headers', ())
    }
    host = headers.get('host', '')
    if _name(f'//{host}') not in HOSTS:
      return 403, f'this page is for this machine alone, not for {host[:80]!a}'
    origin = headers.get('origin')
    if origin is not None and origin != f'http://{host}':
      return 403, f'a page of {origin[:80]!a} may not use this one'
    if scope['type'] != 'http' or scope['method'] != 'POST':
      return None
    length = headers.get('content-length', '')
    if not length.isdecimal():
      return 411, 'what is sent must state its length'
    held = self._held()
    if held + int(length) > self._most:
      return 413, (
        f'the page already holds {held >> 20} MiB of recordings and '
        f'pictures, of at most {self._most >> 20}; end the demo and start it '
        'again, which deletes them'
      )
    return None

  def _held(self) -> int:
    """Returns the bytes of all files in the folder."""
    sizes = 0
    for path in self._folder.rglob('*'):
      try:
        sizes += path.stat().st_size if path.is_file() else 0
      except OSError:  # deleted meanwhile
        continue
    return sizes


def _name(address: str) -> str | None:
  try:
    return urllib.parse.urlsplit(address).hostname
  except ValueError:
    return None
