"""The demo's page answers this machine alone, and holds no more than it may."""

from __future__ import annotations

import asyncio

import pytest

from sernet_jax.predict.inference.page_guard import Guard

HOST = '127.0.0.1:7860'


def ask(folder, headers, method='POST', kind='http', most_bytes=1000):
  """What a request gets: 'passed', or the status and the sentence."""
  sent = []

  async def app(scope, receive, send):
    sent.append('passed')

  async def send(message):
    sent.append(message)

  scope = {
    'type': kind,
    'method': method,
    'headers': [(k.encode(), v.encode('latin-1')) for k, v in headers.items()],
  }
  asyncio.run(Guard(app, folder, most_bytes)(scope, None, send))
  if sent == ['passed'] or kind != 'http':
    return sent[0]
  assert sent[0]['headers'] == [(b'content-type', b'text/plain; charset=utf-8')]
  return sent[0]['status'], sent[1]['body'].decode()


@pytest.mark.parametrize(
  ('headers', 'method'),
  [
    ({'host': HOST}, 'GET'),
    ({'host': 'localhost:7860', 'origin': 'http://localhost:7860'}, 'GET'),
    ({'Host': HOST, 'Origin': f'http://{HOST}', 'Content-Length': '9'}, 'POST'),
    ({'host': HOST, 'content-length': '9'}, 'POST'),  # no browser
  ],
)
def test_the_page_itself_passes(tmp_path, headers, method):
  assert ask(tmp_path, headers, method) == 'passed'


@pytest.mark.parametrize(
  ('headers', 'reason'),
  [
    ({'host': HOST, 'origin': 'https://example.org'}, 'a page of'),
    ({'host': HOST, 'origin': 'null'}, "a page of 'null'"),
    ({'host': HOST, 'origin': 'http://127.0.0.1:8000'}, 'a page of'),
    ({'host': 'example.org:7860'}, 'for this machine alone'),
    ({'host': 'example.org', 'origin': 'http://example.org'}, 'this machine'),
    ({'host': '127.0.0.1.example.org'}, 'for this machine alone'),
    ({'host': '[::1'}, 'for this machine alone'),
    ({}, 'for this machine alone'),
  ],
)
@pytest.mark.parametrize('method', ['GET', 'POST'])
def test_foreign_pages_and_names_are_refused(tmp_path, headers, reason, method):
  status, sentence = ask(tmp_path, {**headers, 'content-length': '9'}, method)
  assert status == 403
  assert reason in sentence


def test_a_foreign_websocket_is_closed(tmp_path):
  message = ask(tmp_path, {'host': 'example.org'}, kind='websocket')
  assert message == {'type': 'websocket.close', 'code': 1008}
  assert ask(tmp_path, {'host': HOST}, kind='websocket') == 'passed'
  assert ask(tmp_path, {}, kind='lifespan') == 'passed'


def test_all_uploads_together_are_bounded(tmp_path):
  (tmp_path / 'a').mkdir()
  (tmp_path / 'a/voice.wav').write_bytes(bytes(600))
  assert ask(tmp_path, {'host': HOST, 'content-length': '400'}) == 'passed'
  status, sentence = ask(tmp_path, {'host': HOST, 'content-length': '401'})
  assert (status, 'start it again' in sentence) == (413, True)
  for length in ({}, {'content-length': '-1'}, {'content-length': 'x'}):
    assert ask(tmp_path, {'host': HOST, **length})[0] == 411
