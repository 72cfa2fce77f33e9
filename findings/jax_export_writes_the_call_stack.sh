#!/usr/bin/env bash
# jax.export writes the call stack of whoever exports into the program.
#
# Versions: jax 0.10.2, jaxlib 0.10.2, numpy 2.4.6, Python 3.11.
# Date: 2026-11-29.
#
# The same function is exported twice, the second time from four calls deeper.
#
# Expected: the same bytes; StableHLO says what is computed.
# Seen: other bytes and another size, as each operation has up to 100 frames of
# Python with it, file names and functions of the whole program included:
#   as it is: [1260, 1276] bytes, 2 different, names its file: True
#   without frames: [1040, 1040] bytes, 1 different, names its file: False
# jax_hlo_source_file_canonicalization_regex removes the paths alone; functions,
# lines and the number of frames stay.
# What to do: set jax_traceback_in_locations_limit to 0 while exporting, before
# comparing files by a hash or giving them away.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2 \
  numpy==2.4.6 flatbuffers
cd "$folder"
cat > find.py <<'PYTHON'
import hashlib

import jax
import jax.numpy as jnp


def write(calls):
  if calls:
    return write(calls - 1)

  def double(x):
    return 2 * jnp.sin(x)

  shape = jax.ShapeDtypeStruct((3,), jnp.float32)
  return jax.export.export(jax.jit(double))(shape).serialize()


def show(text):
  contents = [bytes(write(calls)) for calls in (1, 5)]
  different = len({hashlib.sha256(content).digest() for content in contents})
  named = b'find.py' in b''.join(contents)
  sizes = [len(content) for content in contents]
  print(f'{text}: {sizes} bytes, {different} different, names its file: {named}')
  return different, named


assert show('as it is') == (2, True)
jax.config.update('jax_traceback_in_locations_limit', 0)
assert show('without frames') == (1, False)
PYTHON
JAX_PLATFORMS=cpu "$folder/venv/bin/python" find.py
echo 'as described'
