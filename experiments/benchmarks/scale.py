r"""Measures what 100 times more recordings cost, and reckons for a million.

  python experiments/benchmarks/scale.py                # 535, 5350 and 53500
  python experiments/benchmarks/scale.py --sizes=535,2000 --folder=/tmp/scale

For every size, in a process of its own with an empty cache: seconds to open
the corpus (its list, the time stamps of its files, the folds), to make the
features (files read by a thread per core, batches of 64 through the front end
on the device, into the file that training maps; also as seconds of one core,
which other work on the machine changes less) and to find them made; the
most host memory while they are made; seconds of a training step of
Light-SERNet (batch 32, 3 s) that takes random segments of all; seconds to
shuffle an epoch. Then one training step on one device of one core against two
such devices that share the batch, without threads inside an operation.

The recordings are the embedded corpus, repeated to 3 s; beyond 240 they are
copies (no links: a list that names a file twice is refused), 96 kB each. They
were just written, so as many as fit come out of the operating system's memory
and not from a disk. The largest size needs 7 GB in --folder while it runs.
Everything goes to scale.json beside this file, with the arithmetic to a
million utterances on 8 devices.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

SIZES = (535, 5350, 53500)
SECONDS, BATCH, STEPS, ROUNDS = 3.0, 32, 2, 7
SPEAKERS = 10
_ONE_CORE = '--xla_cpu_multi_thread_eigen=false'


def write_corpus(folder: pathlib.Path, size: int) -> pathlib.Path:
  """The recordings and their list; returns the list.

  Args:
    folder: made or emptied of an earlier list.
    size: utterances.
  """
  from sernet_jax.audio import reading
  from sernet_jax.corpora.synthetic import speech

  source = folder / 'distinct'
  if not source.exists():
    speech.generate(folder / 'embedded')
    source.mkdir()
    for path in sorted((folder / 'embedded' / 'wav').iterdir()):
      samples = reading.load_mono(path, 16_000)
      samples = np.resize(samples, round(SECONDS * 16_000))
      reading.write_wav(source / path.name, samples, 16_000)
  distinct = sorted(source.iterdir())
  place = folder / f'{size}'
  place.mkdir()
  rows = []
  for number in range(size):
    path = distinct[number % len(distinct)]
    name = f'{number:07d}.wav'
    shutil.copyfile(path, place / name)
    label = speech.parse_name(path.stem)[1]
    rows.append([name, label, f'{number // len(distinct) % SPEAKERS}'])
  if size < SPEAKERS * len(distinct):  # every class by every speaker
    for number, row in enumerate(rows):
      row[2] = f'{number * SPEAKERS // size}'
  with (place / 'list.csv').open('w', newline='') as file:
    csv.writer(file).writerows([['path', 'label', 'speaker'], *rows])
  return place / 'list.csv'


class Memory:
  """The most memory of this process while the body of a `with` runs.

  Attributes:
    anonymous_mb: what the process itself holds.
    total_mb: with what it shares with files, which the system can take back.
  """

  def __enter__(self) -> Memory:
    self.anonymous_mb = self.total_mb = 0.0
    self._end = threading.Event()
    self._thread = threading.Thread(target=self._watch)
    self._thread.start()
    return self

  def __exit__(self, *error: object) -> None:
    self._end.set()
    self._thread.join()

  def _watch(self) -> None:
    while True:
      text = pathlib.Path('/proc/self/status').read_text()
      values = dict(line.split(':', 1) for line in text.splitlines())
      for name, field in ('anonymous_mb', 'RssAnon'), ('total_mb', 'VmRSS'):
        now = int(values[field].split()[0]) / 1024
        setattr(self, name, max(getattr(self, name), now))
      if self._end.wait(0.05):
        return


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
  """Seconds of a call, and what it gave."""
  start = time.perf_counter()
  result = call()
  return time.perf_counter() - start, result


def stepping(features, labels, devices) -> Callable[[], float]:
  """Seconds of a training step of one fold on devices that share a batch."""
  from sernet_jax.corpora.protocols import Fold
  from sernet_jax.nn.spec import ModelSpec
  from sernet_jax.training import batching, recipes, trial_state
  from sernet_jax.training.devices import mapping
  from sernet_jax.training.specs import LossSpec, OptimSpec

  recipe = recipes.Recipe(
    ModelSpec(num_classes=4), LossSpec(), OptimSpec(), BATCH, tracked=()
  )
  random = np.random.default_rng(0)
  train = random.choice(len(labels), BATCH * STEPS, replace=False)
  some = np.arange(1)
  (fold,) = batching.fold_arrays(
    [Fold('0', 0, np.sort(train), some[:0], some)],
    labels,
    np.arange(len(labels), dtype=np.int32),
    BATCH,
  )
  name = 'map' if len(devices) == 1 else 'shard'
  trials = mapping.make(name, recipe, 1, features, labels, [fold], devices)
  trials.put(trial_state.init_states(recipe, [fold]))
  one = np.ones(1, np.int32)

  def call():
    for _ in trials.advance(one - 1, one):
      pass

  call()  # compiles
  return lambda: timed(call)[0] / STEPS


def measure(list_path: pathlib.Path, cache: pathlib.Path) -> dict[str, Any]:
  """All figures of one size, in this process."""
  import jax

  from sernet_jax.audio.spec import AudioSpec
  from sernet_jax.corpora import protocols
  from sernet_jax.corpora.cache import feature_cache
  from sernet_jax.corpora.protocols import ProtocolSpec
  from sernet_jax.corpora.readers import manifest
  from sernet_jax.features.spec import MfccSpec
  from sernet_jax.nn.spec import ModelSpec
  from sernet_jax.training import batching, recipes, steps as steps_lib
  from sernet_jax.training.specs import LossSpec, OptimSpec

  spec, audio_spec = MfccSpec(), AudioSpec(duration_s=SECONDS)

  def load(corpus, folder=cache):
    return feature_cache.load(corpus, 'mfcc', spec, audio_spec, folder)

  found: dict[str, Any] = {}
  found['open_s'], corpus = timed(lambda: manifest.manifest(list_path))
  # What happens once is over before the clock starts: compiling, importing.
  load(
    dataclasses.replace(corpus, utterances=corpus.utterances[:64]),
    cache / 'first',
  )
  with Memory() as base:
    pass
  before_s = time.process_time()
  with Memory() as most:
    found['features_s'], data = timed(lambda: load(corpus))
  found['features_cpu_s'] = time.process_time() - before_s
  found['host_memory_mb'] = {
    'before': round(base.anonymous_mb),
    'most': round(most.anonymous_mb),
    'most_with_mapped_files': round(most.total_mb),
  }
  found['features_again_s'], data = timed(lambda: load(corpus))
  owners, labels = data.segment_utterances, corpus.labels

  def folds():
    made = protocols.make(corpus, ProtocolSpec())
    return batching.fold_arrays(made, labels, owners, BATCH)

  found['folds_s'], arrays = timed(folds)
  found['features_mb'] = round(data.features.nbytes / 1e6, 1)
  recipe = recipes.Recipe(
    ModelSpec(num_classes=4), LossSpec(), OptimSpec(), BATCH
  )
  shuffle = jax.jit(lambda fold, epoch: steps_lib.shuffled(recipe, fold, epoch))
  jax.block_until_ready(shuffle(arrays[0], 0))
  found['shuffle_s'], _ = timed(
    lambda: jax.block_until_ready(shuffle(arrays[0], 1))
  )
  step = stepping(np.asarray(data.features), labels[owners], jax.devices()[:1])
  found['step_s'] = statistics.median(step() for _ in range(ROUNDS))
  return found


def measure_sharing() -> dict[str, Any]:
  """One device of one core against two that share the batch."""
  import jax

  random = np.random.default_rng(0)
  features = random.normal(size=(535, 184, 40)).astype(np.float32)
  labels = np.arange(535, dtype=np.int32) % 4
  both = jax.devices()
  steps = [stepping(features, labels, devices) for devices in (both[:1], both)]
  times = [[step() for step in steps] for _ in range(ROUNDS)]
  return {
    'step_s_of_1': statistics.median(alone for alone, _ in times),
    'step_s_of_2': statistics.median(shared for _, shared in times),
    'efficiency': statistics.median(a / s for a, s in times) / len(both),
  }


def in_a_process(*arguments: str, flags: str = '') -> dict[str, Any]:
  """Returns what a worker of this file prints last."""
  flags = f'{os.environ.get("XLA_FLAGS", "")} {flags}'.strip()
  done = subprocess.run(
    [sys.executable, __file__, *arguments],
    env={**os.environ, 'XLA_FLAGS': flags},
    stdout=subprocess.PIPE,
    text=True,
    check=True,
  )
  return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
  """Runs the command; see the top of the file."""
  parser = argparse.ArgumentParser()
  parser.add_argument('--sizes', default=','.join(map(str, SIZES)))
  parser.add_argument('--folder', help='for recordings and features')
  parser.add_argument('--output', default=pathlib.Path(__file__).parent)
  parser.add_argument('--worker', nargs='*', help=argparse.SUPPRESS)
  flags = parser.parse_args()
  if flags.worker is not None:
    places = [pathlib.Path(path) for path in flags.worker]
    print(json.dumps(measure(*places) if places else measure_sharing()))
    return
  sizes = [int(size) for size in flags.sizes.split(',')]
  if len(sizes) < 2 or min(sizes) < SPEAKERS * 24:
    sys.exit(f'--sizes needs two numbers or more, of at least {SPEAKERS * 24}')
  import history
  import scale_million

  result: dict[str, Any] = {
    'question': 'seconds and host memory by the number of utterances of 3 s',
    'load_before': os.getloadavg(),
    **history.where('scale.py'),
    'sizes': {},
  }
  with tempfile.TemporaryDirectory(dir=flags.folder) as scratch:
    folder = pathlib.Path(scratch)
    for size in sizes:
      path, cache = write_corpus(folder, size), folder / 'cache'
      found = in_a_process('--worker', f'{path}', f'{cache}')
      print(size, json.dumps(found), flush=True)
      result['sizes'][size] = found
      shutil.rmtree(cache)
      shutil.rmtree(path.parent)
  result['sharing'] = in_a_process(
    '--worker', flags=f'{_ONE_CORE} --xla_force_host_platform_device_count=2'
  )
  result['million'] = scale_million.extended(
    result['sizes'], result['sharing'], BATCH
  )
  path = pathlib.Path(flags.output) / 'scale.json'
  path.write_text(json.dumps(result, indent=1) + '\n')
  print(
    scale_million.table(result['sizes'], result['sharing'], result['million'])
  )


if __name__ == '__main__':
  main()
