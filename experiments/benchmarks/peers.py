"""Times Light-SERNet here and in other frameworks.

  pip install -e '.[bench]' && python experiments/benchmarks/peers.py

The peers: the same network in PyTorch (channels last) and in Keras/TensorFlow,
and our exported files in ONNX Runtime and LiteRT. Every peer is its own
process with the same weights, batch and waveforms. First all must give the
same probabilities (1e-4); then they take turns, round after round, so that a
busy machine treats all alike:

  start      seconds from the start of a process to the probabilities of one
             utterance; programs that were compiled before come from a cache
  train      seconds per step: forward, backward, update; batch 32, 3 s,
             float32; one process that has all cores (ours cuts the batch
             over them, as train.fold_mapping=shard does; others by threads)
  folds      the same with one one-core process per core side by side, as a
             run over folds can be done; seconds per step of all together
  infer_1,   waveform to probabilities, batch 1 and 32, seconds per call, call
  infer_32   after call
  asked_1    a single call of one utterance, after 0.2 s without work, when
             another process asks for it, as in a service
  rested_1   the same when the process itself has slept: how its threads wake
             then decides more than what they do

Medians, ratios to ours (below 1: we are faster), peak memory and the
surroundings go to peers.json and peers.png beside this file.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

from sernet_jax.common import machine

HERE = pathlib.Path(__file__).parent
BATCH = 32
OURS = 'sernet_jax'
TWINS = {OURS: 'twin_jax', 'torch': 'twin_torch', 'tensorflow': 'twin_keras'}
FILES = {'onnxruntime': 'model.onnx', 'litert': 'model.tflite'}
NAMES = {
  OURS: 'sernet_jax',
  'torch': 'PyTorch, channels last',
  'tensorflow': 'Keras, TensorFlow',
  'onnxruntime': 'our file in ONNX Runtime',
  'litert': 'our file in LiteRT',
}


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

  for name in FILES.keys() & set(names):
    path = folder / FILES[name]
    kind = {'.onnx': 'onnx', '.tflite': 'tflite'}[path.suffix]
    writing.write(path, twin_jax.bundle(weights), kind, 'fp32')


def work(name: str, inputs: str, cores: list[int]) -> None:
  """A peer's process: answers one line of JSON for each it is given."""
  os.sched_setaffinity(0, cores)
  sys.path.insert(0, str(HERE))
  data = dict(np.load(inputs))
  weights = {k[2:]: v for k, v in data.items() if k.startswith('w/')}
  if name in FILES:
    from twin_files import Twin

    path = pathlib.Path(inputs).parent / FILES[name]
    twin = Twin(path, data['waveforms'], len(cores))
  else:
    twin = importlib.import_module(TWINS[name]).Twin(
      weights, data['x'], data['y'], data['waveforms'], len(cores)
    )
  for line in sys.stdin:
    task, count = json.loads(line)
    start = time.perf_counter()
    if task == 'check':
      answer = twin.infer(BATCH).tolist()
    elif task == 'memory':
      answer = machine.peak_mib()
    elif task == 'rested_1':
      answer = statistics.median(rested(twin) for _ in range(count))
    else:
      if task == 'train':
        twin.steps(count)
      else:
        for _ in range(count):
          twin.infer(int(task.partition('_')[2]))
      answer = (time.perf_counter() - start) / count
    print(json.dumps({'answer': answer}), flush=True)


def rested(twin) -> float:
  """Seconds of a call after a pause."""
  time.sleep(PAUSE_S)
  start = time.perf_counter()
  twin.infer(1)
  return time.perf_counter() - start


PAUSE_S = 0.2


class Peer:
  """A process that does what it is told."""

  def __init__(self, name: str, inputs: pathlib.Path, cores: list[int]):
    environment = {**os.environ, 'OMP_NUM_THREADS': str(len(cores))}
    environment['TF_CPP_MIN_LOG_LEVEL'] = '3'
    if len(cores) == 1:
      environment['XLA_FLAGS'] = '--xla_cpu_multi_thread_eigen=false'
    places = ','.join(map(str, cores))
    self.process = subprocess.Popen(
      [sys.executable, __file__, f'--worker={name}', f'--inputs={inputs}',
       f'--cores={places}'],
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

  def ask_rested(self, task: str):
    """The same after a pause, once."""
    time.sleep(PAUSE_S)
    return self.ask(task)


def together(peers: list[Peer], task: str, count: int) -> float:
  """Seconds per call when all work side by side."""
  for peer in peers:
    peer.tell(task, count)
  return max(peer.hear() for peer in peers) / len(peers)


def main() -> None:
  """Checks, measures in turns, prints and stores."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--peers', default='torch,tensorflow,onnxruntime,litert')
  parser.add_argument('--rounds', type=int, default=7)
  parser.add_argument('--output', default=str(HERE / 'peers'))
  parser.add_argument('--worker', default='')
  parser.add_argument('--inputs', default='')
  parser.add_argument('--cores', default='')
  arguments = parser.parse_args()
  if arguments.worker:
    cores = [int(core) for core in arguments.cores.split(',')]
    work(arguments.worker, arguments.inputs, cores)
    return
  names = [OURS, *filter(None, arguments.peers.split(','))]
  cores = sorted(os.sched_getaffinity(0))
  trained = [name for name in names if name in TWINS]
  seconds, memory = {}, {}
  with tempfile.TemporaryDirectory() as folder:
    inputs = pathlib.Path(folder) / 'inputs.npz'
    os.environ.setdefault('JAX_COMPILATION_CACHE_DIR', f'{folder}/xla')
    make_files(inputs.parent, make_inputs(inputs), names)

    def started(name: str) -> float:
      begin = time.perf_counter()
      peer = Peer(name, inputs, cores)
      peer.ask('infer_1')
      took = time.perf_counter() - begin
      memory.setdefault('start', {})[name] = peer.ask('memory')
      peer.end()
      return took

    seconds['start'] = rounds(
      {name: lambda name=name: started(name) for name in names}, 3
    )
    wide = {name: Peer(name, inputs, cores) for name in names}
    check(wide)
    turns = {
      'infer_1': lambda peer: peer.ask('infer_1', 100),
      'asked_1': lambda peer: statistics.median(
        peer.ask_rested('infer_1') for _ in range(10)
      ),
      'rested_1': lambda peer: peer.ask('rested_1', 10),
      'infer_32': lambda peer: peer.ask('infer_32', 3),
      'train': lambda peer: peer.ask('train', 4),
    }
    for task, turn in turns.items():
      able = names if task != 'train' else trained
      seconds[task] = rounds(
        {n: lambda p=wide[n], t=turn: t(p) for n in able}, arguments.rounds
      )
    memory['train'] = {name: wide[name].ask('memory') for name in trained}
    for peer in wide.values():
      peer.end()
    narrow = {
      name: [Peer(name, inputs, [core]) for core in cores] for name in trained
    }
    seconds['folds'] = rounds(
      {n: lambda p=p: together(p, 'train', 4) for n, p in narrow.items()},
      arguments.rounds,
    )
    for peers in narrow.values():
      for peer in peers:
        peer.end()
  store(seconds, memory, cores, pathlib.Path(arguments.output))


def check(peers: dict[str, Peer]) -> None:
  """All give the same probabilities."""
  answers = {n: np.asarray(peer.ask('check')) for n, peer in peers.items()}
  for name, answer in answers.items():
    distance = np.abs(answer - answers[OURS]).max()
    print(f'{name:12} probabilities within {distance:.1e} of ours')
    if not distance <= 1e-4:
      raise SystemExit(f'{name} is another network: it is off by {distance}')


def rounds(tasks, count: int) -> dict[str, list[float]]:
  """Seconds of each, in turns, after one turn that does not count.

  A pause before each, in which the threads of the one before come to rest:
  some spin a while for more work, and would take a core from the next.
  """
  for task in tasks.values():
    task()
  seconds = {name: [] for name in tasks}
  for _ in range(count):
    for name, task in tasks.items():
      time.sleep(PAUSE_S)
      seconds[name].append(task())
  return seconds


def store(seconds, memory, cores, output: pathlib.Path) -> None:
  """Prints the table; writes the figures and their picture."""
  import history
  import peers_plot

  result = {'command': ' '.join(['python', *sys.argv]), 'batch': BATCH}
  result |= {**history.where('peers.py'), 'cores': len(cores)}
  others = 'torch tensorflow tensorflow_cpu keras onnxruntime ai-edge-litert'
  for name in others.split():
    try:
      result['packages'][name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
      continue
  result['peak_memory_mib'] = memory
  result['tasks'] = {}
  for task, by_name in seconds.items():
    ours = by_name[OURS]
    result['tasks'][task] = {
      name: {
        'median_s': statistics.median(times),
        'least_s': min(times),
        'ours_to_this': statistics.median(
          a / b for a, b in zip(ours, times, strict=True)
        ),
      }
      for name, times in by_name.items()
    }
    for name, figures in result['tasks'][task].items():
      print(
        f'{task:9} {NAMES[name]:24} {1e3 * figures["median_s"]:8.1f} ms, ours '
        f'takes {figures["ours_to_this"]:.2f} of it'
      )
  output.with_suffix('.json').write_text(json.dumps(result, indent=1) + '\n')
  peers_plot.draw(result, output.with_suffix('.png'))


if __name__ == '__main__':
  main()
