"""Processes that each run a mode of `peer_modes.py` and are asked for times.

Started by `peers.py`, with a mode's name, a file of inputs and cores.
"""

from __future__ import annotations

import importlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import numpy as np
import peer_modes

from sernet_jax.common import machine

BATCH = 32
PAUSE_S = 0.2
TRAINING = ('train', 'one_core')


def work(name: str, inputs: str, cores: list[int]) -> None:
  """A peer's process: answers one line of JSON for each it is given."""
  os.sched_setaffinity(0, cores)
  data = dict(np.load(inputs))
  weights = {k[2:]: v for k, v in data.items() if k.startswith('w/')}
  mode = peer_modes.MODES[name]
  twin_class = importlib.import_module(mode.twin).Twin
  if name in peer_modes.FILES:
    path = pathlib.Path(inputs).parent / peer_modes.FILES[name]
    twin = twin_class(path, data['waveforms'], len(cores))
  else:
    twin = twin_class(
      *(weights, data['x'], data['y'], data['waveforms'], len(cores)),
      **mode.options,
    )
  for line in sys.stdin:
    task, count = json.loads(line)
    clock = time.process_time if task == 'one_core' else time.perf_counter
    start = clock()
    if task == 'check':
      answer = twin.infer(BATCH).tolist()
    elif task == 'memory':
      answer = machine.peak_mib()
    elif task == 'rested_1':
      answer = statistics.median(rested(twin) for _ in range(count))
    else:
      if task in TRAINING:
        twin.steps(count)
      else:
        kind, _, size = task.partition('_')
        call = twin.classify if kind == 'given' else twin.infer
        for _ in range(count):
          call(int(size))
      answer = (clock() - start) / count
    print(json.dumps({'answer': answer}), flush=True)


def rested(twin) -> float:
  """Seconds of a call after a pause."""
  time.sleep(PAUSE_S)
  start = time.perf_counter()
  twin.infer(1)
  return time.perf_counter() - start


class Peer:
  """A process that does what it is told."""

  def __init__(self, name: str, inputs: pathlib.Path, cores: list[int]):
    environment = {**os.environ, 'OMP_NUM_THREADS': str(len(cores))}
    environment['TF_CPP_MIN_LOG_LEVEL'] = '3'
    if len(cores) == 1:
      environment['XLA_FLAGS'] = '--xla_cpu_multi_thread_eigen=false'
    places = ','.join(map(str, cores))
    self.process = subprocess.Popen(
      [sys.executable, __file__, name, str(inputs), places],
      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
      env=environment,
    )  # fmt: skip

  def tell(self, task: str, count: int = 1) -> None:
    """Starts a task."""
    self.process.stdin.write(json.dumps([task, count]) + '\n')
    self.process.stdin.flush()

  def hear(self):
    """Waits for what the task answers."""
    for line in self.process.stdout:
      if line.startswith('{"answer"'):
        return json.loads(line)['answer']
    raise SystemExit(f'a peer ended with code {self.process.wait()}')

  def end(self) -> None:
    """Ends the process."""
    self.process.kill()
    self.process.wait()

  def ask(self, task: str, count: int = 1):
    """Starts a task and waits."""
    self.tell(task, count)
    return self.hear()

  def turn(self, task: str, count: int) -> float:
    """Seconds per call of a task."""
    if task != 'asked_1':
      return self.ask(task, count)
    return statistics.median(self.ask_rested('infer_1') for _ in range(count))

  def ask_rested(self, task: str):
    """Starts a task after a pause, once, and waits."""
    time.sleep(PAUSE_S)
    return self.ask(task)


if __name__ == '__main__':
  work(sys.argv[1], sys.argv[2], [int(core) for core in sys.argv[3].split(',')])
