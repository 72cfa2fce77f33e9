"""Measures what holds the memory of a training.

  python -m experiments.benchmarks.memory

A process that compiles and runs training steps of 32 segments of 3 s, as
`step.py` does, and notes what it holds and has held at most after each stage
(Linux only), and what XLA says that the program needs. Writes memory.json, the
table of the page on speed and a line of the history.
"""

from __future__ import annotations

import json
import pathlib
import sys
from typing import Any

from sernet_jax.common import machine

HERE = pathlib.Path(__file__).parent
PAGE = HERE.parents[1] / 'docs' / 'speed.md'


def main() -> None:
  """Runs the stages in a row, and writes."""
  stages: dict[str, dict[str, float]] = {}

  def note(stage: str) -> None:
    stages[stage] = {
      'held_mib': round(machine.status_kib('VmRSS') / 1024),
      'peak_mib': round(machine.peak_mib()),
    }
    # The next peak begins here.
    pathlib.Path('/proc/self/clear_refs').write_text('5')

  import jax

  sys.path.append(str(HERE))
  import history
  import step

  from experiments.lib import markdown

  given = step.example()
  note('libraries')
  program, state = step.compiled_and_state(*given)
  note('compiling')
  machine.give_back_memory()
  note('after `give_back_memory`')
  jax.block_until_ready(program(state))
  note('training')
  needs = program.memory_analysis()
  content: dict[str, Any] = {
    'stages': stages,
    'program_temporary_mib': needs.temp_size_in_bytes / (1 << 20),
    'program_arguments_mib': needs.argument_size_in_bytes / (1 << 20),
    **history.where('memory'),
  }
  (HERE / 'memory.json').write_text(json.dumps(content, indent=2) + '\n')
  markdown.fill(PAGE, 'memory', table(content))
  history.append('memory', content, HERE / 'history.jsonl')
  print(table(content))


def table(content: dict[str, Any]) -> str:
  """The stages as a Markdown table."""
  from experiments.lib import markdown

  rows = [
    [stage, f'{found["held_mib"]:.0f}', f'{found["peak_mib"]:.0f}']
    for stage, found in content['stages'].items()
  ]
  temporary = content['program_temporary_mib']
  rows.append(['temporary arrays of the program', f'{temporary:.0f}', None])
  return markdown.table(['stage', 'held, MiB', 'peak, MiB'], rows)


if __name__ == '__main__':
  if sys.argv[1:]:
    print(__doc__)
  else:
    main()
