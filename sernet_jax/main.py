"""Train, evaluate, report or inspect.

python -m sernet_jax.main --config=configs/emodb.py
"""

from __future__ import annotations

import pathlib
import sys

from absl import app, flags
from ml_collections import config_flags

from sernet_jax import command_line
from sernet_jax.spec import InputError, nearest, require

_MODES = ('train', 'evaluate', 'report', 'inspect')

config_flags.DEFINE_config_file(
  'config',
  help_string='Settings of the experiment, e.g. configs/emodb.py; any field '
  'can be set, as in --config.train.epochs=30.',
  lock_config=True,
)
_WORKDIR = flags.DEFINE_string(
  'workdir', '', 'Folder of the run; by default runs/NAME-HASH.'
)
_MODE = flags.DEFINE_string('mode', 'train', f'One of {", ".join(_MODES)}.')


def main(argv: list[str]) -> None:
  """Runs one mode; mistakes of the user end with code 2 and one sentence."""
  try:
    require(len(argv) == 1, f'{argv[1:2]} is no flag; flags start with --')
    print(_run())
  except InputError as error:
    command_line.fail(str(error))
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
  config = command_line.load_config()
  command_line.set_up_jax()
  from sernet_jax import interrupt, records, report, run

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
  return report.summary_text(results, records.RunFolder(workdir))


def _report(workdir: pathlib.Path) -> str:
  from sernet_jax import records, report

  folder = records.RunFolder(workdir)
  report.write(folder)
  return report.summary_text(folder.read_results(), folder)


if __name__ == '__main__':
  app.run(main, flags_parser=command_line.parse)
