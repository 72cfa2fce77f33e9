"""Chromium without a window, driven over its pipe by the DevTools protocol."""

from __future__ import annotations

import contextlib
import functools
import http.server
import itertools
import json
import os
import pathlib
import select
import shutil
import subprocess
import threading
import time
import warnings

PATH = next(
  filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'chrome'))),
  '',
)
TIMEOUT_S = 60


class Browser:
  """One page; use it as a context manager."""

  def __init__(self, folder, *flags):
    # The browser reads commands from file 3 and answers into file 4.
    theirs_in, self._to = os.pipe()
    self._from, theirs_out = os.pipe()
    command = [
      PATH,
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      f'--user-data-dir={folder}',
      '--remote-debugging-pipe',
      *flags,
      'about:blank',
    ]

    def pipes():
      os.dup2(theirs_in, 33)
      os.dup2(theirs_out, 34)
      os.dup2(33, 3)
      os.dup2(34, 4)

    with warnings.catch_warnings():
      # JAX warns of a fork, which nothing but the browser follows.
      warnings.simplefilter('ignore', RuntimeWarning)
      self._process = subprocess.Popen(
        command,
        preexec_fn=pipes,
        close_fds=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
      )
    os.close(theirs_in)
    os.close(theirs_out)
    self._ids = itertools.count(1)
    self._rest = b''
    self._session = None
    self.events = []
    targets = self.call('Target.getTargets')['targetInfos']
    page = next(one for one in targets if one['type'] == 'page')
    self._session = self.call(
      'Target.attachToTarget', targetId=page['targetId'], flatten=True
    )['sessionId']
    for domain in ('Page', 'Runtime', 'DOM', 'Log', 'Network'):
      self.call(f'{domain}.enable')

  def __enter__(self):
    return self

  def __exit__(self, *_):
    self._process.terminate()
    self._process.wait(TIMEOUT_S)
    os.close(self._to)
    os.close(self._from)

  def call(self, method, **parameters):
    """Sends a command and returns its result; keeps the events between."""
    number = next(self._ids)
    message = {'id': number, 'method': method, 'params': parameters}
    if self._session:
      message['sessionId'] = self._session
    os.write(self._to, json.dumps(message).encode() + b'\0')
    while True:
      answer = self._receive()
      if answer.get('id') == number:
        assert 'error' not in answer, (method, answer)
        return answer['result']
      self.events.append(answer)

  def _receive(self):
    end = time.monotonic() + TIMEOUT_S
    while b'\0' not in self._rest:
      left = end - time.monotonic()
      assert left > 0 and select.select([self._from], [], [], left)[0], 'silent'
      piece = os.read(self._from, 1 << 20)
      assert piece, 'the browser ended'
      self._rest += piece
    message, _, self._rest = self._rest.partition(b'\0')
    return json.loads(message)

  def run(self, script):
    """Value of a JavaScript expression; a promise is awaited."""
    result = self.call(
      'Runtime.evaluate',
      expression=script,
      awaitPromise=True,
      returnByValue=True,
      userGesture=True,
    )
    assert 'exceptionDetails' not in result, result
    return result['result'].get('value')

  def open(self, address, state='ready'):
    self.call('Page.navigate', url=address)
    return self.wait(state)

  def wait(self, *states):
    """Waits until the page is in one of the states; returns it."""
    end = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end:
      found = self.run('document.body?.dataset.state ?? ""')
      if found in states:
        return found
      time.sleep(0.05)
    text = self.run('document.body.innerText')
    raise AssertionError(f'{found!r}, not {states}: {text}\n{self.events[-5:]}')

  def upload(self, *paths, selector='#file'):
    root = self.call('DOM.getDocument')['root']['nodeId']
    node = self.call('DOM.querySelector', nodeId=root, selector=selector)
    self.call(
      'DOM.setFileInputFiles',
      files=[str(path) for path in paths],
      nodeId=node['nodeId'],
    )


@contextlib.contextmanager
def served(folder: pathlib.Path):
  """Address of a folder on this machine; the paths that were asked for."""
  asked = []

  class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
      asked.append(self.path)

  handler = functools.partial(Handler, directory=str(folder))
  server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
  thread = threading.Thread(target=server.serve_forever, daemon=True)
  thread.start()
  try:
    yield f'http://127.0.0.1:{server.server_port}/', asked
  finally:
    server.shutdown()
    server.server_close()
    thread.join()
