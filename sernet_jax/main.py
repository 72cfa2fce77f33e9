"""Train, evaluate, report or inspect.

python -m sernet_jax.main --config=configs/emodb.py
"""

from __future__ import annotations

import pathlib

from absl import app, flags
from ml_collections import config_flags

from sernet_jax.common import command_line
from sernet_jax.common.errors import nearest, require
from sernet_jax.runs import config_flags as flags_lib

_MODES = ('train', 'evaluate', 'report', 'inspect')

config_flags.DEFINE_config_file(
  'config',
  help_string='Settings of the experiment, a Python file such as '
  'configs/emodb.py, a config.json of a run, or the name of one in the '
  'package, e.g. emodb; any field can be set, as in --config.train.epochs=30.',
  lock_config=True,
)
flags_lib.use_our_configs()
_WORKDIR = flags.DEFINE_string(
  'workdir', '', 'Folder of the run; by default runs/NAME-HASH.'
)
_COORDINATOR = flags.DEFINE_string(
  'coordinator',
  '',
  'To train with several processes: HOST:PORT of process 0, or auto under '
  'SLURM, Open MPI or on TPUs.',
)
_PROCESSES = flags.DEFINE_integer(
  'processes', None, 'How many processes there are.'
)
_PROCESS_ID = flags.DEFINE_integer(
  'process_id', None, 'Index of this process, from 0.'
)
_CONNECT_S = flags.DEFINE_integer(
  'connect_s', 60, 'How long to wait for the coordinator, in seconds.'
)
_PRINT_CONFIG = flags.DEFINE_bool(
  'print_config',
  False,
  'Print all settings as JSON, which --config takes, and do nothing else.',
)
_MODE = flags.DEFINE_string('mode', 'train', f'One of {", ".join(_MODES)}.')


def main(argv: list[str]) -> int:
  """Runs one mode; returns the exit code."""

  def command() -> None:
    require(len(argv) == 1, f'{argv[1:2]} is not a flag; {_as_flag(argv[1:])}')
    print(_run())

  # Ctrl-C ends it so before training only, when there is no state yet.
  return command_line.run(
    command, 'stopped; nothing was lost', is_filter=_PRINT_CONFIG.value
  )


def _run() -> str:
  require(
    _MODE.value in _MODES,
    f'--mode is {_MODE.value!r}: {nearest(_MODE.value, _MODES)}',
  )
  _require_sense()
  workdir = pathlib.Path(_WORKDIR.value) if _WORKDIR.value else None
  if _MODE.value == 'report' and workdir is not None:
    return _report(workdir)
  require(
    _MODE.value != 'report' or flags.FLAGS['config'].present > 0,
    '--mode=report draws the report of a run that is there; name its folder '
    'with --workdir=',
  )
  config = flags_lib.load_config()
  if _PRINT_CONFIG.value:
    return flags_lib.as_json(config)
  flags_lib.one_core_devices(config, alone=not _COORDINATOR.value)
  flags_lib.set_up_jax()
  from sernet_jax.results import report, run_folder
  from sernet_jax.runs import run
  from sernet_jax.runs.distributed.connection import connect
  from sernet_jax.runs.distributed.group import Group

  if _COORDINATOR.value:
    connect(
      _COORDINATOR.value, _PROCESSES.value, _PROCESS_ID.value, _CONNECT_S.value
    )

  if workdir is None:
    workdir = run.default_workdir(config)
  if _MODE.value == 'report':
    return _report(workdir)
  if _MODE.value == 'inspect':
    return run.inspect(config, workdir)
  results = getattr(run, _MODE.value)(config, workdir)
  group = Group()
  if not group.first:
    return f'process {group.rank} is done; process 0 has the results'
  return report.summary_text(results, run_folder.RunFolder(workdir))


def _as_flag(words: list[str]) -> str:
  """Says how the first of some words is written as a flag."""
  for word in words[:1]:
    if word.endswith(('.py', '.json')):
      return f'write --config={word}'
    if pathlib.Path(word).is_dir():
      return f'if it is the folder of a run, write --workdir={word}'
  return 'flags start with --, such as --config=FILE and --workdir=RUN'


def _require_sense() -> None:
  """Refuses flags of several processes that would do nothing."""
  if _COORDINATOR.value:
    require(
      _MODE.value == 'train',
      f'--coordinator is for --mode=train; --mode={_MODE.value} has one '
      'process, so leave it out',
    )
    require(
      _CONNECT_S.value > 0,
      f'--connect_s is {_CONNECT_S.value}; give a number of seconds above 0',
    )
    return
  for flag in (_PROCESSES, _PROCESS_ID, _CONNECT_S):
    require(
      not flags.FLAGS[flag.name].present,
      f'--{flag.name} is for a training by several processes; add '
      '--coordinator=HOST:PORT, or leave it out',
    )


def _report(workdir: pathlib.Path) -> str:
  from sernet_jax.results import report, run_folder

  folder = run_folder.RunFolder(workdir)
  report.write(folder)
  return report.summary_text(folder.read_results(), folder)


if __name__ == '__main__':
  app.run(main, flags_parser=flags_lib.parse)
