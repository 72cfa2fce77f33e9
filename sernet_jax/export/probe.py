"""Runs a model file in a process of its own, for `export.checking`.

python -m sernet_jax.export.probe FILE WAVEFORMS.npy OUT.npy THREADS REPEATS

Takes as many cores as threads, runs the first waveform alone again and again,
notes the peak of memory, then runs all waveforms, and prints JSON.
"""

from __future__ import annotations

import json
import pathlib
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

from sernet_jax.common import machine
from sernet_jax.predict.sessions.waveform import BATCH


def main(argv: list[str]) -> None:
  """Runs the command; OUT may be '' for no probabilities."""
  path = pathlib.Path(argv[0])
  waveforms, out = np.load(argv[1], mmap_mode='r'), argv[2]
  threads, repeats = int(argv[3]), int(argv[4])
  machine.take_cores(threads)
  start = time.perf_counter()
  run = _runner(path, threads)
  first = np.array(waveforms[:1])
  run(first)
  load_s = time.perf_counter() - start
  times = []
  for _ in range(repeats):
    start = time.perf_counter()
    run(first)
    times.append(time.perf_counter() - start)
  report = {
    'load_s': load_s,
    'latency_ms': 1e3 * statistics.median(times),
    'peak_memory_mib': machine.peak_mib(),
  }
  if out:
    rows = [
      run(np.array(waveforms[i : i + BATCH]))
      for i in range(0, len(waveforms), BATCH)
    ]
    np.save(out, np.concatenate(rows))
  print(json.dumps(report))


def _runner(
  path: pathlib.Path, threads: int
) -> Callable[[np.ndarray], np.ndarray]:
  """Opens the file; loads the library of its format alone."""
  if path.suffix == '.safetensors':
    from sernet_jax.predict import bundle, recognizer

    return recognizer.Recognizer([bundle.load(path)])
  from sernet_jax.predict.sessions import formats

  return formats.session(path, path.read_bytes(), threads)


if __name__ == '__main__':
  main(sys.argv[1:])
