#!/usr/bin/env bash
# AAC in MP4 gains samples at its end: PyAV decodes more than the file states.
#
# Versions: av 18.1.0 (its own FFmpeg), numpy 2.4.6, Python 3.11.
# Date: 2026-11-29.
#
# 3 s at 16 kHz go into an MP4 file as AAC and come back.
#
# Expected: 48000 samples, as the container states where the sound begins and
# ends (an edit list), and as Opus in WebM and MP3 give back.
# Seen: the coder's delay at the beginning is taken off, its padding at the end
# stays, and the stream states a third number:
#   mp4: 48000 in, 49152 out, 49024 stated
#   webm: 144000 in, 144000 out
#   mp3: 48000 in, 48000 out
# What to do: expect up to two AAC frames (here 72 ms) of near silence behind
# the recordings of telephones; never compare copies in other formats by their
# number of samples.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet av==18.1.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import io

import av
import numpy as np


def there_and_back(container, codec, rate, form):
  time_s = np.arange(3 * rate) / rate
  samples = np.float32(0.3 * np.sin(2 * np.pi * 440 * time_s))
  file = io.BytesIO()
  with av.open(file, 'w', format=container) as target:
    stream = target.add_stream(codec, rate=rate)
    stream.layout = 'mono'
    frame = av.AudioFrame.from_ndarray(
      samples[None], format=form, layout='mono'
    )
    frame.sample_rate = rate
    for part in (frame, None):
      for packet in stream.encode(part):
        target.mux(packet)
  file.seek(0)
  with av.open(file) as source:
    stated = source.streams.audio[0].duration
    found = sum(frame.samples for frame in source.decode(audio=0))
  return len(samples), found, stated


given, found, stated = there_and_back('mp4', 'aac', 16_000, 'fltp')
print(f'mp4: {given} in, {found} out, {stated} stated')
assert given < stated < found
for container, codec, rate, form in (
  ('webm', 'libopus', 48_000, 'flt'),
  ('mp3', 'libmp3lame', 16_000, 'fltp'),
):
  given, found, _ = there_and_back(container, codec, rate, form)
  print(f'{container}: {given} in, {found} out')
  assert given == found
print('as described')
PYTHON
