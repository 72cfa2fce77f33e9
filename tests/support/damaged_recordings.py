"""Recordings of every container, damaged: what `attempt` does to them.

Seconds that a file lost are to be missed: an input that was cut off, or whose
header was changed in one place, is read as before but for a tenth of a second,
with a note, or refused.
"""

from __future__ import annotations

import functools
import io
import pathlib
import random
import tempfile

import mutations
import numpy as np
import soundfile

from sernet_jax.audio import quality, reading

RATE_HZ = 16_000
LEFT_OUT_S = 0.1  # what audio.containers and audio.media may not notice
# Their rate stands in one place, so that a wrong one contradicts nothing.
_ONE_RATE = ('AIFF', 'AU', 'CAF', 'FLAC', 'NIST', 'VOC', 'MP3', 'OGG')
_ONE_RATE += ('mp4', 'adts', 'webm', 'asf')
FORMS = (
  ('WAV', 'PCM_16', 1),
  ('WAV', 'PCM_24', 2),
  ('WAV', 'FLOAT', 1),
  ('WAV', 'GSM610', 1),
  ('WAV', 'IMA_ADPCM', 1),
  ('WAVEX', 'PCM_16', 2),
  ('RF64', 'PCM_16', 1),
  ('FLAC', 'PCM_16', 1),
  ('FLAC', 'PCM_24', 2),
  ('OGG', 'VORBIS', 1),
  ('OGG', 'OPUS', 1),
  ('MP3', 'MPEG_LAYER_III', 1),
  ('AIFF', 'PCM_16', 1),
  ('AU', 'PCM_16', 1),
  ('CAF', 'PCM_16', 1),
  ('W64', 'PCM_16', 1),
  ('NIST', 'PCM_16', 1),
  ('VOC', 'PCM_16', 1),
)
# FFmpeg's container, codec and suffix.
MEDIA = (
  ('mp4', 'aac', 'm4a'),
  ('adts', 'aac', 'aac'),
  ('webm', 'libopus', 'webm'),
  ('asf', 'wmav2', 'wma'),
)


def _sound(channels: int) -> np.ndarray:
  """Noise of 0.3 s (samples, channels), none of it silent."""
  noise = np.random.default_rng(channels).uniform(-0.4, 0.4, (4800, channels))
  return noise.astype(np.float32)


@functools.cache
def originals() -> list[tuple[str, bytes]]:
  """(name, content) of whole recordings."""
  found = []
  for form, subtype, channels in FORMS:
    file = io.BytesIO()
    rate_hz = 48_000 if subtype == 'OPUS' else RATE_HZ
    soundfile.write(
      file, _sound(channels), rate_hz, format=form, subtype=subtype
    )
    found.append((f'{form}_{subtype}.{form.lower()}', file.getvalue()))
  try:
    import av
  except ImportError:
    return found
  for container, codec, suffix in MEDIA:
    found.append(
      (f'{container}_{codec}.{suffix}', _media(av, container, codec))
    )
  return found


def _media(av, container, codec):
  file = io.BytesIO()
  with av.open(file, 'w', format=container) as output:
    stream = output.add_stream(codec, rate=48_000, layout='mono')
    stream.bit_rate = 64_000
    samples = np.tile(_sound(1).T, 4)  # (1, samples)
    frame = av.AudioFrame.from_ndarray(samples, 'fltp', 'mono')
    frame.rate = 48_000
    output.mux(stream.encode(frame))
    output.mux(stream.encode())
  return file.getvalue()


@functools.cache
def _folder() -> pathlib.Path:
  return pathlib.Path(tempfile.mkdtemp(prefix='sernet-fuzz-'))


def _read(path):
  """Returns what is read of a recording: (rate in Hz, samples, notes)."""
  watch = quality.Watch()
  samples, rate_hz = reading.read(path, watch=watch)
  assert np.isfinite(samples).all() and samples.any()
  count, header_hz = reading.length(path)
  assert (round(count * rate_hz), header_hz) == (len(samples), rate_hz), (
    f'{count} s at {header_hz} Hz are promised, {len(samples)} samples read'
  )
  watch.sentences(8000.0)
  return rate_hz, len(samples), watch.notes


@functools.cache
def _before(index):
  name, content = originals()[index]
  path = _folder() / f'whole_{name}'
  path.write_bytes(content)
  return _read(path)


def warm_up() -> None:
  """Reads the whole recordings, which loads all decoders."""
  for index in range(len(originals())):
    _before(index)


def damaged(number: int):
  """Returns (index of the recording, how, its content) of an attempt."""
  dice = random.Random(f'recordings {number}')
  index = number % len(originals())
  content = originals()[index][1]
  how = dice.choice(('bytes', 'bytes', 'header', 'header', 'cut', 'twice'))
  if how == 'bytes':
    changed = mutations.of_bytes(content, dice)
  elif how == 'header':  # one byte in the first hundred
    changed = bytearray(content)
    changed[dice.randrange(min(100, len(content)))] = dice.choice(
      (0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256))
    )
    changed = bytes(changed)
  elif how == 'cut':
    changed = content[: dice.randrange(len(content) // 4, len(content))]
  else:
    changed = content + mutations.of_bytes(content, dice)
  return index, how, changed


def attempt(number: int) -> str:
  """Reads a damaged recording; see `isolated`."""
  index, how, changed = damaged(number)
  name = originals()[index][0]
  form = name.split('_')[0]
  path = _folder() / name
  path.write_bytes(changed)
  before_it = {*_folder().iterdir()}
  rate_hz, count, notes = _read(path)
  assert {*_folder().iterdir()} == before_it
  before_hz, before, _ = _before(index)
  if notes or how == 'bytes':
    return 'read'
  change_s = count / rate_hz - before / before_hz
  if how == 'header' and form in _ONE_RATE:
    change_s = (count - before) / before_hz
  if how == 'twice':
    change_s = min(0, change_s)
  assert abs(change_s) <= LEFT_OUT_S, (
    f'{count} samples at {rate_hz} Hz for {before} at {before_hz} Hz'
  )
  return 'read'
