"""Command lines with something changed: what `attempt` does with them.

Each runs in a process forked from one that has loaded the libraries, in a
folder of its own. `demo` and `download` are left out: they serve and fetch.
"""

from __future__ import annotations

import functools
import os
import pathlib
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback

import mutations

from sernet_jax.common.errors import InputError

LIMITED = False  # JAX reserves more addresses than it uses; see `_run`
SECONDS = 150  # of a busy machine; what counts is the CPU time
CPU_SECONDS = 20 + 10  # Python, JAX and the compilation of a network included
TEXTS = (
  *('', '-1', '0', '1e308', 'nan', 'inf', 'zz', 'x' * 300, '\x1b[2J', '[]'),
  *(
    '{}',
    'None',
    'True',
    '../../x',
    'a,b',
    '-',
    '--',
    '=',
    '0:5',
    '1,2',
    'a=b',
  ),
  *('/dev/null', '.', 'sound.wav', 'model.safetensors', 'run', '\udc80', 'ü'),
  *('\u202egnp', '10' * 20, 'last_recomputed', 'loso', 'a\nb', '%s', "'", '"'),
)
MODEL = ('--model=model.safetensors',)
CONFIG = ('--config=two_blocks.py', '--config.data.manifest=corpus/list.csv')
# Command, arguments, and what is added last so that none trains.
COMMANDS = (
  (('predict', 'sound.wav', *MODEL, '--hop_s=0.1', '--output=json'), ()),
  (('predict', 'corpus', *MODEL, '--output=csv', '--channel=0'), ()),
  (('stream', *MODEL, '--rate_hz=16000', '--format=s16', '--hop_s=0.2'), ()),
  (('export', *MODEL, '--format=safetensors', '--output=out'), ()),
  (('inspect', *CONFIG, '--workdir=seen'), ('--mode=inspect',)),
  (('train', *CONFIG, '--config.train.epochs=1'), ('--print_config',)),
  (('report', '--workdir=run'), ('--mode=report',)),
  (('compare', 'run', 'other', '--output=out'), ()),
  (('sweep', *CONFIG, '--axis=seed=0:3', '--workdir=all'), ('--plan',)),
  (('cross', 'run', 'other', '--output=out'), ()),
)
OPTIONS = (
  *('--model', '--selection', '--fold', '--classes', '--channel', '--gate_db'),
  *('--floor_db', '--least_s', '--hop_s', '--whole', '--output', '--figure'),
  *('--embeddings', '--rate_hz', '--format', '--channels', '--held_db'),
  *('--workdir', '--precision', '--calibration', '--license', '--all_folds'),
  *('--mode', '--processes', '--connect_s', '--baseline', '--axis', '--engine'),
  *('--seeds_together', '--zz', '--config', '-x', '--help', '--config.zz'),
)


@functools.cache
def _place() -> pathlib.Path:
  """A folder with `inputs`, and `cwd` for each attempt."""
  place = pathlib.Path(tempfile.mkdtemp(prefix='sernet-fuzz-'))
  inputs = place / 'inputs'
  inputs.mkdir()
  code = _forked(lambda: _make(inputs))
  assert code == 0, 'the inputs could not be made'
  return place


def _make(inputs: pathlib.Path) -> int:
  # Here, in a process of its own: after JAX has devices, none may be forked.
  import chosen_runs
  import small_model
  import tiny
  import two_blocks

  from sernet_jax.predict import bundle

  tiny.write_corpus(inputs / 'corpus')
  shutil.copy(inputs / 'corpus/ann_high_0.wav', inputs / 'sound.wav')
  shutil.copy(two_blocks.__file__, inputs / 'two_blocks.py')
  bundle.save(inputs / 'model.safetensors', small_model.make())
  chosen_runs.make_run(inputs / 'run', chosen_runs.GOOD)
  chosen_runs.make_run(inputs / 'other', chosen_runs.BAD, chosen_runs.FOCAL)
  return 0


def _forked(call) -> int:
  """Runs a function in a child; returns its exit code."""
  child = os.fork()
  if child == 0:
    code = 1
    try:
      code = call()
    except BaseException:
      traceback.print_exc()
    finally:
      sys.stderr.flush()
      os._exit(code)
  return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def warm_up() -> None:
  """Makes the inputs and loads what commands import, without devices."""
  _place()
  import jax
  import ml_collections  # noqa: F401
  import soundfile  # noqa: F401

  import sernet_jax.export.checking
  import sernet_jax.predict.recordings
  import sernet_jax.results.report
  import sernet_jax.runs.run  # noqa: F401

  assert not jax._src.xla_bridge._backends


def command_line(number: int) -> list[str]:
  """The arguments of `sernet` in an attempt."""
  from sernet_jax.runs import defaults

  dice = random.Random(f'commands {number}')
  first, last = COMMANDS[number % len(COMMANDS)]
  name, *words = first
  for _ in range(dice.choice((1, 1, 1, 2, 4))):
    place = dice.randrange(len(words)) if words else 0
    how = dice.randrange(7)
    if how == 0 and words:
      key, equals, _ = words[place].partition('=')
      words[place] = key + equals * bool(equals) + dice.choice(TEXTS)
    elif how == 1 and words:
      del words[place]
    elif how == 2 and words:
      words.insert(place, dice.choice(words))
    elif how == 3:
      words.insert(place, f'{dice.choice(OPTIONS)}={dice.choice(TEXTS)}')
    elif how == 4:
      words.insert(place, dice.choice((*OPTIONS, *TEXTS)))
    elif how == 5 and any(word.startswith('--config') for word in words):
      field = dice.choice(sorted(defaults.fields()))
      words.append(f'--config.{field}={dice.choice(TEXTS)}')
    elif words:
      key, equals, value = words[place].partition('=')
      words[place : place + 1] = [key, value]
  return [name, *words, *last]


def attempt(number: int) -> str:
  """Runs a changed command; see `isolated`."""
  words = command_line(number)
  place = _place()
  work = place / 'cwd/deep/er'
  shutil.rmtree(place / 'cwd', ignore_errors=True)
  shutil.copytree(place / 'inputs', work)
  before = _state(place)
  code, out, err, peak_kib = _run(words, work, place)
  told = f'{words}: code {code}, {err[-300:]!r}'
  assert 'Traceback' not in err, told
  assert code in (0, 1, 2), told
  assert peak_kib < mutations.MEMORY_KIB, f'{words}: {peak_kib} KiB'
  assert not {'\x1b', '\u202e'} & {*out, *err}, told
  assert _state(place) == before, f'{words} wrote outside its folder'
  if code == 2:
    sentence = err.strip()
    assert sentence, told
    raise InputError(sentence.splitlines()[-1])
  return 'read'


def _state(place):
  return {
    path: (path.stat().st_size, path.stat().st_mtime_ns)
    for part in (place, place / 'inputs')
    for path in (part.iterdir() if part is place else part.rglob('*'))
    if path.name not in ('cwd', 'out', 'err', 'home')
  }


def _run(words, work, place):
  """Returns (exit code, stdout, stderr, most memory in KiB)."""
  child = os.fork()
  if child == 0:
    code = 1
    try:
      code = _child(words, work, place)
    except BaseException:
      traceback.print_exc()
    finally:
      sys.stdout.flush()
      sys.stderr.flush()
      os._exit(code)
  end = time.monotonic() + SECONDS - 10
  while True:
    pid, status, usage = os.wait4(child, os.WNOHANG)
    if pid:
      break
    if time.monotonic() > end:
      os.kill(child, signal.SIGKILL)
      os.wait4(child, 0)
      raise TimeoutError(f'{words} took longer than {SECONDS - 10} s')
    time.sleep(0.02)
  texts = [
    (place / name).read_text(errors='replace') for name in ('out', 'err')
  ]
  return os.waitstatus_to_exitcode(status), *texts, usage.ru_maxrss


def _child(words, work, place) -> int:
  os.chdir(work)
  os.environ.update(HOME=str(place / 'home'), SERNET_CACHE=str(place / 'home'))
  (work / 'sound.raw').write_bytes(bytes(range(256)) * 50)
  for number, (name, mode) in enumerate(
    (('sound.raw', os.O_RDONLY), ('out', 0), ('err', 0))
  ):
    path = work / name if mode == os.O_RDONLY and number == 0 else place / name
    flags = mode if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    os.dup2(os.open(path, flags), number)
  resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
  import sernet_jax.__main__ as sernet

  # As the interpreter hands over what is not UTF-8.
  sys.argv = ['sernet', *words]
  try:
    return sernet.main(words)
  except SystemExit as end:
    if end.code is None:
      return 0
    if isinstance(end.code, int):
      return end.code
    print(end.code, file=sys.stderr)
    return 1
