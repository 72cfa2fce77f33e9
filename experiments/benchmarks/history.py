r"""Adds a benchmark's figures to the history, or shows it.

  python experiments/benchmarks/step.py && \
    python experiments/benchmarks/history.py step
  python experiments/benchmarks/history.py            # shows all lines

One line of history.jsonl for each time a benchmark was run: which commit, on
what machine, and every figure of BENCHMARK.json whose name has one of `_WORDS`
in it and is not a least or most. Commit, date and machine are those that the file
names, so that old figures are not taken for new ones; a file that the history
has already is refused. Seconds compare on one machine only; ratios travel. Kept
in the repository, so that a contributor sees what a change did.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
from collections.abc import Iterator
from typing import Any

from sernet_jax.results import environment

HERE = pathlib.Path(__file__).parent
HISTORY = HERE / 'history.jsonl'
_WORDS = (
  'ratio',
  'ours_to_this',
  'median',
  '_s',
  '.ms',
  '_ms',
  'speed',
  'times_real_time',
  '_mb',
  '_mib',
  'efficiency',
)
_EXTREMES = ('least_s', 'ms_least', 'ms_most')
_ABOUT = ('date', 'git_commit', 'cpu', 'cores', 'devices', 'xla_flags')


def where(benchmark: str) -> dict[str, Any]:
  """When and on what a benchmark runs: what its file says beside figures."""
  import jax

  machine = environment.record(jax.devices(), benchmark)
  return {name: machine[name] for name in (*_ABOUT, 'packages')}


def figures(content: Any, path: str = '') -> Iterator[tuple[str, float]]:
  """(name, number) of all figures, with the names of the sections before."""
  if isinstance(content, dict):
    for name, value in content.items():
      yield from figures(value, f'{path}.{name}' if path else name)
  elif (
    isinstance(content, int | float)
    and any(word in path for word in _WORDS)
    and not path.endswith(_EXTREMES)
  ):
    yield path, float(content)


def append(
  benchmark: str, result: dict[str, Any], history: pathlib.Path = HISTORY
) -> dict[str, Any]:
  """Adds one line and returns it.

  Args:
    benchmark: its name.
    result: what it measured, when and where.
    history: the file.

  Raises:
    SystemExit: if it does not say when, or the history has this line.
  """
  if 'date' not in result:
    sys.exit(
      f'{benchmark}.json does not say when and where it was measured, so the '
      'benchmark did not end; run it again'
    )
  row = {
    'benchmark': benchmark,
    **{name: result.get(name) for name in _ABOUT},
    'jax': result.get('packages', {}).get('jax'),
    'figures': dict(figures(result)),
  }
  for other in _rows(history):
    if (other['benchmark'], other['figures']) == (benchmark, row['figures']):
      sys.exit(
        f'{history} has these figures of {benchmark} from {other["date"]}; run '
        'the benchmark again first'
      )
  with history.open('a', encoding='utf-8') as file:
    file.write(json.dumps(row) + '\n')
  return row


def _rows(history: pathlib.Path) -> list[dict[str, Any]]:
  if not history.exists():
    return []
  return [json.loads(line) for line in history.read_text().splitlines()]


def show(history: pathlib.Path = HISTORY) -> str:
  """One line of text per line of the history."""
  if not history.exists():
    return f'{history} has no line yet; see the text of this file'
  lines = []
  for row in _rows(history):
    found = ', '.join(f'{k} {v:.4g}' for k, v in row['figures'].items())
    commit = (row['git_commit'] or 'unknown')[:8]
    lines.append(f'{row["date"][:10]} {commit} {row["benchmark"]}: {found}')
  return '\n'.join(lines)


def main(names: list[str]) -> None:
  """Runs the command; see the top of the file."""
  for name in names:
    path = HERE / f'{name}.json'
    if not path.exists():
      sys.exit(f'{path} is missing; run {HERE / name}.py first')
    append(name, json.loads(path.read_text()), HISTORY)
  print(show(HISTORY))


if __name__ == '__main__':
  parser = argparse.ArgumentParser(
    description='Add a line for each benchmark named, and show the history.'
  )
  parser.add_argument(
    'names', nargs='*', help='of benchmarks that were run, e.g. step'
  )
  main(parser.parse_args().names)
