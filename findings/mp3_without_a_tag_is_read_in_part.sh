#!/usr/bin/env bash
# libsndfile reads half of an MP3 of variable bit rate that has no tag.
#
# Versions: soundfile 0.14.0 (libsndfile 1.2.2 with mpg123), numpy 2.4.6,
# Python 3.11.
# Date: 2026-11-29.
#
# 5 s that are nearly silent and 25 s of noise are written as MP3 of variable
# bit rate. The encoder puts a frame with a tag (Xing) in front, which states
# the number of frames. Without this first frame the file is an ordinary MP3
# still, as a stream that was recorded or cut is; every decoder plays all of it.
#
# Expected: 30 s, or at least as many as there are when reading to the end.
# Seen: the length is estimated from the size of the first frames, and reading
# stops there, without an error:
#   with the tag: 30.0 s stated, 30.0 s read
#   without it, quiet first: 14.3 s stated, 14.3 s read
#   without it, loud first: 8.9 s stated, 8.9 s read
# What to do: count the frames of an MP3 without a tag oneself, or decode it
# with FFmpeg; be wary of corpora that were cut from broadcasts.
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
RATE = 44100
KBPS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
quiet = 1e-4 * np.sin(2 * np.pi * 200 * np.arange(5 * RATE) / RATE)
noise = 0.3 * np.random.default_rng(0).normal(size=25 * RATE)
sound = np.concatenate([quiet, noise]).clip(-1, 1)


def mp3(samples):
  file = io.BytesIO()
  soundfile.write(
    file,
    samples,
    RATE,
    format='MP3',
    subtype='MPEG_LAYER_III',
    bitrate_mode='VARIABLE',
    compression_level=0.3,
  )
  return file.getvalue()


def without_tag(content):
  head = int.from_bytes(content[:4], 'big')
  assert b'Xing' in content[:100]
  # MPEG-1 layer III: 144 bytes times the bit rate over the sample rate.
  size = 144_000 * KBPS[head >> 12 & 15] // RATE + (head >> 9 & 1)
  rest = content[size:]
  assert rest[:2] == content[:2]  # the next frame begins here
  return rest


def seconds(content):
  stated = soundfile.info(io.BytesIO(content)).frames / RATE
  read = len(soundfile.read(io.BytesIO(content))[0]) / RATE
  return stated, read


stated, read = seconds(mp3(sound))
print(f'with the tag: {stated:.1f} s stated, {read:.1f} s read')
assert abs(read - 30) < 0.1
for name, samples in (('quiet', sound), ('loud', sound[::-1])):
  stated, read = seconds(without_tag(mp3(samples)))
  print(f'without it, {name} first: {stated:.1f} s stated, {read:.1f} s read')
  assert stated == read < 20
print('as described')
PYTHON
