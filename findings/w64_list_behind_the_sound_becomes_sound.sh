#!/usr/bin/env bash
# libsndfile turns the list of texts behind the sound of a W64 file into sound.
#
# Versions: soundfile 0.14.0 (libsndfile 1.2.2), av 18.1.0 (its own FFmpeg),
# numpy 2.4.6, Python 3.11.
# Date: 2026-11-29.
#
# Sony Wave64 is what recorders and editors write beyond 4 GB: RIFF with names of
# 16 bytes and sizes of 64 bits. As in WAV, a list with title and notes may stand
# behind the sound, whose own size is in the header.
#
# Expected: 16000 samples, with and without the list, as of a WAV file, and as
# FFmpeg reads of the same W64 file, list included.
# Seen: the size in the header counts for WAV alone; of W64 libsndfile reads the
# file to its last byte, the list's name, size and text as samples:
#   wav: 16000 alone, 16000 with a list behind
#   w64: 16000 alone, 16212 with a list behind
#   FFmpeg: 16000 of the same file, title 'Small room, take one'
#   loudest of the sound 0.10, of what is read behind 0.92
# What to do: cut a W64 file at the size of its data chunk before its loudness,
# length or features count; a burst at the end is the list.
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
TEXTS = {b'INAM': 'Small room, take one', b'ICMT': 'door closed, fan off ' * 8}
# The name of the list in W64; the one in WAV is 'LIST'.
SUMMARY_LIST = bytes.fromhex('bc945f925a52d21186dc00c04f8edb8a')

print(soundfile.__libsndfile_version__)
time_s = np.arange(RATE) / RATE
sound = np.float32(0.1 * np.sin(2 * np.pi * 440 * time_s))


def text_list(kind):
  """A list of texts as each format has it, with its name and size."""
  if kind == 'wav':
    body = b'INFO'
    for name, text in TEXTS.items():
      text = text.encode() + b'\0' * (2 - len(text) % 2)
      body += name + struct.pack('<I', len(text)) + text
    return b'LIST' + struct.pack('<I', len(body)) + body
  body = struct.pack('<I', len(TEXTS))
  for name, text in TEXTS.items():
    text = text.encode('utf-16-le') + b'\0\0'
    body += name + struct.pack('<I', len(text)) + text
  # Sizes count the 24 bytes of name and size; chunks fill multiples of 8.
  size = 24 + len(body)
  return SUMMARY_LIST + struct.pack('<Q', size) + body + b'\0' * (-size % 8)


found = {}
for kind in ('wav', 'w64'):
  path = pathlib.Path(f'alone.{kind}')
  soundfile.write(path, sound, RATE, subtype='PCM_16')
  whole = path.read_bytes() + text_list(kind)
  if kind == 'wav':
    whole = whole[:4] + struct.pack('<I', len(whole) - 8) + whole[8:]
  else:
    whole = whole[:16] + struct.pack('<Q', len(whole)) + whole[24:]
  listed = pathlib.Path(f'listed.{kind}')
  listed.write_bytes(whole)
  found[kind] = [soundfile.read(each)[0] for each in (path, listed)]
  one, other = map(len, found[kind])
  print(f'{kind}: {one} alone, {other} with a list behind')

with av.open('listed.w64') as source:
  count = sum(frame.samples for frame in source.decode(audio=0))
  title = source.metadata['title']
print(f'FFmpeg: {count} of the same file, title {title!r}')
assert count == RATE and title == TEXTS[b'INAM']

assert len(found['wav'][0]) == len(found['wav'][1]) == RATE
alone, listed = found['w64']
assert len(alone) == RATE
assert len(listed) == RATE + len(text_list('w64')) // 2
assert np.array_equal(listed[:RATE], alone)
behind = np.abs(listed[RATE:]).max()
print(f'loudest of the sound {alone.max():.2f}, of what is read behind {behind:.2f}')
assert behind > 0.5
print('as described')
PYTHON
