r"""Where does the time of a training block go?

  python experiments/benchmarks/profile_block.py --out=/tmp/trace
  python experiments/benchmarks/profile_block.py --mapping=vmap --folds=10

Compiles a block of Light-SERNet (batch 32, 3 s) as a run does, calls it once
more under JAX's profiler and says where the trace lies. Open it with
https://ui.perfetto.dev.
"""

from __future__ import annotations

import argparse
import pathlib

import fold_mapping
import jax


def main() -> None:
  """See the text of the file."""
  parser = argparse.ArgumentParser()
  parser.add_argument('--mapping', default='map', help='map, vmap or shard')
  parser.add_argument('--folds', type=int, default=1)
  parser.add_argument('--steps', type=int, default=2)
  parser.add_argument('--out', default='/tmp/trace')
  flags = parser.parse_args()
  call = fold_mapping.mapped(flags.mapping, flags.folds, flags.steps)
  with jax.profiler.trace(flags.out, create_perfetto_trace=True):
    call()
  for path in sorted(pathlib.Path(flags.out).rglob('perfetto_trace.json.gz')):
    print(path)


if __name__ == '__main__':
  main()
