#!/usr/bin/env bash
# libsndfile calls a CAF file malformed whose sound has the size -1, as CAF allows.
#
# Versions: soundfile 0.14.0 (libsndfile 1.2.2), av 18.1.0 (its own FFmpeg),
# numpy 2.4.6, Python 3.11.
# Date: 2026-11-29.
#
# Apple's Core Audio Format lets the chunk with the sound, where it is the last,
# have the size -1: up to the end of the file. Recorders write it first and the
# number at the end, so that a recording that was cut off can still be played.
#
# Expected: 16000 samples, with the size and with -1, as FFmpeg reads; AU, whose
# header has the same rule, comes back whole.
# Seen: AU comes back, CAF does not:
#   au: 16000 with the size, 16000 with -1
#   caf: 16000 with the size
#   caf with -1: Error opening 'unknown.caf': Supported file format but file is malformed.
#   FFmpeg: 16000 of the same file
# What to do: before you give such a file up, write the true number (bytes left in
# the file) into a copy of the header, or read it by FFmpeg.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet soundfile==0.14.0 av==18.1.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import pathlib
import struct

import av
import numpy as np
import soundfile

RATE = 16_000
print(soundfile.__libsndfile_version__)
sound = np.float32(0.1 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE))


def files(kind, place_of, size):
  """Writes a file with its size and one with -1; returns both paths."""
  known, unknown = pathlib.Path(f'known.{kind}'), pathlib.Path(f'unknown.{kind}')
  soundfile.write(known, sound, RATE, subtype='PCM_16')
  content = known.read_bytes()
  place = place_of(content)
  minus_1 = struct.pack(size, -1)
  unknown.write_bytes(content[:place] + minus_1 + content[place + len(minus_1) :])
  return known, unknown


known, unknown = files('au', lambda content: 8, '>i')
counts = [len(soundfile.read(path)[0]) for path in (known, unknown)]
print(f'au: {counts[0]} with the size, {counts[1]} with -1')
assert counts == [RATE, RATE]

known, unknown = files('caf', lambda content: content.index(b'data') + 4, '>q')
count = len(soundfile.read(known)[0])
print(f'caf: {count} with the size')
assert count == RATE
try:
  soundfile.read(unknown)
except soundfile.LibsndfileError as error:
  print(f'caf with -1: {error}')
  assert 'malformed' in str(error)
else:
  raise AssertionError('it is read')
with av.open(str(unknown)) as source:
  count = sum(frame.samples for frame in source.decode(audio=0))
print(f'FFmpeg: {count} of the same file')
assert count == RATE
print('as described')
PYTHON
