#!/usr/bin/env bash
# libsndfile turns the heads of further blocks of a 16-bit VOC file into sound.
#
# Versions: soundfile 0.14.0 (libsndfile 1.2.2), av 18.1.0 (its own FFmpeg),
# numpy 2.4.6, Python 3.11.
# Date: 2026-11-30.
#
# Creative's VOC is a row of blocks, each with a byte for its kind and three for
# its size: sound, more sound, silence, texts, marks; a byte 0 ends the file.
#
# Expected: 8000 samples of a block of sound (kind 9), whatever text is behind;
# 12000 of one of 8000 and one of 4000; as FFmpeg reads. Or a refusal, as of 8 bits.
# Seen: all blocks behind the first are read as samples, their heads included, and
# the text as noise up to full scale:
#   one block: 8000 samples by libsndfile, 8000 by FFmpeg
#   and a text: 8012 samples by libsndfile, 8000 by FFmpeg
#   and a block of kind 2: 12002 samples by libsndfile, 12000 by FFmpeg
#   and a block of kind 9: 12008 samples by libsndfile, 12000 by FFmpeg
#   loudest of the sound 0.10, of what is read of the text 0.87
#   of 8 bits, two blocks: Error opening 'two.voc'
# What to do: walk over the blocks first; refuse files of several, cut others behind
# the first with sound.
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

RATE = 8000
HEAD = b'Creative Voice File\x1a' + struct.pack('<HHH', 26, 0x010A, 0x1129)
print(soundfile.__libsndfile_version__)


def block(kind, body):
  return bytes([kind]) + len(body).to_bytes(3, 'little') + body


def sound(samples):
  """A block of kind 9: rate, bits, channels, codec 4 (16 bits), 4 bytes free."""
  about = struct.pack('<IBBHI', RATE, 16, 1, 4, 0)
  return block(9, about + samples.tobytes())


def counts(name, content):
  path = pathlib.Path(f'{name}.voc')
  path.write_bytes(HEAD + content + b'\0')
  with av.open(str(path), format='voc') as source:
    right = sum(frame.samples for frame in source.decode(audio=0))
  samples = soundfile.read(path)[0]
  print(f'{name}: {len(samples)} samples by libsndfile, {right} by FFmpeg')
  return samples, right


time_s = np.arange(12_000) / RATE
wave = np.int16(3277 * np.sin(2 * np.pi * 440 * time_s))
first, rest = wave[:8000], wave[8000:]
text = block(5, b'Small room, take one\0')
alone, right = counts('one block', sound(first))
assert len(alone) == right == 8000
texted, right = counts('and a text', sound(first) + text)
assert (len(texted), right) == (8012, 8000)
assert np.array_equal(texted[:8000], alone)
more, right = counts('and a block of kind 2', sound(first) + block(2, rest.tobytes()))
assert (len(more), right) == (12_002, 12_000)
two, right = counts('and a block of kind 9', sound(first) + sound(rest))
assert (len(two), right) == (12_008, 12_000)
assert np.array_equal(two[8008:], rest / 32768)
loudest = np.abs(texted[8000:]).max()
print(f'loudest of the sound {alone.max():.2f}, of what is read of the text {loudest:.2f}')
assert loudest > 0.5

samples = np.uint8(128 + first / 256).tobytes()
eight = block(1, bytes([131, 0]) + samples)  # 1e6 / (256 - 131) = 8000 Hz, 8 bits
pathlib.Path('two.voc').write_bytes(HEAD + eight + eight + b'\0')
try:
  soundfile.read('two.voc')
except soundfile.LibsndfileError as error:
  print(f'of 8 bits, two blocks: {str(error).split(":")[0]}')
else:
  raise AssertionError('it is read')
print('as described')
PYTHON
