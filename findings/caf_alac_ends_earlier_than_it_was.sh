#!/usr/bin/env bash
# ALAC in CAF loses samples at its end: FFmpeg takes the filling off twice.
#
# Versions: av 18.1.0 (its own FFmpeg, libavcodec 62.28), soundfile 0.14.0
# (libsndfile 1.2.2), numpy 2.4.6, Python 3.11.
# Date: 2026-11-30.
#
# Apple Lossless has packets of 4096 samples. A shorter last one says so itself,
# and CAF says how many samples would fill it up (its remainder frames).
#
# Expected: 16000 samples as they were, by whoever reads.
# Seen: libsndfile reads 16000 of its own file, FFmpeg 15616: the last packet has
# 3712 samples, of which FFmpeg takes away the 384 that would make it 4096. The
# container has it right, and MP4 comes back whole. Where the filling is longer
# than the packet, nothing is taken away:
#   caf, 16000 samples: 16000 by libsndfile, 15616 by FFmpeg, 16000 stated
#   caf, 15000 samples: 15000 by libsndfile, 13616 by FFmpeg, 15000 stated
#   caf, 5000 samples: 5000 by libsndfile, 5000 by FFmpeg, 5000 stated
#   caf, 16000 samples, FFmpeg told to trim nothing: 16000
#   mp4, 16000 samples: 16000 by FFmpeg
# What to do: give the decoder the flag skip_manual (flags2) for ALAC in CAF, and
# compare what comes with the length that is stated.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet soundfile==0.14.0 av==18.1.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import av
import numpy as np
import soundfile

RATE = 16_000
print(av.library_versions['libavcodec'], soundfile.__libsndfile_version__)


def tone(count):
  return np.float32(0.1 * np.sin(2 * np.pi * 440 * np.arange(count) / RATE))


def decoded(path, **options):
  """Samples that FFmpeg decodes, and their number by the container."""
  with av.open(path) as source:
    stream = source.streams.audio[0]
    stream.codec_context.options = options
    frames = [frame.to_ndarray()[0] for frame in source.decode(audio=0)]
    return np.concatenate(frames), stream.duration


found = {}
for count in (16_000, 15_000, 5000):
  soundfile.write('a.caf', tone(count), RATE, format='CAF', subtype='ALAC_16')
  right = soundfile.read('a.caf', dtype='int16')[0]
  samples, stated = decoded('a.caf')
  assert len(right) == stated == count
  assert np.array_equal(samples, right[: len(samples)])
  print(
    f'caf, {count} samples: {count} by libsndfile, {len(samples)} by FFmpeg, '
    f'{stated} stated'
  )
  found[count] = len(samples)
assert found == {16_000: 15_616, 5000: 5000, 15_000: 13_616}

soundfile.write('a.caf', tone(RATE), RATE, format='CAF', subtype='ALAC_16')
samples, _ = decoded('a.caf', flags2='+skip_manual')
print(f'caf, 16000 samples, FFmpeg told to trim nothing: {len(samples)}')
assert np.array_equal(samples, soundfile.read('a.caf', dtype='int16')[0])

with av.open('a.m4a', 'w', format='ipod') as target:
  stream = target.add_stream('alac', rate=RATE, layout='mono')
  cut = av.AudioResampler('s16p', 'mono', RATE, frame_size=4096)
  frame = av.AudioFrame.from_ndarray(tone(RATE)[None], format='fltp', layout='mono')
  frame.sample_rate, frame.pts = RATE, 0
  for part in (*cut.resample(frame), *cut.resample(None)):
    target.mux(stream.encode(part))
  target.mux(stream.encode(None))
samples, _ = decoded('a.m4a')
print(f'mp4, 16000 samples: {len(samples)} by FFmpeg')
assert len(samples) == RATE
print('as described')
PYTHON
