"""A batch shared over devices needs no communication, nor heavy imports.

Both run in a process of their own: the number of CPU devices and what is
imported are settled when a process starts.
"""

from __future__ import annotations

import os
import subprocess
import sys

from commands import xla_flags

SHARDED = """
import dataclasses, itertools
import jax, numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from sernet_jax import features
from sernet_jax.features import blocks as features_blocks

spec = features.MfccSpec(
  frame_samples=64, hop_samples=16, fft_size=64, num_mel_bands=8,
  num_coefficients=5, lower_edge_hz=300.0,
)
# Padded on both sides, of which the blocks in between need no copy.
centred = dataclasses.replace(spec, hop_samples=32, padding='reflect')
waveform = np.random.default_rng(0).uniform(-1, 1, (4, 200)).astype('f4')

def compute(x):
  return features.mfcc(x, spec)

def mirrored(x):
  return features.mfcc(x, centred)

def bands(x):
  return features.log_mel_spectrogram(x, spec)

def loss(x):
  return (compute(x) ** 2).sum(axis=(1, 2))

def gradient(x):
  return jax.vjp(loss, x)[1](np.ones(4, np.float32))[0]

def check(mesh, functions):
  shared = jax.device_put(
    waveform, NamedSharding(mesh, PartitionSpec('batch'))
  )
  for function in functions:
    compiled = jax.jit(function).lower(shared).compile()
    text = compiled.as_text()
    for word in 'all-', 'collective', 'permute':
      assert word not in text, (mesh, function, word)
    result = compiled(shared)
    assert result.sharding.spec[0] == 'batch', result.sharding
    alone = jax.jit(function)(waveform)  # on one device, or with the mesh set
    np.testing.assert_allclose(result, alone, rtol=1e-5, atol=1e-5)
  mapped = jax.shard_map(
    compute, mesh=mesh, in_specs=PartitionSpec('batch'),
    out_specs=PartitionSpec('batch'),
  )
  np.testing.assert_allclose(
    jax.jit(mapped)(shared), compute(waveform), rtol=1e-5, atol=1e-5
  )

# Whole, and in blocks as CPUs take large batches.
for most, kind in itertools.product(
  (512, 12), (AxisType.Auto, AxisType.Explicit)
):
  if features_blocks.BLOCK_FRAMES != most:
    features_blocks.BLOCK_FRAMES = most
    jax.clear_caches()
  mesh = jax.make_mesh((4,), ('batch',), axis_types=(kind,))
  functions = [compute, mirrored, bands, jax.vmap(compute), gradient]
  with jax.set_mesh(mesh):
    check(mesh, functions)
  if kind == AxisType.Explicit:
    # Gradients of dynamic slices need the mesh set there, in JAX 0.12.
    functions.remove(gradient)
  check(mesh, functions)
print('no communication')
"""

IMPORTS = """
import sys
import jax, numpy
import jax.experimental.custom_partitioning
before = {name.partition('.')[0] for name in sys.modules}
from sernet_jax import features
after = {name.partition('.')[0] for name in sys.modules}
new = after - before - set(sys.stdlib_module_names) - {'sernet_jax'}
assert not new, new
ours = {name for name in sys.modules if name.startswith('sernet_jax.')}
heavy = {'sernet_jax.nn', 'sernet_jax.audio', 'sernet_jax.training'}
assert not ours & heavy, ours
print('jax and numpy')
"""


def run(program, **environment):
  result = subprocess.run(
    [sys.executable, '-W', 'error', '-c', program],
    env={**os.environ, **environment},
    capture_output=True,
    text=True,
    check=False,
  )
  assert result.returncode == 0, result.stderr
  return result.stdout


def test_a_sharded_batch_needs_no_communication():
  flags = xla_flags('--xla_force_host_platform_device_count=4')
  output = run(SHARDED, XLA_FLAGS=flags, JAX_PLATFORMS='cpu')
  assert output == 'no communication\n'


def test_features_import_jax_and_numpy_only():
  assert run(IMPORTS, JAX_PLATFORMS='cpu') == 'jax and numpy\n'
