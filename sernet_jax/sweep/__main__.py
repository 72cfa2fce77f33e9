r"""Trains every combination of some settings and compares the results.

python -m sernet_jax.sweep --config=configs/emodb.py \
    --axis loss.name=cross_entropy,focal --axis seed=0:5 --workdir=runs/losses

With --seeds_together the five seeds of a setting are one run, in one program;
see `sernet_jax.sweep.seeds_together`.
"""

from __future__ import annotations

import pathlib
import shlex
import sys

from absl import app, flags
from ml_collections import config_flags

from sernet_jax.common import command_line
from sernet_jax.common.errors import require, require_choice
from sernet_jax.runs import config_flags as flags_lib

_ENGINES = ('processes', 'local', 'slurm')

config_flags.DEFINE_config_file(
  'config',
  help_string='Settings that all jobs share, a Python file such as '
  'configs/emodb.py, a config.json of a run, or the name of one in the '
  'package, e.g. emodb; any field can be set, as in --config.train.epochs=30.',
  lock_config=True,
)
flags_lib.use_our_configs()
_AXIS = flags.DEFINE_multi_string(
  'axis',
  [],
  'A field and its values: loss.name=cross_entropy,focal or seed=0:5 or '
  'model.paths=spectral+joint,joint or loss.name/loss.gamma=focal/1,focal/2; '
  'may be given several times.',
)
_WORKDIR = flags.DEFINE_string('workdir', '', 'Folder of the sweep.')
_PROCESSES = flags.DEFINE_integer(
  'processes', 1, 'Jobs at once; each gets its share of the cores.'
)
_ENGINE = flags.DEFINE_string(
  'engine',
  'processes',
  "Where jobs run: 'processes' here, 'slurm' on a cluster through submitit, "
  "'local' through submitit on this machine, which is for tests.",
)
_CLUSTER = flags.DEFINE_multi_string(
  'cluster',
  [],
  'A parameter of the cluster, e.g. timeout_min=600 or slurm_partition=gpu.',
)
_BASELINE = flags.DEFINE_string(
  'baseline', '', 'Compare with this setting alone, e.g. loss.name=focal.'
)
_SELECTION = flags.DEFINE_string(
  'selection',
  'last',
  'Selection whose scores are compared, e.g. last_recomputed.',
)
_SEEDS_TOGETHER = flags.DEFINE_bool(
  'seeds_together',
  False,
  'Train the seeds of a setting in one program, as one run of train.seeds '
  'seeds.',
)
_YES = flags.DEFINE_bool('yes', False, 'Allow a very large grid.')
_PLAN = flags.DEFINE_bool('plan', False, 'List the jobs and run none.')


def main(argv: list[str]) -> int:
  """Runs a sweep; returns the exit code, 1 if a job failed."""

  def command() -> int:
    require(len(argv) == 1, f'{argv[1:2]} is not a flag; flags start with --')
    return _run()

  # Ctrl-C ends it so before the first job only.
  return command_line.run(
    command, 'stopped; nothing was lost', is_filter=_PLAN.value
  )


def _run() -> int:
  config = flags_lib.load_config()
  require(
    bool(_WORKDIR.value),
    'no --workdir was given; pass the folder of the sweep, such as '
    f'--workdir=runs/{config.name}-sweep',
  )
  require_choice('--engine', _ENGINE.value, _ENGINES)
  from sernet_jax.common import files
  from sernet_jax.results import run_folder
  from sernet_jax.runs import config as config_lib, defaults
  from sernet_jax.sweep import (
    axes as axes_lib,
    final_comparison,
    grid,
    planning,
    scheduler,
    seeds_together,
  )

  known = defaults.fields(defaults.network_of(config))
  axes = [axes_lib.parse_axis(text, known) for text in _AXIS.value]
  jobs = grid.jobs(config, axes, _YES.value)
  flag = flags.FLAGS['config']
  fields = {field for axis in axes for field in axis.fields}
  overrides = {
    field: value
    for field, value in config_flags.get_override_values(flag).items()
    if field not in fields
  }
  workdir = pathlib.Path(_WORKDIR.value)
  if _SEEDS_TOGETHER.value:
    jobs = seeds_together.together(jobs, seeds_together.former(workdir))
  jobs = grid.as_begun(jobs, workdir)
  config_file = config_flags.get_config_filename(flag)
  if _PLAN.value:  # needs no corpus
    for job in jobs:
      words = planning.arguments(job, workdir, config_file, overrides)
      print(shlex.join(['python', '-m', 'sernet_jax.main', *words]))
    return 0
  planned = planning.plan(jobs, workdir, config_file, overrides)
  final_comparison.require_comparison(
    planned, _BASELINE.value, _SELECTION.value
  )
  command = shlex.join(['python', '-m', 'sernet_jax.sweep', *sys.argv[1:]])
  with run_folder.RunFolder(workdir).lock():
    about = planning.check_folder(workdir, config_lib.to_dict(config), jobs)
    engine = scheduler.make_engine(
      _ENGINE.value, _PROCESSES.value, _CLUSTER.value, workdir
    )
    files.write_json(
      workdir / 'sweep.json', {'command': command, **about}, grid.SWEEP
    )
    failed = scheduler.execute(planned, engine)
    text = final_comparison.write(
      workdir,
      planned,
      failed,
      command,
      _BASELINE.value,
      _SELECTION.value,
    )
  print(text)
  return 1 if failed else 0


if __name__ == '__main__':
  app.run(main, flags_parser=flags_lib.parse)
