"""The comparison at the end of a sweep, or of runs made anywhere."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence

from sernet_jax.common import files
from sernet_jax.common.errors import require, require_choice
from sernet_jax.results import selections
from sernet_jax.sweep.comparison import (
  compare_runs,
  last_lines,
  page as page_lib,
)
from sernet_jax.sweep.grid import SWEEP
from sernet_jax.sweep.planning import Planned
from sernet_jax.sweep.settings import find_setting


def require_comparison(
  planned: Sequence[Planned], baseline: str, selection: str
) -> None:
  """Raises `InputError` unless baseline and selection fit the jobs.

  Args:
    planned: all jobs.
    baseline: see `compare_runs.compare`.
    selection: see `compare_runs.compare`.
  """
  require_choice('--selection', selection, selections.HONEST)
  for job in planned:
    has = job.job.experiment.selections
    require(
      selection in has,
      f'{job.name} does not produce --selection={selection} '
      f'(available: {", ".join(has)})'
      + (
        "; give it protocol.validation='speaker'"
        if selection == 'validation'
        else ''
      ),
    )
  find_setting(baseline, {job.setting for job in planned})


def write(
  workdir: pathlib.Path,
  planned: Sequence[Planned],
  failed: Mapping[str, str],
  command: str,
  baseline: str = '',
  selection: str = 'last',
) -> str:
  """Compares the finished jobs; returns the final lines of the sweep.

  Args:
    workdir: folder of the sweep.
    planned: all jobs.
    failed: reasons of failed jobs by name.
    command: command line of the sweep.
    baseline: see `compare_runs.compare`.
    selection: likewise.
  """
  done = [job for job in planned if job.finished()]
  missing = [
    (job.name, failed.get(job.name, 'not finished'))
    for job in planned
    if job not in done
  ]
  lines = [f'  failed: {name}: {why}' for name, why in missing]
  if done:
    runs = [
      run for job in done for run in compare_runs.read_all(job.folder.path)
    ]
    # Of all that are planned: the jobs of the baseline may be among the failed.
    baseline = find_setting(baseline, {job.setting for job in planned})
    settings = {job.setting for job in done}
    content = compare_runs.compare(
      runs,
      list(planned[0].job.changes),
      baseline if baseline in settings else '',
      selection,
    )
    page = page_lib.write(workdir, content, command, missing)
    lines.insert(0, last_lines.summary_text(content, page))
  if missing:
    lines.append(
      f'{len(missing)} of {len(planned)} jobs failed; run the same command '
      'again to repeat them alone'
    )
  return '\n'.join(lines)


def compare(
  folders: Sequence[pathlib.Path],
  output: pathlib.Path,
  command: str,
  baseline: str = '',
  selection: str = 'last',
) -> str:
  """Compares runs, and the finished jobs of sweeps, by their folders.

  Raises:
    InputError: if a folder holds no results, or the runs cannot be compared.
  """
  content = compare_runs.compare(
    [
      run
      for path in run_folders(folders)
      for run in compare_runs.read_all(path)
    ],
    baseline=baseline,
    selection=selection,
  )
  page = page_lib.write(output, content, command)
  return last_lines.summary_text(content, page)


def run_folders(folders: Sequence[pathlib.Path]) -> list[pathlib.Path]:
  """Returns the folders of runs; of a sweep, those of its finished jobs.

  Raises:
    InputError: if a run is named twice, which would count as two seeds.
  """
  runs: list[pathlib.Path] = []
  for folder in folders:
    if (folder / 'sweep.json').exists():
      names = files.read_json(folder / 'sweep.json', ('jobs',), SWEEP)['jobs']
      runs += [
        folder / name
        for name in names
        if (folder / name / 'results.json').exists()
      ]
    else:
      runs.append(folder)
  seen: set[pathlib.Path] = set()
  for run in runs:
    require(
      run.resolve() not in seen,
      f'{run} is named twice, alone or in a sweep; name each run once',
    )
    seen.add(run.resolve())
  return runs
