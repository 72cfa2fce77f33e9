"""Seconds of a training step and of one utterance, by the settings of a run.

Weights are drawn at random: what a step or an utterance costs does not depend
on them. Everything is measured on one core in CPU seconds, so that other work
on the machine matters little, and compiled before it is measured.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from sernet_jax.common import machine

CLASSES = 7


@dataclasses.dataclass(frozen=True)
class Training:
  """Steps of one fold, compiled.

  Attributes:
    call: trains `steps` steps.
    steps: of a call.
    epoch_steps: of an epoch of one fold.
    batch: examples of a step.
    folds: of the protocol.
  """

  call: Callable[[], Any]
  steps: int
  epoch_steps: int
  batch: int
  folds: int


def one_core() -> None:
  """Binds this process to one core and one thread; call it before JAX loads."""
  machine.take_cores(1)
  machine.one_thread_in_numpy()
  flags = os.environ.get('XLA_FLAGS', '')
  one = '--xla_cpu_multi_thread_eigen=false'
  if one not in flags:
    os.environ['XLA_FLAGS'] = f'{flags} {one}'.strip()


def training(experiment: Any, steps: int) -> Training:
  """Compiles the first steps of an epoch, as a run does them.

  Args:
    experiment: `runs.config.Experiment`; its corpus is read.
    steps: of a call, at most those of an epoch.
  """
  import jax
  import numpy as np

  from sernet_jax.runs import data as data_lib
  from sernet_jax.training import recipes, steps as steps_lib, trial_state

  corpus = data_lib.load_corpus(experiment)
  data = data_lib.Data(experiment, corpus)
  recipe = experiment.recipe(len(data.features.corpus.classes))
  fold = data.fold_arrays[0]
  batch = recipe.batch_size
  most = max(len(each.train) for each in data.fold_arrays) // batch
  steps = min(steps, most)
  part = slice(0, steps * batch)
  groups = None if fold.groups is None else fold.groups[part]
  fold = fold._replace(
    train=fold.train[part], train_mask=fold.train_mask[part], groups=groups
  )
  init = jax.jit(trial_state.init_state, static_argnums=0)
  given = jax.device_put((data.source, data.labels, fold))
  state = init(recipe, 0, 0)

  def train(state: Any, source: Any, labels: Any, fold: Any) -> Any:
    with recipes.matmul_precision(recipe):
      return steps_lib.train_epoch(
        recipe, source, labels, fold, state, np.int32(0)
      )

  program = jax.jit(train).lower(state, *given).compile()
  machine.give_back_memory()
  return Training(
    call=lambda: jax.block_until_ready(program(state, *given)),
    steps=steps,
    epoch_steps=most,
    batch=batch,
    folds=len(data.folds),
  )


def utterance(experiment: Any) -> Callable[[], Any]:
  """Compiles the way of one recording, prepared, to its probabilities.

  Args:
    experiment: `runs.config.Experiment`; the recording is noise as long as what
      its tests hear.
  """
  import jax
  import numpy as np

  from sernet_jax.nn import network
  from sernet_jax.predict import bundle, recognizer

  spec = experiment.model_for(CLASSES)
  params, stats = network.init(jax.random.key(0), spec)
  made = bundle.Bundle(
    model=spec,
    mfcc=experiment.mfcc,
    feature_kind=experiment.feature_kind,
    audio=experiment.test_audio,
    classes=tuple(map(str, range(CLASSES))),
    folded=network.fold(spec, *jax.tree.map(np.asarray, (params, stats))),
  )
  ready = recognizer.Recognizer([made])
  samples = experiment.test_audio.num_samples
  noise = np.random.default_rng(0).normal(size=(1, samples), scale=0.1)
  segment = noise.astype(np.float32)
  ready(segment)
  return lambda: ready(segment)


def in_turns(
  calls: Mapping[str, Callable[[], Any]], rounds: int, slow_s: float
) -> dict[str, list[float]]:
  """CPU seconds of every call, in turns, after a first one that is not counted.

  Args:
    calls: name -> what is measured.
    rounds: turns.
    slow_s: what takes longer than this takes part in the first turn alone, and
      its first call counts too.
  """
  first = {name: cpu_s(call) for name, call in calls.items()}
  slow = {name for name, seconds in first.items() if seconds > slow_s}
  times = {n: [seconds] if n in slow else [] for n, seconds in first.items()}
  for turn in range(rounds):
    for name, call in calls.items():
      if name not in slow or not turn:
        times[name].append(cpu_s(call))
  return times


def cpu_s(call: Callable[[], Any]) -> float:
  """CPU seconds of one call."""
  start = time.process_time()
  call()
  return time.process_time() - start
