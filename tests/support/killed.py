"""SIGKILLs at random times, and what is left when the command ends at last.

`python killed.py COUNT [KIND ...]` prints a line of JSON for each series of kills: a
command is started again and again, each time killed, and then left alone. What
it leaves must equal what the same command leaves that nobody killed. Commands
run in processes forked from this one, which has loaded the libraries.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.server
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import zipfile
from collections.abc import Sequence

import commands
import left_behind
import numpy as np

MOST = 4  # kills in a row
WAIT_S = 900  # for a command that is left alone, on a busy machine
SOUND = {
  f'{number:02}a01Fa.wav': np.random.default_rng(number).bytes(20_000)
  for number in range(8)
}
KINDS = ('run', 'sweep', 'export', 'download')


def run(
  count: int,
  kinds: Sequence[str] = KINDS,
  counts: pathlib.Path | None = None,
) -> dict[str, list[int]]:
  """Returns kind -> [kills, series] after at least `count` kills.

  Args:
    count: of kills, all kinds together.
    kinds: of commands, in turn.
    counts: a JSON file that each series is added to when it is done.

  Raises:
    AssertionError: if a series left something else.
  """
  command = [sys.executable, __file__, str(count), *kinds]
  environment = commands.white_figures(
    {**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)}
  )
  totals = {kind: [0, 0] for kind in kinds}
  failures = []
  with subprocess.Popen(
    command, stdout=subprocess.PIPE, env=environment, text=True
  ) as process:
    for line in process.stdout:
      series = json.loads(line)
      totals[series['kind']][0] += series['kills']
      totals[series['kind']][1] += 1
      if series['wrong']:
        failures.append(line)
      if counts:
        _add(counts, series)
  assert process.returncode == 0
  assert not failures, '\n'.join(failures[:10])
  return totals


def _seed() -> int:
  """Seed of the moments; another one goes on with others."""
  return int(os.environ.get('SERNET_SEED', '1000'))


def _add(path: pathlib.Path, series: dict) -> None:
  """Adds a series to the counts of its kind and seed."""
  from sernet_jax.results import environment

  held = json.loads(path.read_text()) if path.exists() else []
  of_machine = environment.record([])
  key = {'kind': series['kind'], 'seed': _seed()}
  key |= {name: of_machine[name] for name in ('cpu', 'cores')}
  for entry in held:
    if entry.items() >= key.items():
      break
  else:
    entry = {**key, 'kills': 0, 'compared': 0, 'other': 0}
    held.append(entry)
  entry['kills'] += series['kills']
  entry['compared'] += 1
  entry['other'] += bool(series['wrong'])
  path.write_text(json.dumps(held, indent=1) + '\n')


@functools.cache
def _place() -> pathlib.Path:
  return pathlib.Path(tempfile.mkdtemp(prefix='sernet-kill-'))


def _make() -> None:
  import small_model
  import tiny

  from sernet_jax.predict import bundle

  tiny.write_corpus(_place() / 'corpus')
  bundle.save(_place() / 'model.safetensors', small_model.make())


def _words(kind: str, address: str) -> list[str]:
  import tiny

  place = _place()
  if kind == 'export':
    kinds = 'safetensors,stablehlo'
    model = f'--model={place / "model.safetensors"}'
    return ['export', model, f'--format={kinds}', '--output=out']
  if kind == 'download':
    return ['download', 'emodb', '--root=out', f'--url={address}']
  settings = tiny.config(
    place / 'corpus/list.csv', place / 'features', **tiny.QUICK
  )
  flags = [*tiny.flags(settings), '--workdir=out']
  if kind == 'sweep':
    return ['sweep', *flags, '--axis=seed=0,1', '--config.train.epochs=1']
  return ['train', *flags]


def _start(words: list[str], folder: pathlib.Path) -> int:
  """Starts `sernet` with `words` in a folder; returns its process."""
  child = os.fork()
  if child:
    with contextlib.suppress(OSError):  # which the child does too
      os.setpgid(child, child)
    return child
  code = 1
  try:
    os.setpgid(0, 0)
    os.chdir(folder)
    for number in (1, 2):
      os.dup2(os.open('log', os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    import sernet_jax.__main__ as sernet
    from sernet_jax.corpora import download

    sums = {name: hashlib.sha256(s).hexdigest() for name, s in SOUND.items()}
    download.emodb_sums = lambda: sums
    sys.argv = ['sernet', *words]
    code = sernet.main(words)
  except SystemExit as end:
    code = end.code if isinstance(end.code, int) else int(bool(end.code))
  except BaseException:
    traceback.print_exc()
  finally:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _end(child: int, seconds: float) -> int | None:
  """Returns the exit code of a process that ends in time."""
  until = time.monotonic() + seconds
  while time.monotonic() < until:
    pid, status = os.waitpid(child, os.WNOHANG)
    if pid:
      return os.waitstatus_to_exitcode(status)
    time.sleep(0.005)
  return None


def _kill(child: int) -> None:
  # With what it has started, as when a machine stops.
  os.killpg(child, signal.SIGKILL)
  os.waitpid(child, 0)


def _whole(words: list[str], folder: pathlib.Path) -> float:
  """Lets a command end; returns its seconds."""
  begun = time.monotonic()
  child = _start(words, folder)
  code = _end(child, WAIT_S)
  log = (folder / 'log').read_text(errors='replace')
  if code is None:
    _kill(child)
  assert code == 0, f'code {code}: {log[-600:]}'
  assert 'Traceback' not in log, log[-600:]
  return time.monotonic() - begun


class _Slow(http.server.BaseHTTPRequestHandler):
  """Serves a ZIP archive in half a second, from any byte on."""

  content = b''

  def do_GET(self):
    match = re.fullmatch(r'bytes=(\d+)-', self.headers.get('Range', ''))
    first = int(match[1]) if match else 0
    part = self.content[first:]
    self.send_response(206 if match else 200)
    self.send_header('Content-Length', str(len(part)))
    self.send_header('ETag', '"one"')
    if match:
      end = len(self.content)
      self.send_header('Content-Range', f'bytes {first}-{end - 1}/{end}')
    self.end_headers()
    try:
      for start in range(0, len(part), 4096):
        self.wfile.write(part[start : start + 4096])
        time.sleep(0.01)
    except OSError:
      pass  # the other side was killed

  def log_message(self, *args):
    pass


def _serve() -> str:
  """Starts the server; returns its address."""
  path = _place() / 'wav.zip'
  with zipfile.ZipFile(path, 'w') as archive:
    for name, content in SOUND.items():
      archive.writestr(f'wav/{name}', content)
  _Slow.content = path.read_bytes()
  server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), _Slow)
  threading.Thread(target=server.serve_forever, daemon=True).start()
  return f'http://127.0.0.1:{server.server_address[1]}/wav.zip'


def _series(
  kind: str, words: list[str], expected: object, seconds: float, dice
) -> tuple[int, str]:
  """Kills a command some times, then compares; returns (kills, what is wrong)."""
  folder = _place() / 'killed'
  shutil.rmtree(folder, ignore_errors=True)
  folder.mkdir()
  kills = 0
  for _ in range(dice.randrange(1, MOST + 1)):
    child = _start(words, folder)
    if _end(child, dice.uniform(0, seconds)) is None:
      _kill(child)
      kills += 1
  try:
    _whole(words, folder)
  except AssertionError as error:
    return kills, str(error)[-900:]
  found = left_behind.contents(folder / 'out')
  names = sorted(found.keys() ^ expected.keys())
  differ = [name for name in found if found[name] != expected.get(name)]
  if names or differ:
    return kills, f'other names {names}, other content {differ}'[:900]
  return kills, ''


def main(count: int, kinds: Sequence[str]) -> None:
  os.environ['SERNET_CACHE'] = str(_place() / 'cache')
  child = os.fork()
  if child == 0:  # JAX gets devices here, after which none may be forked
    try:
      _make()
    finally:
      os._exit(0)
  os.waitpid(child, 0)
  import sernet_jax.corpora.download
  import sernet_jax.export.checking
  import sernet_jax.runs.run  # noqa: F401

  address = _serve()
  expected, seconds, words = {}, {}, {}
  for kind in kinds:
    words[kind] = _words(kind, address)
    for name in ('first', 'again'):  # the second with compiled programs kept
      folder = _place() / f'{kind}_{name}'
      folder.mkdir()
      seconds[kind] = _whole(words[kind], folder)
    expected[kind] = left_behind.contents(folder / 'out')
    first = left_behind.contents(_place() / f'{kind}_first' / 'out')
    differ = [k for k in first if first[k] != expected[kind].get(k)]
    print(f'{kind}: {seconds[kind]:.1f} s', file=sys.stderr, flush=True)
    assert not differ, f'{kind} is not repeatable: {differ}'
  dice = random.Random(_seed())
  total = number = 0
  while total < count or number < len(kinds):  # each kind at least once
    kind = kinds[number % len(kinds)]
    number += 1
    kills, wrong = _series(
      kind, words[kind], expected[kind], seconds[kind], dice
    )
    total += kills
    print(
      json.dumps({'kind': kind, 'kills': kills, 'wrong': wrong}), flush=True
    )
  shutil.rmtree(_place(), ignore_errors=True)


if __name__ == '__main__':
  main(int(sys.argv[1]), sys.argv[2:] or KINDS)
