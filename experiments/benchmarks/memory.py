"""Measures what holds the memory of a training.

  python -m experiments.benchmarks.memory

A process that compiles and runs training steps of 32 segments of 3 s, as
`step.py` does, and notes what it holds and has held at most after each stage
(Linux only), and what XLA says that the program needs; then another one, which
finds the compiled program in JAX's cache, as every training but the first does.
Writes memory.json, the table of the page on speed and a line of the history.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import tempfile
from typing import Any

from sernet_jax.common import machine

HERE = pathlib.Path(__file__).parent
PAGE = HERE.parents[1] / 'docs' / 'speed.md'
_ONE = '--stages'  # what the process that is measured is called with


def stages() -> dict[str, Any]:
  """Runs the stages in a row, in this process."""
  found: dict[str, dict[str, float]] = {}

  def note(stage: str) -> None:
    found[stage] = {
      'held_mib': round(machine.status_kib('VmRSS') / 1024),
      'peak_mib': round(machine.peak_mib()),
    }
    # The next peak begins here.
    pathlib.Path('/proc/self/clear_refs').write_text('5')

  import jax

  sys.path.append(str(HERE))
  import step

  given = step.example()
  note('libraries')
  program, state = step.compiled_and_state(*given)
  note('compiling')
  machine.give_back_memory()
  note('after `give_back_memory`')
  jax.block_until_ready(program(state))
  note('training')
  needs = program.memory_analysis()
  return {
    'stages': found,
    'program_temporary_mib': needs.temp_size_in_bytes / (1 << 20),
    'program_arguments_mib': needs.argument_size_in_bytes / (1 << 20),
  }


def process(cache: str) -> dict[str, Any]:
  """Runs the stages in a process of their own, with a cache of programs."""
  finished = subprocess.run(
    [sys.executable, '-m', 'experiments.benchmarks.memory', _ONE],
    env=os.environ
    | {
      'JAX_COMPILATION_CACHE_DIR': cache,
      'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': '0',
      'JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES': '-1',
    },
    cwd=HERE.parents[1],
    stdout=subprocess.PIPE,
    check=True,
    text=True,
  )
  found: dict[str, Any] = json.loads(finished.stdout)
  return found


def main() -> None:
  """Measures both processes, and writes."""
  sys.path.append(str(HERE))
  import history

  from experiments.lib import markdown

  with tempfile.TemporaryDirectory() as cache:
    first, again = process(cache), process(cache)
  content = {
    **first,
    'stages_again': again['stages'],
    **history.where('memory'),
  }
  (HERE / 'memory.json').write_text(json.dumps(content, indent=2) + '\n')
  markdown.fill(PAGE, 'memory', table(content))
  history.append('memory', content, HERE / 'history.jsonl')
  print(table(content))


def table(content: dict[str, Any]) -> str:
  """The stages of both processes as a Markdown table."""
  from experiments.lib import markdown

  rows = [
    [
      stage,
      *(
        f'{content[name][stage][field]:.0f}'
        for name in ('stages', 'stages_again')
        for field in ('held_mib', 'peak_mib')
      ),
    ]
    for stage in content['stages']
  ]
  temporary = content['program_temporary_mib']
  rows.append(
    ['temporary arrays of the program', f'{temporary:.0f}', None, None, None]
  )
  return markdown.table(
    [
      'stage',
      'held, MiB',
      'peak, MiB',
      'held, program kept from before',
      'peak, program kept from before',
    ],
    rows,
  )


if __name__ == '__main__':
  if sys.argv[1:] == [_ONE]:
    print(json.dumps(stages()))
  elif sys.argv[1:]:
    print(__doc__)
  else:
    main()
