#!/usr/bin/env bash
# libsndfile reads the first of several joined Ogg streams and says nothing.
#
# Versions: soundfile 0.14.0 (libsndfile 1.2.2), numpy 2.4.6, Python 3.11.
# Date: 2026-11-28.
#
# RFC 3533, section 4, allows Ogg streams to follow each other in one file
# ("chaining"); internet radio and recorders that start a new part do so, and
# `cat a.ogg b.ogg > c.ogg` is the documented way to join them.
#
# Expected: the samples of both parts, or an error, or at least a length that
# is that of the file.
# Seen: the first part alone, without an error, and `info` agrees with it, so
# neither the samples nor the stated length show that sound is missing:
#   VORBIS: parts of 3.0 and 2.0 s; read 3.0 s, info says 3.0 s
#   OPUS: parts of 3.0 and 2.0 s; read 3.0 s, info says 3.0 s
# What to do: look for a second first page (`OggS` with the header type 2)
# behind the end of the first stream.
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

RATE_HZ = 48_000


def part(seconds, subtype):
  time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
  file = io.BytesIO()
  tone = 0.3 * np.sin(2 * np.pi * 300 * time_s)
  soundfile.write(file, tone, RATE_HZ, format='OGG', subtype=subtype)
  return file.getvalue()


assert soundfile.__libsndfile_version__ == '1.2.2'
for subtype in ('VORBIS', 'OPUS'):
  joined = part(3.0, subtype) + part(2.0, subtype)
  samples, rate_hz = soundfile.read(io.BytesIO(joined))
  info = soundfile.info(io.BytesIO(joined))
  read_s, stated_s = len(samples) / rate_hz, info.frames / info.samplerate
  print(
    f'{subtype}: parts of 3.0 and 2.0 s; read {read_s:.1f} s, info says '
    f'{stated_s:.1f} s'
  )
  assert round(read_s, 1) == round(stated_s, 1) == 3.0
print('as described')
PYTHON
