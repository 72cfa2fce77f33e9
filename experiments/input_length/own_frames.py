"""A run that hears an utterance's own frames alone, at other lengths of tests.

  python -m experiments.input_length.own_frames RUN --lengths=2,3,5,7

As `evaluate`, for runs whose `model.pooling` leaves padding out: of a longer
utterance the tests hear the middle, of a shorter one all, and nothing else.
Writes own_frames.json and a table of README.md beside this file.
"""

from __future__ import annotations

import argparse
import pathlib
import shutil
import sys
from typing import Any

from experiments.input_length import evaluate
from experiments.lib import lengths, markdown, provenance
from sernet_jax.common import command_line, files
from sernet_jax.common.errors import require
from sernet_jax.predict import run_bundles
from sernet_jax.results import run_folder
from sernet_jax.runs import config_flags

HERE = pathlib.Path(__file__).parent
FILE, MARK = 'own_frames.json', 'own_frames'


def table(content: dict[str, Any]) -> str:
  """One line for each length that the tests hear at most."""
  rows = []
  for setting in sorted(content['settings'], key=lambda s: s['duration_s']):
    pooled, ci95 = setting['summary']['pooled'], setting['summary']['ci95']
    gain, cells = setting['against_trained'], [None, None]
    if gain:
      cells = [
        markdown.percent(gain['difference'], gain['ci95'], 'uar', sign='+'),
        f'{gain["p_holm"]:.3f}',
      ]
    rows.append(
      [
        f'{setting["duration_s"]:g} s' + ' (as trained)' * setting['trained'],
        markdown.percent(pooled, ci95, 'uar'),
        f'{100 * pooled["wa"]:.1f}',
        *cells,
      ]
    )
  return markdown.table(
    [
      'heard at most',
      'UAR [95 %]',
      'WA',
      'minus as trained [95 %]',
      'p (Holm)',
    ],
    rows,
  )


def measured(given: argparse.Namespace) -> dict[str, Any]:
  """Returns the content of own_frames.json, but for the environment.

  Raises:
    InputError: if the run hears padding.
  """
  folder = run_folder.RunFolder(given.run)
  experiment = run_bundles.settings_of(folder)
  require(
    experiment.model.masked,
    f'{given.run} hears the zeros around an utterance (model.pooling); give it '
    'to python -m experiments.input_length.evaluate',
  )
  content = {
    'question': 'What does a network lose at lengths it was not trained on?',
    **lengths.evaluate(
      given.run,
      evaluate.durations(given.lengths),
      given.root,
      given.cache,
      given.selection,
    ),
  }
  run = content['run']
  run['size'] = folder.read_config()['model'].get('size')
  run['pooling'] = folder.read_config()['model'].get('pooling')
  run['command'] = provenance.without_paths(run['command'])
  for setting in content['settings']:
    del setting['summary']['folds']  # with `loso` they are the speakers
  return content


def main(arguments: list[str]) -> None:
  """Runs the command; see the top of the file."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  evaluate.options(parser)
  parser.set_defaults(lengths='2,3,5,7', selection='average')
  parser.add_argument('--output', type=pathlib.Path, default=HERE)
  given = parser.parse_args(arguments)
  content = measured(given)
  content['environment'] = provenance.record(
    'experiments.input_length.own_frames', arguments
  )
  files.write_json(given.output / FILE, content)
  page = given.output / 'README.md'
  if not page.exists():
    shutil.copy(HERE / 'README.md', page)
  markdown.fill(page, MARK, table(content))
  print(table(content))


if __name__ == '__main__':
  config_flags.set_up_jax()
  sys.exit(command_line.run(lambda: main(sys.argv[1:])))
