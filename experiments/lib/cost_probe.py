"""Latency and memory of one bundle in a process of its own.

python -m experiments.lib.cost_probe FILE.safetensors THREADS REPEATS

Takes as many cores as threads, compiles, and runs one segment of noise again
and again; prints JSON.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

import jax
import numpy as np

from experiments.lib import cost_measured
from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common import machine
from sernet_jax.predict import bundle as bundle_lib
from sernet_jax.predict.bundle import Bundle

_TIMEOUT_S = 600
_FORGET_PEAK = pathlib.Path('/proc/self/clear_refs')


def at_duration(bundle: Bundle, duration_s: float) -> Bundle:
  """The same weights for segments of another length."""
  audio = AudioSpec(
    bundle.audio.sample_rate_hz, duration_s, bundle.audio.segments
  )
  return dataclasses.replace(bundle, audio=audio)


def probe(bundle: Bundle, threads: int, repeats: int) -> dict[str, Any]:
  """Returns what a fresh process measures of `bundle`.

  Returns:
    latency_ms: program -> median of `repeats`; 'network' from features,
      'chain' from the prepared waveform.
    least_ms: likewise, the shortest, which other work disturbs least.
    run_kib: most memory held in the first run beyond what was held before
      it, weights that it touches first included; None where the kernel
      cannot tell.
    process_mib: most memory of the whole process, Python, jax and the
      compiler included; None likewise.
  """
  with tempfile.TemporaryDirectory() as name:
    path = pathlib.Path(name) / 'model.safetensors'
    bundle_lib.save(path, bundle, 'float32')
    flags = os.environ.get('XLA_FLAGS', '')
    if threads == 1:
      flags += ' --xla_cpu_multi_thread_eigen=false'
    result = subprocess.run(
      [
        sys.executable,
        '-m',
        'experiments.lib.cost_probe',
        str(path),
        str(threads),
        str(repeats),
      ],
      capture_output=True,
      text=True,
      timeout=_TIMEOUT_S,
      cwd=pathlib.Path(__file__).parents[2],
      env={**os.environ, 'JAX_PLATFORMS': 'cpu', 'XLA_FLAGS': flags.strip()},
      check=False,
    )
  assert result.returncode == 0, result.stderr
  return json.loads(result.stdout.splitlines()[-1])


def main(argv: list[str]) -> None:
  """Runs the command; see the top of the file."""
  path, threads, repeats = argv[0], int(argv[1]), int(argv[2])
  machine.take_cores(threads)
  model = bundle_lib.load(pathlib.Path(path))
  latency_ms: dict[str, float] = {}
  least_ms: dict[str, float] = {}
  run_kib, peaks_kib = None, []
  for name, program in cost_measured.programs(model).items():
    if name == 'plain':
      continue
    run = jax.jit(program.function).lower(*program[1:]).compile()
    x = np.random.default_rng(0).normal(size=program.shape.shape, scale=0.1)
    x = jax.device_put(x.astype(np.float32))
    peaks_kib += (
      [machine.status_kib('VmHWM')] if machine.STATUS.exists() else []
    )
    before = machine.status_kib('VmRSS') if _forget_peak() else None
    times = []
    for number in range(repeats):
      start = time.perf_counter()
      run(program.weights, x).block_until_ready()
      times.append(time.perf_counter() - start)
      if not number and name == 'network' and before is not None:
        run_kib = machine.status_kib('VmHWM') - before
    latency_ms[name] = 1e3 * statistics.median(times)
    least_ms[name] = 1e3 * min(times)
  print(
    json.dumps(
      {
        'latency_ms': latency_ms,
        'least_ms': least_ms,
        'run_kib': run_kib,
        'process_mib': max(peaks_kib) / 1024 if peaks_kib else None,
      }
    )
  )


def _forget_peak() -> bool:
  """Starts the count of VmHWM anew; False where the kernel has no such."""
  try:
    _FORGET_PEAK.write_text('5')
  except OSError:
    return False
  return True


if __name__ == '__main__':
  main(sys.argv[1:])
