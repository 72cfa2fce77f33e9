"""Recognizes emotions in sound while it comes in.

  arecord -t raw -f S16_LE -r 16000 | python -m sernet_jax.stream

Reads raw sound, 16-bit mono by default, from stdin (or a microphone) and prints,
for every hop, one line of JSON:

  {"time_s": 3.0, "start_s": 0.0, "label": "anger", "probabilities": {...}}

about the sound from start_s to time_s, with `dimensions` where the model has
some; label and numbers are null in silence, also beside the loudest window so
far (--gate_db) and, with --voice, where no voice begins. Else the lines are
those of the timeline that `python -m sernet_jax.predict` gives for the same
sound, the last and shorter window included. Ctrl-C ends the microphone.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Iterator, Sequence
from typing import cast

from sernet_jax.common import command_line, machine
from sernet_jax.common.errors import require
from sernet_jax.predict.inference import options

_MOST_CHANNELS = 64
_RARE_S = 0.5  # windows so far apart are computed in numpy
_BLOCK_S = 0.1  # at most, so that memory is bounded and estimates come soon


def main(argv: Sequence[str] | None = None) -> int:
  """Runs the command; returns the exit code."""
  args = _parser().parse_args(argv)
  machine.one_thread_in_numpy()
  problems: list[str] = []

  def command() -> None:
    try:
      _run(args, problems)
    except KeyboardInterrupt:
      if not args.microphone:  # which listens until then
        raise

  try:
    return command_line.run(command, stopped='', is_filter=True)
  finally:
    _report(problems)


def _parser() -> argparse.ArgumentParser:
  parser = command_line.Parser(
    prog='python -m sernet_jax.stream',
    description='Estimate emotions in raw sound from stdin while it comes in: '
    'little-endian samples without a header.',
  )
  parser.add_argument(
    '--rate_hz', type=int, default=16_000, help='of the sound (%(default)s)'
  )
  parser.add_argument(
    '--format',
    choices=tuple(options.SAMPLE_FORMATS),
    default='s16',
    help='of a sample: signed or unsigned bits, or float (%(default)s)',
  )
  parser.add_argument(
    '--channels',
    type=int,
    default=1,
    help='whose samples take turns (%(default)s)',
  )
  parser.add_argument(
    '--microphone', action='store_true', help='listen to it instead of stdin'
  )
  parser.add_argument(
    '--hop_s', type=float, default=None, help='between estimates (1)'
  )
  parser.add_argument(
    '--held_db',
    type=float,
    default=0.0,
    help='keep the scale of a window for the next ones while theirs are so '
    'close, so that only new sound is computed, with hops such as 0.256 s; 0: '
    'each window has its own (%(default)g)',
  )
  parser.add_argument(
    '--voice',
    action='store_true',
    help='windows without a voice are silence too: a gate by energy must be '
    'open for 0.3 s of them, which steady noise does not do',
  )
  options.add_sound_options(parser, whole=False)
  options.add_model_options(parser)
  return parser


def _run(args: argparse.Namespace, problems: list[str]) -> None:
  require(
    args.microphone or not sys.stdin.isatty(),
    'stdin is the keyboard; pipe raw sound in, or give --microphone',
  )
  require(
    1 <= args.channels <= _MOST_CHANNELS,
    f'--channels is {args.channels}; give 1 to {_MOST_CHANNELS}',
  )
  require(
    not args.microphone or (args.format, args.channels) == ('s16', 1),
    'a microphone gives s16 of one channel; leave out --format and --channels',
  )
  heard = options.listening(args)
  import numpy as np

  from sernet_jax.common import jax_setup
  from sernet_jax.predict import live, output
  from sernet_jax.predict.inference import unsure

  unsure.check(args.abstain)
  jax_setup.set_up()
  # JAX takes seconds to start and then less of a core for each window.
  rare = not args.held_db and (args.hop_s is None or args.hop_s >= _RARE_S)
  model = options.load(args, None if rare else 0)
  abstain = unsure.of_model(args.abstain, model)
  channel = heard.channel or model.audio.channel
  require(
    args.channels == 1 or channel == 'mean' or int(channel) < args.channels,
    f'--channel={channel} is not one of the {args.channels} channels, counted '
    'from 0 on; see --channels',
  )
  # Compiled before the first sound, which must not wait for it.
  model(np.zeros((1, model.audio.num_samples), np.float32))
  if args.microphone:
    chunks = live.microphone(args.rate_hz, problems)
  else:
    problems.append(
      f'stdin is taken for raw {args.format} of {args.channels} '
      f'channel{"s" * (args.channels > 1)} at {args.rate_hz} Hz'
    )
    _report(problems)
    chunks = _stdin(round(_BLOCK_S * args.rate_hz) * 2 * args.channels)
  windows = live.estimates(
    live.from_raw(chunks, problems, args.format, args.channels, ''),
    model,
    args.rate_hz,
    args.hop_s,
    args.microphone,
    heard,
    problems,
    args.held_db,
    args.voice,
  )
  names = [one.name for one in model.dimensions]
  for window in windows:
    window = unsure.of_part(window, abstain)
    line = {
      'time_s': window.end_s,
      'start_s': window.start_s,
      'label': window.label,
      'probabilities': output.shares_by_name(
        window.probabilities, model.classes
      ),
    }
    if names:
      line['dimensions'] = output.shares_by_name(window.numbers, names)
    sys.stdout.write(json.dumps(line) + '\n')
    sys.stdout.flush()
    _report(problems)


def _stdin(num_bytes: int) -> Iterator[bytes]:
  """Yields what is there, at most `num_bytes` at a time, until the end."""
  stdin = cast(io.BufferedReader, sys.stdin.buffer)
  while chunk := stdin.read1(max(2, num_bytes)):
    yield chunk


def _report(problems: list[str]) -> None:
  """Prints each new problem once in a row."""
  for sentence in dict.fromkeys(problems):
    print(f'note: {sentence}', file=sys.stderr)
  problems.clear()
