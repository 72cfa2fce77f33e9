"""A finished run at lengths it was not trained on, with one segment and all.

  python -m experiments.input_length.evaluate RUN

Writes results.json, lengths.png and the table of README.md beside this file.
--root names the corpus if it has moved, --output another folder.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import sys

import matplotlib as mpl

from experiments.lib import assemble, lengths, markdown, provenance
from sernet_jax.common import command_line
from sernet_jax.common.errors import require
from sernet_jax.results import caveats
from sernet_jax.results.figures import style
from sernet_jax.runs import config_flags

HERE = pathlib.Path(__file__).parent
PAPER_EPOCHS = 300


def label(content: dict) -> str:
  """Returns how far the run was trained."""
  run = content['run']
  seeds = len(run['seeds'])
  return (
    f'{run["corpus"]}, {run["protocol"]}, {run["loss"]}, trained at '
    f'{run["duration_s"]:g} s for {run["epochs"]} of {PAPER_EPOCHS} epochs, '
    f'{seeds} seed{"s" * (seeds > 1)}, {caveats.title(run["selection"])}, '
    f'{run["weights_dtype"]} '
    'weights'
  )


def table(content: dict) -> str:
  """One line for each length and way of cutting."""
  costs = {cost['duration_s']: cost for cost in content['costs']}
  rows = []
  order = sorted(
    content['settings'], key=lambda s: (s['duration_s'], s['segments'] == 'all')
  )
  for setting in order:
    pooled, ci95 = setting['summary']['pooled'], setting['summary']['ci95']
    gain, cost = setting['against_trained'], costs[setting['duration_s']]
    measured = cost['measured']
    low, high = (100 * x for x in ci95['uar']) if ci95 else (None, None)
    rows.append(
      [
        f'{setting["duration_s"]:g} s, '
        + ('all, vote' if setting['segments'] == 'all' else 'center')
        + (' (as trained)' if setting['trained'] else ''),
        f'{100 * pooled["uar"]:.1f}'
        + (f' [{low:.1f}, {high:.1f}]' if ci95 else ''),
        f'{100 * pooled["wa"]:.1f}',
        f'{100 * pooled["f1_macro"]:.1f}',
        gain and _gain(gain),
        f'{setting["segments_per_utterance"]:.2f}',
        f'{setting["segments_per_utterance"] * cost["counted"]["mflops"]:.0f}',
        f'{cost["counted"]["peak_memory_kib"]:.0f}',
        cost['xla']['temporary_kib'] and f'{cost["xla"]["temporary_kib"]:.0f}',
        measured['run_kib'],
        f'{measured["latency_ms"]["chain"]:.1f} / '
        f'{measured["least_ms"]["chain"]:.1f}',
      ]
    )
  return markdown.table(
    [
      'segment',
      'UAR [95 %]',
      'WA',
      'macro F1',
      'UAR minus as trained [95 %], p (Holm)',
      'segments per utterance',
      'MFLOPs per utterance',
      'peak of the maps, KiB',
      'XLA, KiB',
      'measured, KiB',
      'ms per segment, median / least',
    ],
    rows,
  )


def _gain(gain: dict) -> str:
  text = f'{100 * gain["difference"]["uar"]:+.1f}'
  if gain['ci95']:
    low, high = (100 * x for x in gain['ci95']['uar'])
    text += f' [{low:+.1f}, {high:+.1f}], {gain["p_holm"]:.3f}'
  return text


def figure(content: dict, path: pathlib.Path) -> None:
  """UAR over the length, and what a segment costs."""
  with mpl.rc_context(style.STYLE):
    picture = style.new_figure(
      10.0,
      3.2,
      'Input length',
      label(content),
      caveats.footer(content['run']['synthetic']),
      'bars: 95 % intervals over speakers',
    )
    left, right = picture.subplots(1, 2)
    for segments, words, color, shift in (
      ('center', 'one centered segment', style.COLORS['train'], -0.05),
      ('all', 'all segments, vote', style.COLORS['test'], 0.05),
    ):
      some = sorted(
        (s for s in content['settings'] if s['segments'] == segments),
        key=lambda s: s['duration_s'],
      )
      x = [s['duration_s'] + shift for s in some]
      y = [100 * s['summary']['pooled']['uar'] for s in some]
      left.plot(x, y, 'o-', color=color, label=words)
      for place, s in zip(x, some, strict=True):
        if s['summary']['ci95']:
          edges = [100 * edge for edge in s['summary']['ci95']['uar']]
          left.plot([place] * 2, edges, color=color, linewidth=1)
    left.set_title('UAR, per cent')
    left.set_xlabel('seconds of a segment')
    left.legend()
    left.grid(axis='y')
    costs = content['costs']
    right.plot(
      [c['duration_s'] for c in costs],
      [c['counted']['mflops'] for c in costs],
      'o-',
      color=style.COLORS['validation'],
    )
    right.set_title('MFLOPs of a segment')
    right.set_xlabel('seconds of a segment')
    right.set_ylim(0)
    right.grid(axis='y')
    style.save(picture, path)


def options(parser: argparse.ArgumentParser) -> None:
  """Adds the arguments of the command."""
  parser.add_argument('run', type=pathlib.Path)
  parser.add_argument('--root', default=os.environ.get('SERNET_EMODB', ''))
  parser.add_argument('--cache', default='')
  parser.add_argument('--lengths', default='1,2,3,4,5,6,7')
  parser.add_argument('--repeats', type=int, default=100)
  parser.add_argument('--selection', default='last_recomputed')


def main(arguments: list[str]) -> None:
  """Runs the command; see the top of the file."""
  assemble.main(
    arguments,
    script=__file__,
    doc=__doc__,
    picture='lengths.png',
    options=options,
    content=measured,
    measured_by='experiments.input_length.evaluate',
    figure=figure,
    tables=lambda content: {
      'lengths': f'{content["label"]}:\n\n{table(content)}'
    },
  )


def durations(text: str) -> list[float]:
  """Reads the seconds of --lengths.

  Raises:
    InputError: unless it is a list of numbers.
  """
  try:
    found = [float(word) for word in text.split(',')]
  except ValueError:
    found = []
  require(
    bool(found),
    f'--lengths={text} is not a list of seconds; give such as 1,2,3',
  )
  return found


def measured(given: argparse.Namespace) -> dict:
  """Returns the content of results.json, but for the environment."""
  require(given.repeats > 0, f'--repeats is {given.repeats}; give 1 or more')
  content = {
    'question': 'How does a trained network do at other lengths?',
    **lengths.evaluate(
      given.run,
      durations(given.lengths),
      given.root,
      given.cache,
      given.selection,
    ),
  }
  durations_s = sorted({s['duration_s'] for s in content['settings']})
  content['costs'] = lengths.costs(given.run, durations_s, given.repeats)
  content['label'] = label(content)
  run = content['run']
  run['command'] = provenance.without_paths(run['command'])
  for setting in content['settings']:
    del setting['summary']['folds']  # with `loso` they are the speakers
  return content


if __name__ == '__main__':
  config_flags.set_up_jax()
  sys.exit(command_line.run(lambda: main(sys.argv[1:])))
