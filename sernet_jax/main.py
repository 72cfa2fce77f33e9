"""Train, evaluate, report or inspect.

python -m sernet_jax.main --config=configs/emodb.py
"""

from __future__ import annotations

import os
import pathlib
import re
import sys

from absl import app, flags, logging as absl_logging
from ml_collections import config_flags

from sernet_jax.spec import InputError, nearest, require

_AFFINITY = hasattr(os, 'sched_getaffinity')  # not on macOS
_MODES = ('train', 'evaluate', 'report', 'inspect')

_CONFIG = config_flags.DEFINE_config_file(
  'config',
  help_string='Settings of the experiment, e.g. configs/emodb.py; any field '
  'can be set, as in --config.train.epochs=30.',
  lock_config=True,
)
_WORKDIR = flags.DEFINE_string(
  'workdir', '', 'Folder of the run; by default runs/NAME-HASH.'
)
_COORDINATOR = flags.DEFINE_string(
  'coordinator',
  '',
  'To train with several processes: HOST:PORT of process 0, or auto under '
  'SLURM, Open MPI or on TPUs.',
)
_PROCESSES = flags.DEFINE_integer('processes', None, 'How many there are.')
_PROCESS_ID = flags.DEFINE_integer('process_id', None, 'Which is this, from 0.')
_CONNECT_S = flags.DEFINE_integer(
  'connect_s', 60, 'How long to wait for the coordinator, in seconds.'
)
_MODE = flags.DEFINE_string('mode', 'train', f'One of {", ".join(_MODES)}.')


def main(argv: list[str]) -> None:
  """Runs one mode; mistakes of the user end with code 2 and one sentence."""
  try:
    require(len(argv) == 1, f'{argv[1:2]} is no flag; flags start with --')
    print(_run())
  except InputError as error:
    _fail(str(error))
  except KeyboardInterrupt:  # before training began: there is no state yet
    print('stopped; nothing was lost', file=sys.stderr)
    sys.exit(130)


def _run() -> str:
  require(
    _MODE.value in _MODES,
    f'--mode is {_MODE.value!r}: {nearest(_MODE.value, _MODES)}',
  )
  workdir = pathlib.Path(_WORKDIR.value) if _WORKDIR.value else None
  if _MODE.value == 'report' and workdir is not None:
    return _report(workdir)
  config = _load_config()
  _one_core_devices(config)
  _set_up_jax()
  from sernet_jax import interrupt, processes, records, report, run

  if _COORDINATOR.value:
    processes.connect(
      _COORDINATOR.value, _PROCESSES.value, _PROCESS_ID.value, _CONNECT_S.value
    )
  else:
    require(
      _PROCESSES.value is None and _PROCESS_ID.value is None,
      '--processes and --process_id need --coordinator=HOST:PORT',
    )

  if workdir is None:
    workdir = run.default_workdir(config)
  if _MODE.value == 'report':
    return _report(workdir)
  if _MODE.value == 'inspect':
    return run.inspect(config, workdir)
  try:
    results = getattr(run, _MODE.value)(config, workdir)
  except interrupt.Stopped as stop:
    print(stop, file=sys.stderr)
    sys.exit(stop.exit_code)
  group = processes.Group()
  if not group.first:
    return f'process {group.rank} is done; process 0 has the results'
  return report.summary_text(results, records.RunFolder(workdir))


def _report(workdir: pathlib.Path) -> str:
  from sernet_jax import records, report

  folder = records.RunFolder(workdir)
  report.write(folder)
  return report.summary_text(folder.read_results(), folder)


def _one_core_devices(config) -> None:
  """Makes every core a device if folds are to be spread over devices.

  Folds side by side, a core each, lose less than threads that share every
  operation of one fold. The flags are read when jax starts and concern CPUs
  alone; whoever sets the number of devices is left alone.
  """
  name = 'xla_force_host_platform_device_count'
  flags = os.environ.get('XLA_FLAGS', '')
  wanted = config.to_dict().get('train', {}).get('fold_mapping') == 'shard'
  if wanted and name not in flags:
    count = len(os.sched_getaffinity(0)) if _AFFINITY else os.cpu_count()
    own = f'--{name}={count} --xla_cpu_multi_thread_eigen=false'
    os.environ['XLA_FLAGS'] = f'{flags} {own}'.strip()


def _set_up_jax() -> None:
  """Keeps compiled programs in the user's cache folder."""
  absl_logging.set_verbosity(absl_logging.WARNING)
  import jax

  from sernet_jax import corpora

  if 'JAX_COMPILATION_CACHE_DIR' not in os.environ:
    folder = corpora.cache_dir() / 'xla'
    jax.config.update('jax_compilation_cache_dir', str(folder))
    jax.config.update('jax_persistent_cache_min_compile_time_secs', 1.0)


def _load_config():
  """The config of the flags; problems with its file are the user's."""
  name = config_flags.get_config_filename(flags.FLAGS['config'])
  require(
    name is not None,
    'no --config was given; pass one such as --config=configs/emodb.py',
  )
  path = name.split(':')[0]
  require(
    pathlib.Path(path).is_file(),
    f'--config={path} is no file; pass one such as --config=configs/emodb.py',
  )
  return _CONFIG.value


def _parse(argv: list[str]) -> list[str]:
  """Parses flags; a mistake in one is a mistake of the user."""
  try:
    return flags.FLAGS(argv)
  except (AttributeError, KeyError) as error:
    _fail(_unknown_field(argv) or _in_one_sentence(error))
  except (flags.Error, ValueError, TypeError, OSError) as error:
    _fail(_in_one_sentence(error))
  return argv


def _unknown_field(argv: list[str]) -> str | None:
  """Says which --config.field does not exist and which was meant."""
  from sernet_jax import config as config_lib

  fields = config_lib.field_names()
  for argument in argv:
    field = argument.lstrip('-').split('=')[0].removeprefix('config.')
    if argument.lstrip('-').startswith('config.') and field not in fields:
      return (
        f'--config.{field} is no field of the config: {nearest(field, fields)}'
      )
  return None


def _in_one_sentence(error: BaseException) -> str:
  """The message without what Python and absl print around it."""
  text = ' '.join(str(error).split())
  return re.sub(r'(Error whilst parsing.*|^Traceback.*)Error: ', '', text)


def _fail(message: str):
  print(message, file=sys.stderr)
  sys.exit(2)


if __name__ == '__main__':
  app.run(main, flags_parser=_parse)
