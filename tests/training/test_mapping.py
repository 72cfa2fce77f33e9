"""One after another, all at once, over devices: the same numbers.

In a process of its own, because the number of CPU devices is settled when a
process starts. It computes in float64: a mapping changes the order of sums,
which float32 would show at 1e-6 after one step and, as training amplifies it,
at 1e-2 after some epochs; a wrong seed, mask or epoch shows whatever the
precision. Nearly all of its time is compiling, so XLA is told to leave out
most optimisations.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys

import jax
import numpy as np
import pytest
import tiny
import two_blocks
from commands import xla_flags

from sernet_jax.common.errors import InputError
from sernet_jax.corpora.protocols import Fold
from sernet_jax.nn.spec import ModelSpec
from sernet_jax.training import batching, recipes, trial_state
from sernet_jax.training.devices import device_layout, mapping
from sernet_jax.training.specs import LossSpec, OptimSpec

DEVICES = 10
SETUP = """
import json
import jax, numpy as np

jax.config.update('jax_enable_x64', True)
from sernet_jax.corpora.protocols import Fold
from sernet_jax.nn.spec import ModelSpec
from sernet_jax.training import batching, recipes, steps, trial_state
from sernet_jax.training.devices import mapping
from sernet_jax.training.specs import LossSpec, OptimSpec

# All kinds of layers, and quickly compiled.
recipe = recipes.Recipe(
  ModelSpec(
    num_classes=2, paths=('joint',), filters=6, batch_norm_momentum=0.5,
    blocks=((8, (3, 3), (2, 2)), (6, (1, 1), None)),
  ),
  LossSpec(), OptimSpec(learning_rate=1e-3), batch_size=4,
)
random = np.random.default_rng(0)
labels = np.arange(23, dtype=np.int32) % 2
features = random.normal(size=(23, 12, 10)) + 1.5 * labels[:, None, None]
none = np.array([], np.int32)
folds = [  # of unlike sizes, so that one is padded
  Fold('a', 0, np.arange(10, 23), none, np.arange(10)),
  Fold('b', 1, np.arange(10), none, np.arange(12, 23)),
]
owners = np.arange(23, dtype=np.int32)
arrays = batching.fold_arrays(folds, labels, owners, 4, seeds=(3, 4, 5))
traces = []
step = steps.train_step
steps.train_step = lambda *args: (traces.append(1), step(*args))[1]

def trained(name, devices, size=6):
  here = arrays[:size]
  trials = mapping.make(
    name, recipe, 2, features, labels, here, jax.devices()[:devices]
  )
  trials.put(trial_state.init_states(recipe, here))
  done, rows = np.zeros(size, np.int32), {}
  traced = set()
  # The first two trials fall behind and catch up; the last block is short.
  for count in [0, 0, 1, 1, 1, 1], [2, 2, 1, 1, 1, 1], [1] * 6:
    count = np.array(count[:size], np.int32)
    for places, metrics, _ in trials.advance(done, count):
      for number, place in enumerate(places):
        for epoch in range(count[place]):
          row = jax.tree.map(lambda leaf: leaf[number, epoch], metrics)
          rows[place, int(done[place]) + epoch] = row
      traced.add(len(traces))
    done += count
  assert len(traced) == 1, f'{name} was traced again'
  programs = devices if name == 'map' else 1  # 'map' has one for each device
  assert trials.program._cache_size() == programs, f'{name} was compiled again'
  places, states = trials.get()
  assert places == sorted({place for place, _ in rows})
  return states, rows

def worst(found, expected):
  apart = jax.tree.map(
    lambda a, b: float(np.max(np.abs(np.asarray(a, float) - b))),
    found, expected,
  )
  return max(jax.tree.leaves(apart))
"""
PROGRAM = (
  SETUP
  + """
states, rows = trained('map', 1)
assert sorted(rows) == [(t, e) for t in range(6) for e in range(3)]
found = {}
PLANS = ('map', 2, 6), ('vmap', 1, 6), ('shard', 4, 6), ('shard', 10, 2)
for name, devices, number in PLANS:
  others, other_rows = trained(name, devices, number)
  expected = jax.tree.map(lambda leaf: leaf[:number], states), {
    place: row for place, row in rows.items() if place[0] < number
  }
  assert sorted(other_rows) == sorted(expected[1])
  found[f'{name}{devices}'] = worst((others, other_rows), expected)
for examples, devices in (0, 1), (25_000, 2), (10**9, 6):
  trials = mapping.make(
    'map', recipe, 2, features, labels, arrays, jax.devices(), examples=examples
  )
  assert len(trials._devices) == devices  # more only where their programs pay
found['seeds'] = float(np.abs(
  rows[0, 2]['train']['loss'] - rows[2, 2]['train']['loss']
))
print(json.dumps(found))
"""
)
PAIR = (
  SETUP
  + """
import sys
from sernet_jax.runs.distributed import Group, connect

rank = int(sys.argv[2])
connect(sys.argv[1], 2, rank)
found = trained('shard', 2, 1)
if rank:
  assert not found[1]  # the trial counts for process 0
else:
  print(worst(found, trained('map', 1, 1)))
Group().any(False)
"""
)


def start(program, *arguments, devices=1):
  flag = f'--xla_force_host_platform_device_count={devices}'
  return subprocess.Popen(
    [sys.executable, '-c', program, *arguments],
    env={
      **os.environ,
      'XLA_FLAGS': xla_flags(flag),
      'JAX_PLATFORMS': 'cpu',
    },
    cwd=tiny.ROOT,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )


@pytest.fixture(scope='module')
def differences():
  out, error = (process := start(PROGRAM, devices=DEVICES)).communicate()
  assert process.returncode == 0, error
  return json.loads(out.splitlines()[-1])


@pytest.mark.parametrize('name', ['vmap1', 'shard4', 'shard10'])
def test_every_mapping_gives_the_numbers_of_map(differences, name):
  """States and metrics, also of trials that caught up; never traced twice.

  On 10 devices 2 trials have 4 devices each, which share every batch of 4:
  BatchNorm over one example would be far off.
  """
  assert differences[name] < 1e-8


def test_trials_side_by_side_on_cores_give_the_same_bits(differences):
  assert differences['map2'] == 0


@pytest.mark.parametrize('platform', ['cpu', 'cuda', 'tpu'])
def test_a_block_is_one_program_for_any_platform_and_uses_up_its_state(
  platform,
):
  """Epochs and evaluations of all trials, lowered where no device is."""
  recipe = recipes.Recipe(
    ModelSpec(
      num_classes=2, paths=('joint',), filters=6, blocks=two_blocks.BLOCKS
    ),
    LossSpec(),
    OptimSpec(),
    batch_size=4,
  )
  labels = np.arange(12, dtype=np.int32) % 2
  features = np.zeros((12, 9, 8), np.float32)
  everything, none = np.arange(12), np.arange(0)
  folds = [Fold('a', 0, everything, none, everything[:5])] * 2
  arrays = batching.fold_arrays(
    folds, labels, everything.astype(np.int32), 4, (1,)
  )
  trials = mapping.make(
    'vmap', recipe, 3, features, labels, arrays, jax.devices()
  )
  states = trial_state.init_states(recipe, arrays)
  trials.put(states)
  count = np.zeros(len(arrays), np.int32)
  text = (
    trials.program.trace(
      *trials._data, trials._folds, trials._states, count, count
    )
    .lower(lowering_platforms=(platform,))
    .as_text()
  )
  given = len(re.findall('tf.aliasing_output|jax.buffer_donor', text))
  assert given == len(jax.tree.leaves(states))
  for call in ('while', 'convolution'):
    assert f'stablehlo.{call}' in text
  assert 'callback' not in text  # the host waits for the end, not before


def test_a_batch_shared_by_two_processes_gives_the_numbers_of_map():
  with socket.socket() as probe:
    probe.bind(('127.0.0.1', 0))
    address = f'127.0.0.1:{probe.getsockname()[1]}'
  pair = [start(PAIR, address, f'{rank}') for rank in range(2)]
  try:
    said = [process.communicate(timeout=600) for process in pair]
  finally:
    for process in pair:
      process.kill()
  for process, (_, error) in zip(pair, said, strict=True):
    assert process.returncode == 0, error
  assert float(said[0][0].splitlines()[-1]) < 1e-8


def test_seeds_of_a_fold_are_other_trainings(differences):
  assert differences['seeds'] > 1e-4


def test_auto_takes_the_devices_there_are():
  device = jax.devices('cpu')[0]
  assert mapping.choose('auto', [device], 1) == 'map'
  assert mapping.choose('auto', [device, device], 1) == 'map'
  assert mapping.choose('auto', [device, device], 2) == 'shard'
  assert mapping.choose('vmap', [device, device], 1) == 'vmap'


@pytest.mark.parametrize('name', ['map', 'vmap'])
def test_a_mapping_of_one_process_is_refused_for_two(name):
  devices = jax.devices('cpu')[:1] * 2
  message = rf"'{name}', which uses devices of one.*2 processes.*'shard'"
  with pytest.raises(InputError, match=message):
    mapping.choose(name, devices, 2)


class Device:
  """What `layout` asks of a device."""

  def __init__(self, process_index=0):
    self.process_index = process_index


@pytest.mark.parametrize(
  ('trials', 'devices', 'batch', 'table'),
  [
    (10, 8, 32, (8, 1, 5)),  # 2 for each of 5, done as early as on 8
    (10, 10, 32, (10, 1, 10)),
    (5, 8, 32, (8, 1, 5)),
    (3, 8, 32, (4, 2, 6)),
    (1, 8, 32, (1, 8, 8)),
    (2, 10, 32, (2, 4, 8)),  # 5 do not divide 32
    (1, 8, 7, (1, 7, 7)),
    (1, 8, 1, (8, 1, 1)),
  ],
)
def test_devices_beyond_the_trials_share_batches(trials, devices, batch, table):
  plan = device_layout.lay_out(trials, batch, [Device()] * devices)
  assert plan == table


def test_features_too_large_for_a_device_are_cut_over_several():
  devices = [Device()] * 8
  assert device_layout.lay_out(10, 32, devices, 500, 1000) == (8, 1, 5)
  assert device_layout.lay_out(10, 32, devices, 1100, 1000) == (2, 4, 8)
  with pytest.raises(InputError, match='more than half the memory of 8'):
    device_layout.lay_out(10, 32, devices, 4001, 1000)


def test_processes_without_work_are_refused():
  """Beyond the trials a process must have devices that share a batch."""
  alone = [Device(process_index=rank) for rank in range(3)]
  assert device_layout.lay_out(1, 3, alone) == (1, 3, 3)
  assert device_layout.lay_out(5, 32, alone) == (3, 1, 3)
  message = (
    '1 folds x seeds with batches of 32 keep 2 of 3 processes busy; start 2'
  )
  with pytest.raises(InputError, match=message):
    device_layout.lay_out(1, 32, alone)
  # Two trials on the first devices, and the others wait in their rows.
  with pytest.raises(InputError, match='start 2'):
    device_layout.lay_out(2, 1, alone)
