#!/usr/bin/env bash
# A Fourier transform of a batch that lies on several devices gathers it first.
#
# Versions: jax 0.10.2, jaxlib 0.10.2, numpy 2.4.6, Python 3.11, CPU.
# Date: 2026-11-28. Public reports: openxla/xla#24, jax-ml/jax#15680.
#
# Spectrograms are computed row by row, so that a batch whose first axis is
# split over devices needs no communication: each device could transform its
# own rows. That is what XLA's partitioner does for a matrix product.
#
# Expected: a program without collectives, and a result that stays split.
# Seen: for `jnp.fft.rfft` the whole batch is gathered onto every device, each
# transforms all of it, and memory and work grow with the number of devices:
#   matrix product: 0 all-gathers
#   rfft: 1 all-gather, of the whole batch of 8 rows
# What to do: `jax.shard_map` around the transform, or a primitive with
# `jax.experimental.custom_partitioning` that says rows are independent.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
cd "$folder"
XLA_FLAGS=--xla_force_host_platform_device_count=4 JAX_PLATFORMS=cpu \
  "$folder/venv/bin/python" - <<'PYTHON'
import re

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

mesh = jax.make_mesh(
  (4,), ('batch',), axis_types=(jax.sharding.AxisType.Auto,)
)
rows = NamedSharding(mesh, PartitionSpec('batch'))
frames = jax.device_put(np.ones((8, 1024), np.float32), rows)
matrix = jnp.ones((1024, 513))


def gathers(function):
  text = jax.jit(function).lower(frames).compile().as_text()
  return re.findall(r'= (\S+) all-gather(?:-start)?\(', text)


product = gathers(lambda x: x @ matrix)
transform = gathers(jnp.fft.rfft)
print(f'matrix product: {len(product)} all-gathers')
print(f'rfft: {len(transform)} all-gather, {transform}')
assert product == []
assert len(transform) == 1 and transform[0].startswith('f32[8,1024]')
print('as described')
PYTHON
