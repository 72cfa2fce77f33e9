"""The folder of C sources: front end, network, voice gate and an app."""

from __future__ import annotations

import pathlib
import re

from sernet_jax.audio import voice_gate
from sernet_jax.audio.listening import Listening
from sernet_jax.common import files
from sernet_jax.common.errors import require
from sernet_jax.export import writing
from sernet_jax.export.device import (
  c_front_end,
  c_network,
  c_text,
  own_files,
)
from sernet_jax.predict.bundle import Bundle

# Type of a table in C -> the bytes of a number.
_BYTES = {
  'float': 4,
  'int8_t': 1,
  'int16_t': 2,
  'uint16_t': 2,
  'int32_t': 4,
}


def write(folder: pathlib.Path, bundle: Bundle) -> str:
  """Writes the sources into a folder; returns how to compile them.

  Args:
    folder: new, or one that this function wrote.
    bundle: the model, with the ranges of its layers.

  Raises:
    InputError: if the C sources do not compute such a model, or the folder
      has files of somebody else by these names, or other sources.
  """
  content = sources(bundle)
  foreign = sorted(
    path.name
    for path in (folder.iterdir() if folder.is_dir() else ())
    if path.suffix == '.c' and path.name not in content
  )
  require(
    not foreign,
    f'{folder} has other sources ({", ".join(foreign[:3])}), which would be '
    'compiled too; choose another --output',
  )
  own_files.require_own(folder, content)
  for name, text in content.items():
    files.write_bytes(folder / name, text, files.Cure('--output'))
  tables, state = sizes(content)
  other = ''
  if bundle.audio.segments == 'all':
    other = (
      f'; the app judges {bundle.audio.duration_s:g} s from the middle of a '
      'recording, predict the mean over segments of all of it'
    )
  return (
    'cc -std=c99 -O2 *.c -lm -o app && ./app recording.wav; '
    f'{tables / 1024:.0f} KiB of constants, {state / 1024:.1f} KiB of memory '
    f'without code and sound; classes {", ".join(bundle.classes)}{other}'
  )


def sizes(content: dict[str, bytes]) -> tuple[int, int]:
  """Returns the bytes of constant tables, and of one state in float32.

  Args:
    content: the files of the folder; see `sources`.
  """
  tables = sum(
    _BYTES[kind] * int(count)
    for name in ('front_end.c', 'network.c')
    for kind, count in re.findall(
      r'^static const (\w+) \w+\[(\d+)\] = {', content[name].decode(), re.M
    )
  )
  headers = (content['front_end.h'] + content['network.h']).decode()
  of = {
    name: int(value)
    for name, value in re.findall(
      r'^#define SERNET_(\w+) (\d+)$', headers, re.M
    )
  }
  # The fields of sernet_front_end and of sernet_network, 4 bytes each but the
  # maps of 8 bits.
  words = 1 + of['HELD'] + of['FFT_SIZE'] + of['BANDS']
  words += 3 * of['LAYERS'] + 1 + of['FEATURE_ROWS'] * of['COEFFICIENTS']
  words += -(-of['MAP_BYTES'] // 4) + of['LAST'] * (1 + of['STATISTICS'])
  return tables, 4 * words


def sources(bundle: Bundle) -> dict[str, bytes]:
  """Returns the files of the folder, content by name; see `write`."""
  c_front_end.require_suitable(bundle)
  c_network.require_suitable(bundle)
  ranges = writing.known_ranges(bundle)
  metadata = c_network.metadata(bundle)
  texts = {
    'front_end.h': c_text.source(
      'front_end.h', constants=c_front_end.constants(bundle)
    ),
    'front_end.c': c_text.source(
      'front_end.c', tables=c_front_end.tables(bundle)
    ),
    'network.h': c_text.source(
      'network.h', constants=c_network.constants(bundle)
    ),
    'network.c': c_text.source(
      'network.c', tables=c_network.tables(bundle, ranges, metadata)
    ),
    'gate.h': c_text.source('gate.h', constants=_gate(bundle)),
    **{
      name: c_text.source(name)
      for name in ('gate.c', 'wav.h', 'wav.c', 'main.c')
    },
  }
  return {name: text.encode() for name, text in texts.items()}


def _gate(bundle: Bundle) -> str:
  """The macros of `c/gate.h`, each of which a compiler's -D may replace."""
  spec = voice_gate.GateSpec(
    bundle.audio.sample_rate_hz, bundle.mfcc.hop_samples
  )
  heard = Listening()
  values: dict[str, tuple[float, str]] = {
    'SERNET_GATE_OPEN_DB': (voice_gate.OPEN_DB, 'above the noise'),
    'SERNET_GATE_CLOSE_DB': (voice_gate.CLOSE_DB, 'above the noise'),
    'SERNET_GATE_LEAST_DB': (voice_gate.LEAST_DB, 'of full scale'),
    'SERNET_GATE_RISE_DB': (voice_gate.RISE_DB, 'of the noise, in a second'),
    'SERNET_GATE_HANG': (spec.hang_hops, f'hops: {voice_gate.HANG_S:g} s'),
    'SERNET_GATE_VOICE': (spec.voice_hops, f'hops: {voice_gate.VOICE_S:g} s'),
    'SERNET_SILENCE_DB': (heard.gate_db, 'below the loudest window'),
    'SERNET_FLOOR_DB': (heard.floor_db, 'of full scale'),
  }
  return '\n'.join(
    f'#ifndef {name} /* {note} */\n#define {name} ({c_text.number(value)})\n'
    '#endif'
    for name, (value, note) in values.items()
  )
