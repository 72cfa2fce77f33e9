"""A page to try a model on: python -m sernet_jax.demo.

Record or upload, and see waveform, features, a timeline and probabilities. The
page is served to this machine alone (127.0.0.1), loads nothing from the
network, and what was recorded is deleted when the command ends.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pathlib
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from sernet_jax.common import command_line, extras, text
from sernet_jax.common.errors import InputError
from sernet_jax.predict.inference import options

if TYPE_CHECKING:
  import numpy as np

  from sernet_jax.audio.listening import Listening
  from sernet_jax.predict.models import Model

HOST = '127.0.0.1'
API = 'recognize'  # the name of its endpoint
_ERROR = 'This cannot be judged.'
_LARGEST_UPLOAD = '200mb'
_TITLE = 'Which emotion is heard?'
_NOTE = (
  'Model: {name}; {classes}. It judges {duration_s:g} s at a time and knows '
  'acted speech: a guess about how something was said, not about what anyone '
  'feels.'
)


def main(argv: Sequence[str] | None = None) -> int:
  """Runs the command; returns the exit code."""
  args = _parser().parse_args(argv)

  def command() -> None:
    try:
      with (
        _ended_by_signals(),
        tempfile.TemporaryDirectory(prefix='sernet_jax_demo_') as folder,
      ):
        _serve(args, pathlib.Path(folder))
    except KeyboardInterrupt:  # as a page is meant to end
      print('stopped', file=sys.stderr)

  return command_line.run(command)


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
  """Turns a signal to end into `SystemExit`, so that recordings are deleted."""

  def end(number: int, frame: object) -> NoReturn:
    sys.exit(128 + number)

  before = {
    number: signal.signal(number, end)
    for number in (signal.SIGTERM, signal.SIGHUP)
  }
  try:
    yield
  finally:
    for number, handler in before.items():
      signal.signal(number, handler)


def _parser() -> argparse.ArgumentParser:
  parser = command_line.Parser(
    prog='python -m sernet_jax.demo',
    description='A page on this machine to record or upload and see which '
    'emotion is heard.',
  )
  options.add_model_options(parser)
  parser.add_argument('--port', type=int, default=7860, help='(%(default)s)')
  parser.add_argument(
    '--hop_s',
    type=float,
    default=0.5,
    help='from window to window of the timeline (%(default)s)',
  )
  options.add_sound_options(parser)
  return parser


def _serve(args: argparse.Namespace, folder: pathlib.Path) -> None:
  # Read when gradio is imported.
  os.environ['GRADIO_ANALYTICS_ENABLED'] = 'False'
  os.environ['GRADIO_TEMP_DIR'] = str(folder)
  os.environ.setdefault('HF_HUB_OFFLINE', '1')
  try:
    import gradio
  except ImportError as error:
    raise extras.missing('the demo needs', 'demo') from error
  from sernet_jax.audio import timeline
  from sernet_jax.common import jax_setup
  from sernet_jax.predict.inference import unsure

  jax_setup.set_up()
  jax_setup.one_core_devices()
  unsure.check(args.abstain)
  model = options.load(args)
  abstain = unsure.of_model(args.abstain, model)
  audio = model.audio
  timeline.hop_samples(args.hop_s, audio.sample_rate_hz, audio.num_samples)
  heard = options.listening(args)
  page = _page(gradio, model, args.hop_s, folder, heard, abstain)
  from starlette.middleware import Middleware

  from sernet_jax.predict.inference import page_guard

  try:
    page.launch(
      server_name=HOST,
      server_port=args.port,
      share=False,
      max_file_size=_LARGEST_UPLOAD,
      allowed_paths=[str(folder)],
      app_kwargs={'middleware': [Middleware(page_guard.Guard, folder=folder)]},
      **look(gradio),
    )
  except OSError as error:
    raise InputError(
      f'port {args.port} of {HOST} cannot be used; give another --port'
    ) from error


def look(gradio: Any) -> dict[str, Any]:
  """Options for the look; the default theme would ask Google for fonts."""
  theme = gradio.themes.Base(
    font=['system-ui', 'sans-serif'], font_mono=['monospace']
  )
  return {'theme': theme, 'footer_links': []}


def _page(
  gradio: Any,
  model: Model,
  hop_s: float,
  folder: pathlib.Path,
  heard: Listening,
  abstain: float,
) -> Any:
  """Builds the page."""

  def recognize(path: str | None) -> tuple[Any, ...]:
    # An error stands where the notes do, so that there is one at a time.
    if not path:
      return failed('Record something or choose a recording first.')
    try:
      return listen(path, model, hop_s, folder, heard, abstain)
    except InputError as error:
      return failed(str(error).replace(path, 'The recording'))

  def failed(message: str) -> tuple[Any, ...]:
    return None, f'**{_ERROR}** {text.markdown(message)}', None, []

  names = [one.name for one in model.dimensions]
  note = _NOTE.format(
    name=text.markdown(model.name),
    classes=text.markdown(', '.join(model.classes)),
    duration_s=model.audio.duration_s,
  )
  from sernet_jax.runs import example_recordings

  with gradio.Blocks(title=_TITLE, analytics_enabled=False) as page:
    gradio.Markdown(f'# {_TITLE}\n{note}')
    with gradio.Row():
      with gradio.Column():
        sound = gradio.Audio(
          sources=['microphone', 'upload'],
          type='filepath',
          label='Recording',
          buttons=['download'],  # not the one that shares
        )
        gradio.Examples(
          [[str(path)] for path in example_recordings.write(folder)],
          sound,
          label='Made by a program, to try the page',
        )
        button = gradio.Button('Listen', variant='primary')
        notes = gradio.Markdown()  # in sight of the button
        shares = gradio.Label(label='The recording')
      with gradio.Column(scale=2):
        picture = gradio.Image(
          label='Waveform, features and probabilities over time',
          type='filepath',
          show_label=False,
          buttons=['download', 'fullscreen'],
        )
        windows = gradio.Dataframe(
          headers=['from (s)', 'to (s)', 'label', 'probability', *names],
          label='Timeline',
        )
    outputs = [shares, notes, picture, windows]
    # One clock for the four of them.
    ways = {'show_progress_on': picture}
    # What programs call, by gradio_client or HTTP.
    button.click(recognize, sound, outputs, api_name=API, **ways)
    ways['api_visibility'] = 'private'
    sound.upload(recognize, sound, outputs, **ways)
    sound.stop_recording(recognize, sound, outputs, **ways)
  return page


def listen(
  path: str,
  model: Model,
  hop_s: float,
  folder: pathlib.Path,
  heard: Listening | None = None,
  abstain: float = 0.0,
) -> tuple[dict[str, float], str, str, list[list[Any]]]:
  """Recognizes one recording and formats it for the page.

  Args:
    path: the recording.
    model: from `models.load`.
    hop_s: from window to window.
    folder: where the picture goes.
    heard: the channel, and what counts as silence.
    abstain: least probability of a label.

  Returns:
    (probability by class, dimensions, what the label is of and what makes it
    doubtful, path of a PNG, rows of the timeline).

  Raises:
    InputError: if the recording cannot be used.
  """
  from sernet_jax.predict import output, recording_figure, recordings
  from sernet_jax.predict.inference import unsure

  (result,) = recordings.recognize([path], model, hop_s, listening=heard)
  if isinstance(result, recordings.Failure):
    raise InputError(result.message)
  result = unsure.of_recording(result, abstain)
  with tempfile.NamedTemporaryFile(
    dir=folder, suffix='.png', delete=False
  ) as file:
    picture = pathlib.Path(file.name)
  channel = heard.channel if heard else ''
  whole = 'speech' if heard and heard.vad else recordings.WHOLE[0]
  middle = output.of_its_middle(result, model.audio, whole)
  recording_figure.write(picture, result, model, channel, middle)
  rows = [
    [
      round(window.start_s, 2),
      round(window.end_s, 2),
      window.label
      or ('silence' if window.probabilities is None else unsure.NAME),
      None
      if window.probabilities is None
      else round(float(window.probabilities.max()), 3),
      *_rounded(window.numbers, len(model.dimensions)),
    ]
    for window in result.windows
  ]
  shares = dict(zip(model.classes, result.probabilities.tolist(), strict=True))
  numbers = _rounded(result.numbers, len(model.dimensions))
  lines = [
    f'{text.markdown(one.name)}: {value:g} ({one.low:g} to {one.high:g})'
    for one, value in zip(model.dimensions, numbers, strict=True)
  ]
  if middle:
    lines.append(
      f'The label is of the {model.audio.duration_s:g} s in its middle alone, as '
      'in training; the timeline shows all of it.'
    )
  lines += [f'The recording {text.markdown(one)}.' for one in result.notes]
  if result.label is None:
    lines.append(f'The model is unsure: no class reaches {abstain:.7g}.')
  notes = '\n'.join(f'- {line}' for line in lines)
  return shares, notes, str(picture), rows


def _rounded(numbers: np.ndarray | None, count: int) -> list[float | None]:
  """Numbers of the dimensions for people; None each in silence."""
  if numbers is None:
    return [None] * count
  return [round(float(number), 2) for number in numbers]
