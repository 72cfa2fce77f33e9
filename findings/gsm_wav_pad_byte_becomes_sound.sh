#!/usr/bin/env bash
# libsndfile turns the pad byte of a GSM 6.10 WAV into 320 samples of sound.
#
# Versions: soundfile 0.14.0 (libsndfile 1.2.2), numpy 2.4.6, Python 3.11.
# Date: 2026-11-28.
#
# A GSM 6.10 WAV (telephone exchanges, voice mail) holds blocks of 65 bytes,
# 320 samples each. With an odd number of blocks the `data` chunk has an odd
# length, so RIFF puts one pad byte behind it, which belongs to no chunk.
#
# Expected: as many samples as were written, which the file's own `fact` chunk
# states too.
# Seen: an even number of blocks is right. With an odd number, the file that
# libsndfile itself wrote is read back with 320 samples more than `fact` says,
# and they are not silence but as loud as speech:
#   50 blocks: wrote 16000, fact 16000, read 16000
#   51 blocks: wrote 16320, fact 16320, read 16640, loudest of the extra 0.41
# What to do: read no more than `fact` (or whole blocks of the data size) says.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet soundfile==0.14.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import io

import numpy as np
import soundfile

assert soundfile.__libsndfile_version__ == '1.2.2'
extra = {}
for blocks in (50, 51):
  wrote = 320 * blocks
  tone = 0.3 * np.sin(np.arange(wrote) / 10)
  file = io.BytesIO()
  soundfile.write(file, tone, 8000, format='WAV', subtype='GSM610')
  content = file.getvalue()
  start = content.index(b'fact') + 8
  fact = int.from_bytes(content[start : start + 4], 'little')
  file.seek(0)
  samples, _ = soundfile.read(file)
  text = f'{blocks} blocks: wrote {wrote}, fact {fact}, read {len(samples)}'
  assert fact == wrote
  extra[blocks] = samples[wrote:]
  if extra[blocks].size:
    text += f', loudest of the extra {np.abs(extra[blocks]).max():.2f}'
  print(text)
assert extra[50].size == 0
assert extra[51].size == 320 and np.abs(extra[51]).max() > 0.1
print('as described')
PYTHON
