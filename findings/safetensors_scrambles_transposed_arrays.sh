#!/usr/bin/env bash
# safetensors 0.8 writes the numbers of a transposed NumPy array in disorder.
#
# Versions: safetensors 0.8.0 and 0.7.0, numpy 2.4.6, Python 3.11.
# Date: 2026-11-29. Public report: safetensors/safetensors#825.
#
# The weights of a dense layer of PyTorch, (out, in), become those of one of JAX
# by `.T`, a view without a copy, and are saved. So are a matrix in Fortran
# order, as PCA of scikit-learn returns, and every other column.
#
# Expected: the same array comes back, as with 0.7.0 and np.savez; or an error,
# as safetensors.torch raises for tensors that are not contiguous.
# Seen: in 0.8.0 the memory is written as it lies, under the shape of the view,
# without a word; loading cannot notice it:
#   0.7.0: plain right, transposed right, fortran right, strided right
#   0.8.0: plain right, transposed WRONG, fortran WRONG, strided WRONG
#   0.8.0: [[0, 3], [1, 4], [2, 5]] comes back as [[0, 1], [2, 3], [4, 5]]
# What to do: np.ascontiguousarray on each array before save and save_file, and
# compare once what comes back.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > find.py <<'PYTHON'
import sys

import numpy as np
import safetensors
from safetensors.numpy import load_file, save_file

whole = np.arange(6, dtype=np.float32).reshape(2, 3)
arrays = {
  'plain': whole,
  'transposed': whole.T,
  'fortran': np.asfortranarray(whole),
  'strided': whole[:, ::2],
}
save_file(arrays, 'saved.safetensors')
found = load_file('saved.safetensors')
right = {name: np.array_equal(found[name], arrays[name]) for name in arrays}
version = safetensors.__version__
print(
  f'{version}: '
  + ', '.join(f'{k} {"right" if v else "WRONG"}' for k, v in right.items())
)
if version == '0.7.0':
  assert all(right.values())
else:
  assert [name for name, same in right.items() if same] == ['plain']
  given, back = (x['transposed'].astype(int).tolist() for x in (arrays, found))
  print(f'{version}: {given} comes back as {back}')
PYTHON
for version in 0.7.0 0.8.0; do
  python3 -m venv "$version"
  "$version/bin/pip" install --quiet safetensors==$version numpy==2.4.6
  "$version/bin/python" find.py
done
echo 'as described'
