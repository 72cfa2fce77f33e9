"""Recognizes emotions: python -m sernet_jax.predict FILE|FOLDER|- ...

Prints a label and probabilities for each recording, and for those longer than
the model's segments a timeline. The label of the whole recording is the one
training's evaluation gives for the same file; --whole=timeline takes the mean over the
timeline instead.

The exit code is 0 if all went well, 1 if some recordings could not be used
(each is named on stderr, the others are done), 2 if none could or the command
makes no sense.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import dataclasses
import os
import pathlib
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NoReturn

from sernet_jax.audio import containers
from sernet_jax.common import command_line, text
from sernet_jax.common.errors import InputError, require

if TYPE_CHECKING:
  from sernet_jax.audio.listening import Listening

STDIN = '-'
_KINDS = 8  # of files that were passed over, named


def main(argv: Sequence[str] | None = None) -> int:
  """Runs the command; returns the exit code."""
  args = _parser().parse_args(argv)

  def command() -> int:
    with contextlib.ExitStack() as stack:
      return _run(args, stack)

  return command_line.run(command, is_filter=True)


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    prog='python -m sernet_jax.predict',
    description='Say which emotion is heard in recordings.',
    epilog='Exit code: 0, or 1 if some recordings could not be used, 2 if none.',
  )
  parser.add_argument(
    'recordings',
    nargs='+',
    metavar='FILE|FOLDER|-',
    help='any format, rate and length; folders are searched for '
    'recordings; - reads one recording from stdin',
  )
  add_model_options(parser)
  add_sound_options(parser)
  parser.add_argument(
    '--hop_s',
    type=float,
    default=None,
    help='from window to window of the timeline; 0 for none (1)',
  )
  parser.add_argument(
    '--whole',
    choices=('segments', 'timeline'),
    default='segments',
    help='what the label of a recording is the mean of: the segments that '
    'training evaluates, or the timeline (%(default)s)',
  )
  parser.add_argument(
    '--output',
    choices=('table', 'json', 'csv'),
    default='table',
    help='json: one object per line (%(default)s)',
  )
  parser.add_argument(
    '--figure',
    default='',
    metavar='FILE',
    help='picture to draw of one recording: .png, .pdf or .svg',
  )
  return parser


def add_model_options(parser: argparse.ArgumentParser) -> None:
  """Adds the options that `models.load` takes, as for `stream`."""
  parser.add_argument(
    '--model',
    default='',
    help='run folder (the mean of its folds) or model file; by default the '
    'weights in the package',
  )
  parser.add_argument(
    '--selection',
    default='last',
    help="which of a run's weights (%(default)s); last_recomputed usually "
    'does better on new voices',
  )
  parser.add_argument(
    '--fold', default='', help='of a run: this fold instead of all'
  )


def add_sound_options(
  parser: argparse.ArgumentParser, least: bool = True
) -> None:
  """Adds the options of `audio.listening`, but those of whole recordings."""
  parser.add_argument(
    '--channel',
    default='',
    help='mean of the channels, or the number of one from 0 on; by default '
    'what the model was trained on, which is the mean unless a config says '
    'another',
  )
  parser.add_argument(
    '--gate_db',
    type=float,
    default=40.0,
    help='a window this far below the loudest one is silence (%(default)g)',
  )
  parser.add_argument(
    '--floor_db',
    type=float,
    default=-80.0,
    help='and so is one below this level, in dB of full scale (%(default)g)',
  )
  if least:
    parser.add_argument(
      '--least_s',
      type=float,
      default=0.5,
      help='a shorter recording gets a note (%(default)g)',
    )


def listening(args: argparse.Namespace) -> Listening:
  """Returns the settings of `add_sound_options`."""
  from sernet_jax.audio.listening import Listening

  names = {field.name for field in dataclasses.fields(Listening)}
  given = {name: value for name, value in vars(args).items() if name in names}
  return Listening(**given)


def _run(args: argparse.Namespace, stack: contextlib.ExitStack) -> int:
  """Prints the predictions; returns the exit code."""
  heard = listening(args)
  if args.figure:
    _check_figure(args)
  paths, passed_over = _paths(args.recordings)
  require(
    not args.figure or len(paths) == 1,
    f'--figure draws one recording, {len(paths)} were given; give one',
  )
  for sentence in passed_over:
    print(f'note: {sentence}', file=sys.stderr)
  names = {}
  if STDIN in paths:
    spooled = stack.enter_context(_spooled_stdin())
    names[spooled] = STDIN
    paths = [spooled if path == STDIN else path for path in paths]

  import tqdm

  from sernet_jax.common import jax_setup, progress_bar
  from sernet_jax.predict import models, output, recordings

  jax_setup.set_up()
  jax_setup.one_core_devices()
  model = models.load(args.model, args.selection, args.fold)
  results = recordings.recognize(paths, model, args.hop_s, args.whole, heard)
  writer = output.Writer(
    args.output,
    model.classes,
    [names.get(path, path) for path in paths],
    windows=len(paths) == 1,
  )
  bar = progress_bar.make(
    total=len(paths),
    unit='file',
    # What is printed shows the progress by itself.
    shown=not (len(paths) == 1 or sys.stdout.isatty()),
    desc='recognizing',
  )
  failed = 0
  head = writer.head()
  if args.output == 'csv':  # which has its names even if it has no row
    _print(head)
    head = ''
  with bar:
    for result in results:
      bar.update()
      name = names.get(result.path, result.path)
      if isinstance(result, recordings.Failure):
        failed += 1
        message = result.message.replace(result.path, name)
        message = text.printable(message)
        tqdm.tqdm.write(f'error: {message}', file=sys.stderr)
        continue
      _print(head + writer.text(dataclasses.replace(result, path=name)))
      head = ''
      if args.figure:
        from sernet_jax.predict import recording_figure

        recording_figure.write(
          pathlib.Path(args.figure), result, model, heard.channel
        )
  if failed and len(paths) > 1:
    print(
      f'{failed} of {len(paths)} recordings could not be used', file=sys.stderr
    )
  return 0 if not failed else 1 if failed < len(paths) else 2


def _check_figure(args: argparse.Namespace) -> None:
  """Refuses a figure that cannot be drawn, before any work."""
  from sernet_jax.common import files
  from sernet_jax.results.figures import picture_file

  require(args.hop_s != 0, '--figure shows the timeline; leave out --hop_s=0')
  picture_file.check(pathlib.Path(args.figure), files.Cure('--figure'))


def _print(text: str) -> None:
  sys.stdout.write(text)
  sys.stdout.flush()


def _paths(given: Sequence[str]) -> tuple[list[str], list[str]]:
  """Replaces each folder by the recordings in it; keeps the order.

  Returns:
    (paths, a sentence for each folder that holds other files too).
  """
  require(
    given.count(STDIN) <= 1, f'{STDIN} is given twice; stdin is read once'
  )
  paths: list[str] = []
  passed_over: list[str] = []
  for path in given:
    require(path != '', 'a recording is named by nothing; give its path')
    if path != STDIN and pathlib.Path(path).is_dir():
      files = [file for file in _files(path) if not file.name.startswith('.')]
      inside = sorted(
        str(file)
        for file in files
        if file.suffix.lower() in containers.SUFFIXES
      )
      require(
        bool(inside),
        f'{path} holds no recordings ({" ".join(containers.SUFFIXES)}); give '
        'another folder, or the files themselves',
      )
      paths += inside
      passed_over += _passed_over(path, files)
    else:
      paths.append(path)
  return paths, passed_over


def _passed_over(path: str, files: Sequence[pathlib.Path]) -> list[str]:
  """Counts the files of a folder that are not called as recordings are."""
  kinds = collections.Counter(
    file.suffix.lower() or 'no suffix'
    for file in files
    if file.suffix.lower() not in containers.SUFFIXES
  )
  named = [f'{count} {kind}' for kind, count in kinds.most_common(_KINDS)]
  if len(kinds) > _KINDS:
    named.append('others')
  return [
    f'{path}: passed over what is not called as a recording: {", ".join(named)}'
  ] * bool(kinds)


def _files(path: str) -> Iterator[pathlib.Path]:
  """Yields all files in a folder and below, also behind links to folders."""

  def closed(error: OSError) -> NoReturn:
    raise InputError(
      f'{error.filename} cannot be entered ({error.strerror}); change its '
      'permissions, or give the folders and files beside it'
    ) from error

  seen = set()
  for folder, folders, names in os.walk(path, onerror=closed, followlinks=True):
    real = os.path.realpath(folder)
    if real in seen:  # a link back
      folders.clear()
      continue
    seen.add(real)
    yield from (pathlib.Path(folder, name) for name in names)


@contextlib.contextmanager
def _spooled_stdin() -> Iterator[str]:
  """Copies stdin to a file, because a decoder must go back and forth."""
  require(
    not sys.stdin.isatty(),
    f'{STDIN} reads a WAV file from stdin, which is the keyboard; pipe one in',
  )
  with tempfile.NamedTemporaryFile(suffix='.stdin') as file:
    shutil.copyfileobj(sys.stdin.buffer, file)
    file.flush()
    yield file.name


if __name__ == '__main__':
  sys.exit(main())
