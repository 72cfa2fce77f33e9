"""XLA's count of the network agrees with ours, and a fresh process runs it."""

from __future__ import annotations

import json
import math

import pytest
import small_model
import tiny

from experiments.lib import cost_measured, cost_probe
from sernet_jax.nn import cost
from sernet_jax.nn.spec import ModelSpec
from sernet_jax.predict import bundle

FOLDER = tiny.ROOT / 'experiments' / 'cost'


def rest(layers):
  """Bias, ReLU and the sums of the pools: three for each value of a map."""
  return sum(
    3 * math.prod(each.size) * each.layer.outputs
    for each in layers
    if each.layer.batch_norm
  )


@pytest.mark.parametrize('duration_s', [1.0, 3.0])
def test_xla_counts_what_we_count(duration_s):
  model = cost_probe.at_duration(bundle.load(bundle.release_path()), duration_s)
  program = cost_measured.programs(model)['plain']
  found, shape = cost_measured.analyze(program), program.shape
  if found['mflops'] is None:
    pytest.skip('this platform has no cost analysis')
  layers = cost.list_layers(model.model, shape.shape[1])
  ours = 2 * sum(each.multiply_adds_inside for each in layers)
  assert found['mflops'] == pytest.approx((ours + rest(layers)) / 1e6, rel=3e-3)
  # The maps of one path and the pooled ones must be held in any case.
  assert (
    found['temporary_kib']
    >= (cost.cost(model.model, shape.shape[1])['peak_memory_kib'])
  )


def test_a_fresh_process_measures_a_model():
  model = small_model.make()
  found = cost_probe.probe(model, threads=1, repeats=3)
  assert found['latency_ms'].keys() == {'network', 'chain'}
  for name, least in found['least_ms'].items():
    assert 0 < least <= found['latency_ms'][name]
  assert found['process_mib'] is None or found['process_mib'] > 20


def test_the_figures_that_are_kept_are_those_of_this_network():
  kept = json.loads((FOLDER / 'results.json').read_text())
  assert [length['duration_s'] for length in kept['lengths']] == [3.0, 7.0]
  for length in kept['lengths']:
    assert length['counted'] == cost.cost(ModelSpec(), length['frames'])
  page = (FOLDER / 'README.md').read_text()
  assert f'{kept["lengths"][0]["xla"]["plain"]["mflops"]:.1f}' in page


def test_the_command_refuses_what_it_cannot_read():
  measure = tiny.load_script(FOLDER / 'measure.py')
  with pytest.raises(ValueError, match=r'is not a \.safetensors file'):
    measure.main(['--model=net.onnx'])
  with pytest.raises(ValueError, match='--repeats is 0; give 1 or more'):
    measure.main(['--repeats=0'])
