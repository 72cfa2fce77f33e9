"""Times the first and the second call from Python.

  python experiments/benchmarks/first_call.py

Each repetition is a fresh process that times, in a row: `import sernet_jax` and
`load()`, the first and second call with 3 s of sound (one window), the first
and second with 30 s (28 windows, another program). Without JAX's cache of
compiled programs, and with one that holds them.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
PROGRAM = """
import json, time
def now():
  return time.perf_counter(), time.process_time()
def since(start):
  return [there - here for there, here in zip(now(), start)]
start = now()
import sernet_jax
predictor = sernet_jax.load()
times = {'load': since(start)}
import numpy as np
random = np.random.default_rng(0)
for seconds in (3, 30):
  samples = random.uniform(-0.5, 0.5, 16_000 * seconds)
  for call in ('first', 'second'):
    start = now()
    predictor.predict(samples, 16_000)
    times[f'{call} call, {seconds} s'] = since(start)
print(json.dumps(times))
"""


def main() -> None:
  """Runs the processes, prints medians and writes them beside this file."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--repetitions', type=int, default=5)
  args = parser.parse_args()
  found = {
    'without a cache': [_times('') for _ in range(args.repetitions)],
  }
  with tempfile.TemporaryDirectory() as cache:
    _times(cache)
    found['with a cache'] = [_times(cache) for _ in range(args.repetitions)]
  medians = {
    kind: {
      name: [
        round(statistics.median(each), 3)
        for each in zip(*(run[name] for run in runs), strict=True)
      ]
      for name in runs[0]
    }
    for kind, runs in found.items()
  }
  content = {
    'wall and CPU seconds': medians,
    'cores': len(os.sched_getaffinity(0)),
  }
  print(json.dumps(content, indent=2))
  (HERE / 'first_call.json').write_text(json.dumps(content, indent=2) + '\n')


def _times(cache: str) -> dict[str, list[float]]:
  """Seconds of each step of one process, on the wall and of CPU."""
  environment = {**os.environ, 'JAX_COMPILATION_CACHE_DIR': cache}
  environment['JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS'] = '0'
  if not cache:
    environment['JAX_ENABLE_COMPILATION_CACHE'] = 'false'
  done = subprocess.run(
    [sys.executable, '-c', PROGRAM],
    env=environment,
    check=True,
    capture_output=True,
    text=True,
  )
  return json.loads(done.stdout)


if __name__ == '__main__':
  main()
