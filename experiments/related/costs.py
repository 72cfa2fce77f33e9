"""Measures what each network of the ladder costs, and adds it to the records.

  python -m experiments.related.costs --root=EMODB --networks=timnet,acrnn \
      --output=experiments/related/results.json

For each network: parameters, MFLOPs and bytes in fp16, counted; CPU seconds of an
epoch of one fold at L3, and of one utterance from the prepared waveform to its
probabilities, on one core, with weights drawn at random. An epoch is its training
steps, without tests: the first step or steps of it, measured, times the number
of them. Light-SERNet by the paper's config takes turns with each, so that the
ratio of a turn travels to other processors. Writes what is counted of all, then
after each network; --counted measures nothing.
"""

from __future__ import annotations

import argparse
import pathlib
import statistics
import sys
from collections.abc import Mapping
from typing import Any

from experiments.lib import provenance, step_times
from experiments.related import ladder
from sernet_jax.common import command_line, files
from sernet_jax.common.errors import require, require_choice

BASE = 'light_sernet_paper'
# Row -> config and what is changed in it.
ROWS: dict[str, tuple[str, dict[str, str]]] = {
  BASE: ('emodb', {}),
  'light_sernet_recipe': ('recipe', {}),
  'acrnn_1': ('acrnn', {'model.convolutions': '1'}),
  'acrnn_1_linear': (
    'acrnn',
    {'model.convolutions': '1', 'model.norm': 'linear'},
  ),
  **{
    name: (name, {})
    for name in (
      'acrnn',
      'bcrnn',
      'cpac',
      'drn',
      'gmtcn',
      'lflb',
      'multipath',
      'timnet',
      'separable',
    )
  },
}
SLOW_S = 20.0  # what takes longer is measured twice


def made(row: str, root: str) -> Any:
  """Returns the experiment of a row at L3."""
  from sernet_jax.runs import config

  network, changes = ROWS[row]
  return config.experiment(
    ladder.settings(network, 'L3', root, changes=changes)
  )


def card(experiment: Any) -> dict[str, Any]:
  """Returns what is counted of a network, at the length that its tests hear."""
  from sernet_jax import features
  from sernet_jax.features import kinds
  from sernet_jax.nn import network

  found = network.cost(
    experiment.model_for(step_times.CLASSES),
    features.num_frames(experiment.test_audio.num_samples, experiment.mfcc),
    kinds.KINDS[experiment.feature_kind].width(experiment.mfcc),
  )
  return {
    'parameters': found['parameters_trainable'],
    'mflops': found['mflops'],
    'fp16_bytes': found['fp16_bytes'],
  }


def summary(
  found: Mapping[str, step_times.Training],
  steps: Mapping[str, list[float]],
  calls: Mapping[str, list[float]],
  row: str,
) -> dict[str, Any]:
  """Makes the figures of a row from the CPU seconds of its turns.

  Args:
    found: row and `BASE` -> its steps.
    steps: the same -> CPU seconds of each call of several steps.
    calls: the same -> CPU seconds of each utterance.
    row: which.
  """
  each = {
    name: [seconds / found[name].steps for seconds in times]
    for name, times in steps.items()
  }
  own = found[row]
  step_s = statistics.median(each[row])
  latency_s = statistics.median(calls[row])
  ratios = [a / b for a, b in zip(each[row], each[BASE], strict=False)]
  slower = [a / b for a, b in zip(calls[row], calls[BASE], strict=True)]
  return {
    'seconds_per_epoch': step_s * own.epoch_steps,
    'latency_ms': 1e3 * latency_s,
    'measured': {
      'step_s': step_s,
      'steps_of_an_epoch': own.epoch_steps,
      'batch': own.batch,
      'turns': len(each[row]),
      'step_to_light_sernet': statistics.median(ratios),
      'utterance_turns': len(calls[row]),
      'utterance_to_light_sernet': statistics.median(slower),
    },
  }


def main(arguments: list[str]) -> None:
  """Measures what is asked for; writes after each network."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--root', required=True, help='folder of EMO-DB')
  parser.add_argument('--networks', default=','.join(ROWS), help='rows')
  parser.add_argument('--rounds', type=int, default=5)
  parser.add_argument('--steps', type=int, default=1, help='of a turn')
  parser.add_argument(
    '--counted', action='store_true', help='nothing is measured'
  )
  parser.add_argument('--output', type=pathlib.Path, required=True)
  given = parser.parse_args(arguments)
  require(given.rounds > 0, f'--rounds is {given.rounds}; give 1 or more')
  require(given.steps > 0, f'--steps is {given.steps}; give 1 or more')
  rows = given.networks.split(',')
  for row in rows:
    require_choice('--networks', row, ROWS)
  step_times.one_core()
  from sernet_jax.runs import config_flags

  config_flags.set_up_jax()
  content: dict[str, Any] = {'networks': {}}
  if given.output.exists():
    content = files.read_json(given.output, ('networks',))
  networks = content['networks']
  experiments = {row: made(row, given.root) for row in (BASE, *rows)}
  for row in rows:
    networks.setdefault(row, {'ladder': {}}).update(card(experiments[row]))
  files.write_json(given.output, content)
  if given.counted:
    return
  base = experiments[BASE]
  trained = {BASE: step_times.training(base, given.steps)}
  heard = {BASE: step_times.utterance(base)}
  for row in rows:
    found, calls = dict(trained), dict(heard)
    if row != BASE:
      calls[row] = step_times.utterance(experiments[row])
      found[row] = step_times.training(experiments[row], given.steps)
    print(f'{row}: compiled', file=sys.stderr, flush=True)
    figures = summary(
      found,
      step_times.in_turns(
        {name: one.call for name, one in found.items()}, given.rounds, SLOW_S
      ),
      step_times.in_turns(calls, 10 * given.rounds, SLOW_S),
      row,
    )
    where = provenance.record('experiments.related.costs', arguments)
    figures['measured'] |= {name: where[name] for name in ('cpu', 'date')}
    networks[row].update(figures)
    content['environment_costs'] = where
    files.write_json(given.output, content)
    print(
      f'{row}: {figures["seconds_per_epoch"]:.1f} s an epoch of one fold, '
      f'{figures["latency_ms"]:.1f} ms an utterance',
      flush=True,
    )


if __name__ == '__main__':
  sys.exit(command_line.run(lambda: main(sys.argv[1:])))
