"""Tones, noise, and files that are not recordings."""

from __future__ import annotations

import struct

import numpy as np
import soundfile

from sernet_jax.audio import reading

RATE_HZ = 16_000


def tone(seconds=1.0, rate_hz=RATE_HZ, frequency_hz=440.0, amplitude=0.5):
  time_s = np.arange(round(seconds * rate_hz)) / rate_hz
  return amplitude * np.sin(2 * np.pi * frequency_hz * time_s)


def noise(num_samples=RATE_HZ):
  return 0.1 * np.random.default_rng(0).standard_normal(num_samples)


def with_data_size(path, size):
  """Writes `size` into the header of a WAV file."""
  content = path.read_bytes()
  place = content.index(b'data') + 4
  order = '>' if content[:4] == b'RIFX' else '<'
  path.write_bytes(
    content[:place] + struct.pack(f'{order}I', size) + content[place + 4 :]
  )


def make_bad(folder):
  """Files that cannot be used, as {name: (path, words of the reason)}."""
  good = folder / 'good.wav'
  reading.write_wav(good, tone(), RATE_HZ)
  bad = {}

  def add(name, words, content=None, **options):
    path = folder / name
    if isinstance(content, bytes):
      path.write_bytes(content)
    elif content is not None:
      soundfile.write(path, content, RATE_HZ, **options)
    bad[name] = path, words
    return path

  add('missing.wav', 'does not exist')
  add('empty.wav', 'is empty', b'')
  add('no_samples.wav', 'holds no samples', np.zeros(0))
  add('silent.wav', 'is silent', np.zeros(100))
  add(
    'nan.wav',
    '2 samples that are not finite',
    np.array([0, np.nan, np.inf]),
    subtype='FLOAT',
  )
  add(
    'loud.wav',
    'and full scale is 1',
    np.array([0, -1e30, 1]),
    subtype='FLOAT',
  )
  # Their mean is beyond what 32 bits hold.
  add(
    'mean.wav',
    '1 samples that are not fin',
    np.full((1, 2), 3e38),
    subtype='FLOAT',
  )
  add('constant.wav', 'and a constant holds no sound', np.full(100, 0.25))
  add('text.wav', 'is text, not a recording', b'path,label,speaker\n' * 9)
  add(
    'pointer.wav',
    'is a pointer of Git LFS, not a recording; run git lfs pull in the clone',
    b'version https://git-lfs.github.com/spec/v1\noid sha256:c6f9\nsize 72862\n',
  )
  add('headless.raw', 'sound without a header', b'\1\x80' * 99)
  add('cut.wav', 'is cut short', good.read_bytes()[:-100])
  add('cut_in_header.wav', 'is cut short', good.read_bytes()[:30])
  add('archive.wav', 'is a ZIP archive', b'PK\3\4' + bytes(99))
  for suffix in 'flac', 'ogg', 'mp3':
    whole = folder / f'whole.{suffix}'
    soundfile.write(whole, noise(), RATE_HZ)
    content = whole.read_bytes()
    add(f'cut.{suffix}', 'cut short', content[: len(content) // 2])
  (folder / 'folder.wav').mkdir()
  add('folder.wav', 'is a folder')
  return bad
