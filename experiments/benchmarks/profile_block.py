r"""Profiles a training block.

  python experiments/benchmarks/profile_block.py --out=/tmp/trace
  python experiments/benchmarks/profile_block.py --mapping=vmap --folds=10

Compiles a block of Light-SERNet (batch 32, 3 s) as a run does, calls it once
more under JAX's profiler, lists what took the most time and says where the
trace lies. Open it with https://ui.perfetto.dev.
"""

from __future__ import annotations

import argparse
import collections
import gzip
import json
import pathlib
import re
from typing import Any

MOST = 20


def kernels(folder: pathlib.Path, most: int = MOST) -> list[dict[str, Any]]:
  """Kernels of a trace, the longest first.

  Args:
    folder: that `jax.profiler.trace` wrote.
    most: how many to list.

  Returns:
    `name` of a kernel or of an operation of XLA without its number, `ms` and
    `calls` altogether, and its `share` of the time of all. Streams of a device
    if the trace has some, otherwise the threads of the host.
  """
  found: dict[str, list[float]] = collections.defaultdict(list)
  for path in sorted(folder.rglob('*.trace.json.gz')):
    if path.name.startswith('perfetto'):
      continue  # the same again
    with gzip.open(path) as file:
      events = json.load(file)['traceEvents']
    streams = {
      (event['pid'], event['tid'])
      for event in events
      if event.get('name') == 'thread_name'
      and event['args']['name'].startswith('Stream')
    }
    for event in events:
      if 'hlo_op' not in event.get('args', ()) or 'dur' not in event:
        continue
      if not streams or (event['pid'], event['tid']) in streams:
        name = re.sub(r'([._]\d+)+$', '', event['name'])
        found[name].append(event['dur'])
  total = sum(map(sum, found.values()))
  rows = [
    {
      'name': name,
      'ms': sum(times) / 1e3,
      'calls': len(times),
      'share': sum(times) / total,
    }
    for name, times in found.items()
  ]
  return sorted(rows, key=lambda row: -row['ms'])[:most]


def main() -> None:
  """Runs the command; see the top of the file."""
  import fold_mapping
  import jax

  parser = argparse.ArgumentParser()
  parser.add_argument('--mapping', default='map', help='map, vmap or shard')
  parser.add_argument('--folds', type=int, default=1)
  parser.add_argument('--steps', type=int, default=2)
  parser.add_argument('--out', default='/tmp/trace')
  flags = parser.parse_args()
  call = fold_mapping.mapped(flags.mapping, flags.folds, flags.steps)
  with jax.profiler.trace(flags.out, create_perfetto_trace=True):
    call()
  for row in kernels(pathlib.Path(flags.out)):
    print(
      f'{row["ms"]:9.1f} ms {100 * row["share"]:5.1f} % {row["calls"]:7} x '
      f'{row["name"]}'
    )
  for path in sorted(pathlib.Path(flags.out).rglob('perfetto_trace.json.gz')):
    print(path)


if __name__ == '__main__':
  main()
