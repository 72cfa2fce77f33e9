"""Times Light-SERNet here and in other frameworks.

  pip install -e '.[bench]' && python experiments/benchmarks/peers.py

The peers: the same network in PyTorch and in Keras/TensorFlow, each as it is
written, compiled, in bfloat16 and both (`peer_modes.py`), and our exported
files in ONNX Runtime and LiteRT. Every peer is its own process with the same
weights, batch and waveforms. First all must give the same probabilities (1e-4;
2e-2 in bfloat16); then they take turns, round after round, so that a busy
machine treats all alike:

  start      seconds from the start of a process to the probabilities of one
             utterance; programs that were compiled before come from a cache
  infer_1,   waveform to probabilities, batch 1 and 32, seconds per call, call
  infer_32   after call
  given_32   the same from features that are given; ours from the waveform
  asked_1    a single call of one utterance, after 0.2 s without work, when
             another process asks for it, as in a service
  rested_1   the same when the process itself has slept: how its threads wake
             then decides more than what they do
  train      seconds per step: forward, backward, update; batch 32, 3 s; one
             process that has all cores (ours cuts the batch over them, as
             train.fold_mapping=shard does; others by threads)
  one_core   the same in a process that has one core, as each fold of a run
             over folds can be done; CPU seconds per step

A mode whose call takes more than SLOW_S takes part once. The least of the
turns, medians, ratios of both (below 1: we are faster), peak memory and the
surroundings go to peers.json and peers.png beside this file, and two tables to
the page on speed. These have the least: other work on the machine slows threads
that wait for each other, as those of OpenMP do, many times more than others. Compiling
takes longer than measuring: --tasks=train measures less, and --merge keeps what
the file has of other tasks. TORCHINDUCTOR_CACHE_DIR and
JAX_COMPILATION_CACHE_DIR keep compiled programs.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any

import numpy as np
import peer_modes
import peer_processes
import peer_tables

from sernet_jax.common import machine

HERE = pathlib.Path(__file__).parent
BATCH = peer_processes.BATCH
OURS = peer_modes.OURS
SLOW_S = 4.0
# Task -> calls in a turn.
RECOGNIZING = {
  'infer_1': 50,
  'asked_1': 5,
  'rested_1': 5,
  'infer_32': 3,
  'given_32': 3,
}
TRAINING = dict.fromkeys(peer_processes.TRAINING, 2)
TASKS = ('start', *RECOGNIZING, *TRAINING)
PAGE = HERE.parents[1] / 'docs' / 'speed.md'


Seconds = dict[str, list[float]]


def make_inputs(path: pathlib.Path) -> dict[str, np.ndarray]:
  """Weights, a batch and waveforms, the same for all."""
  import jax

  from sernet_jax.audio import segments
  from sernet_jax.nn import interop, model
  from sernet_jax.nn.spec import ModelSpec

  random = np.random.default_rng(0)
  params, stats = jax.tree.map(
    np.asarray, model.init(jax.random.key(0), ModelSpec())
  )
  weights = {
    name: (stats if array in ('mean', 'variance') else params)[layer][array]
    for (layer, array), name in interop.keras_names().items()
  }
  time_s = np.arange(48_000) / 16_000
  pitch_hz = random.uniform(80, 300, (BATCH, 1))
  raw = 0.3 * np.sign(np.sin(2 * np.pi * pitch_hz * time_s))
  raw += random.normal(size=raw.shape) * 0.1
  waveforms = np.stack([segments.prepare(w, w.size) for w in raw])
  np.savez(
    path,
    x=random.normal(size=(BATCH, 184, 40, 1)).astype(np.float32),
    y=random.integers(0, 7, BATCH),
    waveforms=waveforms,
    **{f'w/{name}': value for name, value in weights.items()},
  )
  return weights


def make_files(folder: pathlib.Path, weights, names: list[str]) -> None:
  """The network as files of the other runtimes."""
  import twin_jax

  from sernet_jax.export import writing

  for name in peer_modes.FILES.keys() & set(names):
    path = folder / peer_modes.FILES[name]
    kind = {'.onnx': 'onnx', '.tflite': 'tflite'}[path.suffix]
    writing.write(path, twin_jax.bundle(weights), kind, 'fp32')


def main() -> None:
  """Checks, measures in turns, prints and stores."""
  others = [name for name in peer_modes.MODES if name != OURS]
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--peers', default=','.join(others))
  parser.add_argument('--tasks', default=','.join(TASKS))
  parser.add_argument('--rounds', type=int, default=9)
  parser.add_argument('--merge', action='store_true')
  parser.add_argument('--output', default=str(HERE / 'peers'))
  arguments = parser.parse_args()
  sys.path.append(str(HERE.parents[1]))  # for experiments.lib
  names = [OURS, *filter(None, arguments.peers.split(','))]
  merge = arguments.merge
  for found in measure(names, arguments.tasks.split(','), arguments.rounds):
    # After each task, so that an end keeps what there is.
    peer_tables.store(found, pathlib.Path(arguments.output), merge, PAGE)
    merge = True


def measure(
  names: list[str], tasks: list[str], count: int
) -> Iterator[dict[str, Any]]:
  """Runs the tasks, each with all peers in turns.

  Args:
    names: keys of `MODES`.
    tasks: of `TASKS`.
    count: rounds.

  Yields:
    Of each task 'seconds': task -> name -> one for each round; 'memory_mib':
    'start' or 'train' -> name -> peak; 'furthest': name -> greatest distance of
    a probability from ours; 'cores'.
  """
  cores = sorted(os.sched_getaffinity(0))
  modes = peer_modes.MODES

  def found(task: str, seconds: Seconds, **others: Any) -> dict[str, Any]:
    known = {'memory_mib': {}, 'furthest': {}, 'cores': len(cores)}
    return {**known, 'seconds': {task: seconds}, **others}

  with tempfile.TemporaryDirectory() as folder:
    inputs = pathlib.Path(folder) / 'inputs.npz'
    os.environ.setdefault('JAX_COMPILATION_CACHE_DIR', f'{folder}/xla')
    os.environ.setdefault('TORCHINDUCTOR_CACHE_DIR', f'{folder}/inductor')
    make_files(inputs.parent, make_inputs(inputs), names)

    peaks: dict[str, float] = {}

    def started(name: str) -> float:
      begin = time.perf_counter()
      peer = peer_processes.Peer(name, inputs, cores)
      peer.ask('infer_1')
      took = time.perf_counter() - begin
      peaks[name] = peer.ask('memory')
      peer.end()
      return took

    able = [name for name in names if modes[name].recognizes]
    if 'start' in tasks:
      seconds = rounds(
        {
          name: lambda calls, name=name: started(name)
          for name in able
          if not modes[name].options  # others compile, or only are faster
        },
        3,
        1,
      )
      yield found('start', seconds, memory_mib={'start': peaks})
    if recognizing := [task for task in tasks if task in RECOGNIZING]:
      peers = {name: peer_processes.Peer(name, inputs, cores) for name in able}
      furthest = check(peers)
      for task in recognizing:
        seconds = rounds(
          {
            name: lambda calls, p=peer, t=task: p.turn(t, calls)
            for name, peer in peers.items()
            # The files take sound alone.
            if task != 'given_32' or name not in peer_modes.FILES
          },
          count,
          RECOGNIZING[task],
        )
        yield found(task, seconds, furthest=furthest)
      end(peers.values())
    able = [name for name in names if modes[name].trains]
    for task in [task for task in tasks if task in TRAINING]:
      given = cores if task == 'train' else cores[-1:]
      peers = {name: peer_processes.Peer(name, inputs, given) for name in able}
      seconds = rounds(
        {
          name: lambda calls, p=peer, t=task: p.ask(t, calls)
          for name, peer in peers.items()
        },
        count,
        TRAINING[task],
      )
      peaks = {name: peer.ask('memory') for name, peer in peers.items()}
      yield found(task, seconds, memory_mib={task: peaks})
      end(peers.values())


def end(peers) -> None:
  """Ends all processes."""
  for peer in peers:
    peer.end()


def check(peers: dict[str, peer_processes.Peer]) -> dict[str, float]:
  """All give the same probabilities; returns how far each is from ours."""
  with futures.ThreadPoolExecutor(machine.num_cores()) as pool:
    found = pool.map(lambda peer: peer.ask('check'), peers.values())
    answers = dict(zip(peers, map(np.asarray, found), strict=True))
  distances = {}
  for name, answer in answers.items():
    distance = float(np.abs(answer - answers[OURS]).max())
    print(f'{name:18} probabilities within {distance:.1e} of ours', flush=True)
    if not distance <= peer_modes.TOLERANCE[peer_modes.MODES[name].precision]:
      raise SystemExit(f'{name} is another network: it is off by {distance}')
    distances[name] = distance
  return distances


def rounds(
  tasks: dict[str, Callable[[int], float]], count: int, calls: int
) -> Seconds:
  """Seconds per call of each, in turns, after calls that do not count.

  Several compile at once, none while another is measured. A pause before each
  turn, in which the threads of the one before come to rest: some spin a while
  for more work, and would take a core from the next.

  Args:
    tasks: name -> seconds per call of that many calls.
    count: rounds.
    calls: in a turn.
  """
  seconds = {name: [] for name in tasks}
  slow = set()
  with futures.ThreadPoolExecutor(machine.num_cores()) as pool:
    list(pool.map(lambda task: task(1), tasks.values()))  # compiles
  for name, task in tasks.items():
    if calls > 1 and (took := task(1)) > SLOW_S:
      print(f'{name} takes {took:.1f} s and part once', flush=True)
      slow.add(name)
      seconds[name].append(took)
  for _ in range(count):
    for name in [name for name in tasks if name not in slow]:
      time.sleep(peer_processes.PAUSE_S)
      seconds[name].append(tasks[name](calls))
  return seconds


if __name__ == '__main__':
  main()
