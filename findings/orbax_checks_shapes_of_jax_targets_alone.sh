#!/usr/bin/env bash
# orbax checks shapes against JAX arrays, not against NumPy arrays.
#
# Versions: orbax-checkpoint 0.12.8, jax 0.10.2, jaxlib 0.10.2, numpy 2.4.6,
# Python 3.11, CPU.
# Date: 2026-11-29.
#
# A layer for 7 emotions is saved and restored into a network for 6: the target
# has 6 columns. `strict` is true by default, which "raises an error" if "the
# stored array shape does not match the target shape".
#
# Expected: that error, whatever library the target's array is of.
# Seen: the error for a jax.Array and for a shape alone; with a NumPy array the
# stored shape comes back without a word, and a transposed one too:
#   target jax (32, 6): ValueError
#   target shape (32, 6): ValueError
#   target numpy (32, 6): restored as (32, 7)
#   target numpy (7, 32): restored as (32, 7)
# The same with v1.load_pytree.
# What to do: restore into jax.ShapeDtypeStruct or jax.Array, or compare shapes
# oneself after restoring.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet orbax-checkpoint==0.12.8 jax==0.10.2 \
  jaxlib==0.10.2 numpy==2.4.6
cd "$folder"
export JAX_PLATFORMS=cpu
"$folder/venv/bin/python" - <<'PYTHON' 2> log || { cat log >&2; exit 1; }
import os

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

path = os.path.abspath('saved')
with ocp.StandardCheckpointer() as checkpointer:
  checkpointer.save(path, {'kernel': jnp.ones((32, 7))})


def restored(target):
  with ocp.StandardCheckpointer() as checkpointer:
    try:
      return checkpointer.restore(path, {'kernel': target})['kernel'].shape
    except ValueError as error:
      assert '(32, 7)' in str(error), error
      return None


for name, target in (
  ('jax', jnp.ones((32, 6))),
  ('shape', jax.ShapeDtypeStruct((32, 6), jnp.float32)),
  ('numpy', np.ones((32, 6), np.float32)),
  ('numpy', np.ones((7, 32), np.float32)),
):
  shape = restored(target)
  text = 'ValueError' if shape is None else f'restored as {shape}'
  print(f'target {name} {target.shape}: {text}')
  assert shape == ((32, 7) if name == 'numpy' else None)
print('as described')
PYTHON
