"""Times the estimates of a stream: the median and the worst.

  python experiments/benchmarks/stream.py [--model=...] [--hours=1]
    [--hop_s=1] [--output=stream.json]

An hour of made-up sound (or --sound, raw 16-bit mono at the model's rate) is
fed as fast as it is taken. The latency of a hop is the time from handing over
the piece that fills a window to its estimate: what a listener waits after the
sound is there. A stream keeps up as long as that is shorter than the hop.
Printed and stored: median, 99th percentile, the longest stall, the share of
real time that the work takes, and the growth of memory from the tenth part of
the hour to its end.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import pathlib
import platform
import resource
import time

import jax
import numpy as np

from sernet_jax.predict import live, models

_PIECE_S = 0.1


def pieces(path: str, rate_hz: int, hours: float):
  """Samples float32 in pieces of a tenth of a second."""
  size = round(_PIECE_S * rate_hz)
  count = round(hours * 3600 / _PIECE_S)
  random = np.random.default_rng(0)
  with contextlib.ExitStack() as stack:
    # Read, not mapped: mapped pages would count as memory of the stream.
    file = stack.enter_context(pathlib.Path(path).open('rb')) if path else None
    for _ in range(count):
      if file is None:
        yield 0.1 * random.normal(size=size).astype(np.float32)
        continue
      raw = file.read(2 * size)
      if len(raw) < 2 * size:  # from its start again
        file.seek(0)
        raw = file.read(2 * size)
      yield np.frombuffer(raw, '<i2').astype(np.float32) / 32_768


class Timed:
  """Notes when each piece was handed over."""

  def __init__(self, source):
    self.source, self.at = source, 0.0

  def __iter__(self):
    for piece in self.source:
      self.at = time.perf_counter()
      yield piece


def main() -> None:
  """Measures, prints and stores."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--model', default='')
  parser.add_argument('--sound', default='')
  parser.add_argument('--hours', type=float, default=1.0)
  parser.add_argument('--hop_s', type=float, default=1.0)
  parser.add_argument('--output', default='')
  args = parser.parse_args()
  model = models.load(args.model)
  rate_hz = model.audio.sample_rate_hz
  model(np.zeros((1, model.audio.num_samples), np.float32))  # compiles
  timed = Timed(pieces(args.sound, rate_hz, args.hours))
  seconds, peaks = [], []
  begin = time.perf_counter()
  for _ in live.estimates(timed, model, rate_hz, args.hop_s):
    seconds.append(time.perf_counter() - timed.at)
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
  total_s = time.perf_counter() - begin
  found = {
    'estimates': len(seconds),
    'median_ms': 1e3 * float(np.median(seconds)),
    'p99_ms': 1e3 * float(np.percentile(seconds, 99)),
    'longest_ms': 1e3 * max(seconds),
    'longer_than_hop': int(np.sum(np.array(seconds) > args.hop_s)),
    'share_of_real_time': total_s / (args.hours * 3600),
    'peak_mib': peaks[-1],
    'growth_mib': peaks[-1] - peaks[len(peaks) // 10],
    'hours': args.hours,
    'hop_s': args.hop_s,
    'sound': pathlib.Path(args.sound).name or 'noise',
    'model': model.name,
    'jax': jax.__version__,
    'device': str(jax.devices()[0]),
    'machine': platform.processor() or platform.machine(),
  }
  print(json.dumps(found, indent=2))
  if args.output:
    pathlib.Path(args.output).write_text(json.dumps(found, indent=2) + '\n')


if __name__ == '__main__':
  main()
