#!/usr/bin/env bash
# safetensors writes other bytes each time when there is metadata.
#
# Versions: safetensors 0.8.0, numpy 2.4.6, Python 3.11.
# Date: 2026-11-29.
#
# The same two arrays with the same eight entries of metadata are saved by six
# fresh processes.
#
# Expected: six equal files; the tensors are sorted, and a dict keeps its order.
# Seen: six different files, as the entries of __metadata__ come in another
# order each time (the arrays and their offsets are the same):
#   6 different files of 6
#   without metadata 1 of 6
# What to do: do not tell models apart, or check a download, by a hash of the
# file that somebody else saved again; hash the arrays, or write the header
# anew in an order of your own.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet safetensors==0.8.0 numpy==2.4.6
cd "$folder"
cat > save.py <<'PYTHON'
import hashlib
import sys

import numpy as np
import safetensors.numpy

arrays = {'kernel': np.zeros(3, np.float32), 'bias': np.ones(2, np.float32)}
texts = {name: name for name in 'abcdefgh'} if sys.argv[1] == 'with' else None
content = safetensors.numpy.save(arrays, texts)
print(hashlib.sha256(content).hexdigest())
PYTHON
count() {
  for _ in 1 2 3 4 5 6; do "$folder/venv/bin/python" save.py "$1"; done |
    sort -u | wc -l
}
different=$(count with)
echo "$different different files of 6"
same=$(count without)
echo "without metadata $same of 6"
# By chance two of eight entries' orders may agree, all six will not.
[ "$different" -gt 1 ] && [ "$same" -eq 1 ]
echo 'as described'
