#!/usr/bin/env bash
# jax.distributed does not notice that processes were told unlike counts.
#
# Versions: jax 0.10.2, jaxlib 0.10.2, numpy 2.4.6, Python 3.11, CPU.
# Date: 2026-11-28.
#
# Several processes train one model when each calls `jax.distributed.initialize`
# with the address of process 0, their number and its own index. The number is
# typed once per machine, so it is easily wrong on one of them.
#
# Expected: an error that names the two numbers, or at least a time-out, as the
# process that was told 3 waits for a third.
# Seen: process 0 is told 2 and process 1 is told 3. Both initialize without a
# word and agree on two processes, so the wrong number is never reported:
#   process 0 was told 2, counts 2 processes and 2 devices
#   process 1 was told 3, counts 2 processes and 2 devices
# What to do: exchange the number that each was told before training.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
cd "$folder"
cat > process.py <<'PYTHON'
import sys

import jax

port, told, index = map(int, sys.argv[1:])
jax.distributed.initialize(
  f'127.0.0.1:{port}', told, index, initialization_timeout=30
)
print(
  f'process {index} was told {told}, counts {jax.process_count()} processes '
  f'and {jax.device_count()} devices',
  flush=True,
)
PYTHON
export JAX_PLATFORMS=cpu
port=$("$folder/venv/bin/python" -c \
  'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
timeout 120 "$folder/venv/bin/python" process.py "$port" 2 0 > zero.txt &
timeout 120 "$folder/venv/bin/python" process.py "$port" 3 1 > one.txt
wait
cat zero.txt one.txt
grep -qx 'process 0 was told 2, counts 2 processes and 2 devices' zero.txt
grep -qx 'process 1 was told 3, counts 2 processes and 2 devices' one.txt
echo 'as described'
