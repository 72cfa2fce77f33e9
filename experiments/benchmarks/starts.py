"""Times how long commands take to start.

  python -m experiments.benchmarks.starts
  python -m experiments.benchmarks.starts --beside=CHECKOUT

Each command is a process of its own, all take turns in each round; seconds are
by the clock and of CPU, and only the latter say something on a machine that
does other work too. The recording has 3 s. 'first' has an empty cache of
compiled programs, the others the one that the rounds fill. With --beside the
commands of another checkout, such as of an older commit, take turns with those
of this one, and the file has ratios of their CPU seconds. Writes starts.json,
the table of the page on speed and a line of the history.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import statistics
import sys
import tempfile
import time
import wave
from typing import Any

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
PAGE = ROOT / 'docs' / 'speed.md'
RATE_HZ = 16_000
SECONDS = 3
# Name -> arguments of Python; {wav} is the recording.
COMMANDS = {
  'python': ['-c', 'pass'],
  'numpy': ['-c', 'import numpy'],
  'jax': ['-c', 'import jax.numpy'],
  'sernet --help': ['-m', 'sernet_jax', '--help'],
  'predict --help': ['-m', 'sernet_jax.predict', '--help'],
  'stream --help': ['-m', 'sernet_jax.stream', '--help'],
  'export --help': ['-m', 'sernet_jax.export', '--help'],
  'main --help': ['-m', 'sernet_jax.main', '--help'],
  'download --help': ['-m', 'sernet_jax.download', '--help'],
  'cross --help': ['-m', 'sernet_jax.cross', '--help'],
  'demo --help': ['-m', 'sernet_jax.demo', '--help'],
  'predict': ['-m', 'sernet_jax.predict', '{wav}'],
  'predict, first': ['-m', 'sernet_jax.predict', '{wav}'],
  'stream': ['-m', 'sernet_jax.stream'],
}
_OF_OTHERS = ('python', 'numpy', 'jax')


def main() -> None:
  """Runs the rounds, prints medians and writes them beside this file."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--rounds', type=int, default=5)
  parser.add_argument('--beside', type=pathlib.Path, default=None)
  args = parser.parse_args()
  roots = {'here': ROOT}
  if args.beside:
    roots['beside'] = args.beside.resolve()
  found: dict[str, dict[str, list[dict[str, float]]]] = {}
  with tempfile.TemporaryDirectory() as scratch:
    folder = pathlib.Path(scratch)
    _record(folder)
    for number in range(args.rounds + 1):
      for name in COMMANDS:
        for where, root in roots.items():
          if where == 'beside' and name in _OF_OTHERS:
            continue
          times = _timed(name, root, folder, f'{where} {number}')
          if number:  # the first round fills caches, of files too
            found.setdefault(where, {}).setdefault(name, []).append(times)
  content = summary(found)
  # Last, as these load JAX, and processes are started by a small one.
  from experiments.benchmarks import history
  from experiments.lib import markdown

  content |= history.where('starts')
  (HERE / 'starts.json').write_text(json.dumps(content, indent=2) + '\n')
  markdown.fill(PAGE, 'starts', table(content))
  history.append('starts', content, HERE / 'history.jsonl')
  print(table(content))


def summary(
  found: dict[str, dict[str, list[dict[str, float]]]],
) -> dict[str, Any]:
  """Medians of each command, and ratios of CPU seconds to the other checkout."""
  medians = {
    where: {
      name: {
        key: round(statistics.median(run[key] for run in runs), 3)
        for key in runs[0]
      }
      for name, runs in commands.items()
    }
    for where, commands in found.items()
  }
  content: dict[str, Any] = {
    'rounds': len(found['here']['python']),
    'medians': medians['here'],
  }
  if 'beside' in medians:
    content['medians of the other checkout'] = medians['beside']
    content['ratios of CPU seconds'] = {
      name: round(medians['here'][name]['cpu_s'] / other['cpu_s'], 3)
      for name, other in medians['beside'].items()
    }
  return content


def table(content: dict[str, Any]) -> str:
  """The medians as a Markdown table."""
  from experiments.lib import markdown

  others = content.get('medians of the other checkout', {})
  header = ['command', 'CPU s', 's', 'peak MiB']
  if others:
    header += ['CPU s before', 's before', 'peak MiB before']
  rows = []
  for name, own in content['medians'].items():
    row = _cells(own)
    if others:
      row += _cells(others[name]) if name in others else [''] * 3
    rows.append([f'`{name}`', *row])
  return markdown.table(header, rows)


def _cells(medians: dict[str, float]) -> list[str]:
  return [
    f'{medians["cpu_s"]:.2f}',
    f'{medians["wall_s"]:.2f}',
    f'{medians["peak_mib"]:.0f}',
  ]


def _record(folder: pathlib.Path) -> None:
  """Writes a buzz of 3 s as a WAV file and as raw samples."""
  samples = b''.join(
    ((n * n // 40 + 97 * (n % 160)) % 16_384 - 8_192).to_bytes(
      2, 'little', signed=True
    )
    for n in range(RATE_HZ * SECONDS)
  )
  (folder / 'a.raw').write_bytes(samples)
  with wave.open(str(folder / 'a.wav'), 'wb') as file:
    file.setnchannels(1)
    file.setsampwidth(2)
    file.setframerate(RATE_HZ)
    file.writeframes(samples)


def _timed(
  name: str, root: pathlib.Path, folder: pathlib.Path, turn: str
) -> dict[str, float]:
  """Seconds by the clock and of CPU, and peak memory, of one process."""
  own = f'{turn} first' if name.endswith('first') else turn.split()[0]
  environment = {
    **os.environ,
    'PYTHONPATH': str(root),
    'SERNET_CACHE': str(folder / own),
  }
  environment.pop('JAX_COMPILATION_CACHE_DIR', None)
  words = [text.format(wav=folder / 'a.wav') for text in COMMANDS[name]]
  start = time.perf_counter()
  child = os.posix_spawn(
    sys.executable,
    [sys.executable, '-P', *words],  # not the current folder first
    environment,
    file_actions=[
      (os.POSIX_SPAWN_OPEN, 0, str(folder / 'a.raw'), os.O_RDONLY, 0),
      (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
      (os.POSIX_SPAWN_OPEN, 2, str(folder / 'err'), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
    ],
  )  # fmt: skip
  _, status, used = os.wait4(child, 0)
  wall_s = time.perf_counter() - start
  if os.waitstatus_to_exitcode(status):
    sys.exit(f'{name} failed in {root}:\n' + (folder / 'err').read_text())
  return {
    'wall_s': wall_s,
    'cpu_s': used.ru_utime + used.ru_stime,
    'peak_mib': used.ru_maxrss / 1024,
  }


if __name__ == '__main__':
  main()
