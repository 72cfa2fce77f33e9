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
import pathlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sernet_jax.audio import containers
from sernet_jax.common import command_line, folders, machine, text
from sernet_jax.common.errors import require
from sernet_jax.predict.inference import options

if TYPE_CHECKING:
  from sernet_jax.predict.inference.result import Recording
  from sernet_jax.predict.models import Model

STDIN = '-'
_MOST_STDIN = 4 << 30  # bytes, 37 hours of a WAV file; they go to a file
_KINDS = 8  # of files that were passed over, named


def main(argv: Sequence[str] | None = None) -> int:
  """Runs the command; returns the exit code."""
  args = _parser().parse_args(argv)
  machine.one_thread_in_numpy()

  def command() -> int:
    with contextlib.ExitStack() as stack:
      return _run(args, stack)

  return command_line.run(command, is_filter=True)


def _parser() -> argparse.ArgumentParser:
  parser = command_line.Parser(
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
  options.add_model_options(parser)
  options.add_sound_options(parser)
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
  parser.add_argument(
    '--embeddings',
    default='',
    metavar='FILE',
    help='file for the pooled map before the head, of each recording and '
    'window: .npz, .csv or .parquet',
  )
  parser.add_argument(
    '--map',
    default='',
    metavar='FILE',
    help='picture of the embeddings by t-SNE: .png, .pdf or .svg; pip install '
    'scikit-learn',
  )
  return parser


def _run(args: argparse.Namespace, stack: contextlib.ExitStack) -> int:
  """Prints the predictions; returns the exit code."""
  heard = options.listening(args)
  from sernet_jax.predict.inference import unsure

  unsure.check(args.abstain)
  _check_files(args)
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
  from sernet_jax.predict import output, recordings
  from sernet_jax.predict.plain import quick_start

  jax_setup.set_up()
  jax_setup.one_core_devices()
  few = len(paths) <= quick_start.MOST
  model = options.load(args, quick_start.MOST if few else 0)
  abstain = unsure.of_model(args.abstain, model)
  beside = _Files(args, model)
  results = recordings.recognize(
    paths, model, args.hop_s, args.whole, heard, embed=beside.embed
  )
  writer = output.Writer(
    args.output,
    model.classes,
    [names.get(path, path) for path in paths],
    windows=len(paths) == 1,
    dimensions=[one.name for one in model.dimensions],
  )
  bar = progress_bar.make(
    total=len(paths),
    unit='file',
    # What is printed shows the progress by itself.
    shown=not (len(paths) == 1 or sys.stdout.isatty()),
    desc='recognizing',
  )
  failed = 0
  halved: list[str] = []  # whose label is of their middle alone
  head = writer.head()
  if args.output == 'csv':  # which has its names even if it has no row
    _print(head)
    head = ''
  with bar:
    for result in results:
      bar.update()
      result = unsure.leave_out(result, abstain)
      name = names.get(result.path, result.path)
      if isinstance(result, recordings.Failure):
        failed += 1
        message = result.message.replace(result.path, name)
        message = text.printable(message)
        tqdm.tqdm.write(f'error: {message}', file=sys.stderr)
        continue
      _print(head + writer.text(dataclasses.replace(result, path=name)))
      head = ''
      beside.add(result, name)
      if _of_its_middle(result, model, args):
        halved.append(name)
  if failed < len(paths):
    beside.finish()
  if halved and args.output == 'table':
    print(
      f'note: {text.printable(output.middles(halved, model.audio))}',
      file=sys.stderr,
    )
  if failed and len(paths) > 1:
    print(
      f'{failed} of {len(paths)} recordings could not be used', file=sys.stderr
    )
  return 0 if not failed else 1 if failed < len(paths) else 2


def _of_its_middle(
  result: Recording, model: Model, args: argparse.Namespace
) -> bool:
  from sernet_jax.predict import output

  whole = 'speech' if args.vad else args.whole
  return output.of_its_middle(result, model.audio, whole)


def _wrote(path: str) -> None:
  print(f'wrote {text.printable(path)}', file=sys.stderr)


def _check_files(args: argparse.Namespace) -> None:
  """Refuses files that cannot be written, before any work."""
  from sernet_jax.common import files
  from sernet_jax.results.figures import picture_file

  if args.figure:
    require(args.hop_s != 0, '--figure shows the timeline; leave out --hop_s=0')
    picture_file.check(pathlib.Path(args.figure), files.Cure('--figure'))
  if args.embeddings:
    from sernet_jax.predict.inference import embedding_file

    embedding_file.check(pathlib.Path(args.embeddings))
  if args.map:
    from sernet_jax.predict.inference import embedding_map

    embedding_map.check(pathlib.Path(args.map))


class _Files:
  """Files that are written beside the predictions: a figure, embeddings, their map.

  Attributes:
    embed: whether embeddings are needed.
  """

  def __init__(self, args: argparse.Namespace, model: Model) -> None:
    from sernet_jax.predict.inference import embedding_file

    self._args, self._model = args, model
    self._table = embedding_file.Table(model.classes)
    self.embed = bool(args.embeddings or args.map)

  def add(self, result: Recording, name: str) -> None:
    """Takes in a recording."""
    if self.embed:
      self._table.add(result, name)
    if self._args.figure:
      from sernet_jax.predict import recording_figure

      path = pathlib.Path(self._args.figure)
      middle = _of_its_middle(result, self._model, self._args)
      recording_figure.write(
        path, result, self._model, self._args.channel, middle
      )
      _wrote(self._args.figure)

  def finish(self) -> None:
    """Writes what is about all recordings."""
    if self._args.embeddings:
      self._table.write(self._args.embeddings)
      _wrote(self._args.embeddings)
    if self._args.map:
      from sernet_jax.predict.inference import embedding_map

      path = pathlib.Path(self._args.map)
      embedding_map.write(path, self._table, self._model.name)
      _wrote(self._args.map)


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
      files = list(folders.below(path))
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


@contextlib.contextmanager
def _spooled_stdin() -> Iterator[str]:
  """Copies stdin to a file, because a decoder must go back and forth."""
  require(
    not sys.stdin.isatty(),
    f'{STDIN} reads a WAV file from stdin, which is the keyboard; pipe one in',
  )
  with tempfile.NamedTemporaryFile(suffix='.stdin') as file:
    left = _MOST_STDIN
    while chunk := sys.stdin.buffer.read(1 << 20):
      left -= len(chunk)
      require(
        left >= 0,
        f'{STDIN} has no end within {_MOST_STDIN >> 30} GiB; save the recording '
        'as a file and give that, or pipe raw samples to stream',
      )
      file.write(chunk)
    file.flush()
    yield file.name


if __name__ == '__main__':
  sys.exit(main())
