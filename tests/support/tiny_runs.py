"""Runs of seconds, and what two of them have in common."""

from __future__ import annotations

import csv
import pathlib
import shutil

import tiny

from sernet_jax.predict import bundle, models, recognizer, recordings
from sernet_jax.results import run_folder
from sernet_jax.runs import defaults

# An ACRNN, small where the config file lets it be.
ACRNN = {
  'convolutions': 1,
  'pool': (2, 8),
  'channels': (4, 4),
  'linear': 8,
  'units': 4,
  'dense': 8,
}


def settings(place, **changes):
  csv = place / 'corpus' / 'list.csv'
  return tiny.config(csv, place / 'features', **{**tiny.QUICK, **changes})


def acrnn(place, **changes):
  """The ACRNN on the tiny corpus; `train__epochs=3` sets train.epochs."""
  content = tiny.config(
    place / 'corpus' / 'list.csv', place / 'features', data__duration_s=0.35
  ).to_dict()
  content['model'] = {'name': 'acrnn', **ACRNN}
  content['features'] |= {'preset': 'chen2018', 'kind': 'log_mel_deltas'}
  config = defaults.merged(content)
  config.update_from_flattened_dict(
    {name.replace('__', '.'): value for name, value in changes.items()}
  )
  return config


def copy_of(workdir, tmp_path):
  return pathlib.Path(shutil.copytree(workdir, tmp_path / 'copy'))


def assert_same_run(one, other):
  """The same numbers to the last bit; only times differ."""
  assert (one / 'predictions.csv').read_text() == (
    other / 'predictions.csv'
  ).read_text()
  rows = [
    sorted(
      run_folder.RunFolder(folder).read_metrics(),
      key=lambda row: (row['fold'], row['epoch']),
    )
    for folder in (one, other)
  ]
  for row in (*rows[0], *rows[1]):
    del row['seconds']
  assert rows[0] == rows[1]


def losses(workdir):
  """(fold, epoch) -> training and test loss."""
  return {
    (row['fold'], row.get('seed', 0), row['epoch']): (
      row['train']['loss'],
      row['test']['loss'],
    )
    for row in run_folder.RunFolder(workdir).read_metrics()
  }


def recognized_again(workdir, selection, fold, half):
  """Recognizes the tests of a fold by its bundle, and by a file of it.

  Yields (dtype, row of predictions.csv, recording, its probabilities there).
  """
  with (workdir / 'predictions.csv').open() as file:
    rows = [r for r in csv.DictReader(file) if r['selection'] == selection]
  bundle.save(half, fold)
  for dtype, model in (
    ('float32', recognizer.Recognizer([fold])),
    ('float16', models.load(half)),
  ):
    mine = [
      row
      for row in rows
      if row['fold'] == fold.about['fold'] and row['weights_dtype'] == dtype
    ]
    paths = [workdir.parent / 'corpus' / row['utterance'] for row in mine]
    found = recordings.recognize(paths, model, 0.1)
    for row, recording in zip(mine, found, strict=True):
      expected = [float(row[f'p_{label}']) for label in model.classes]
      yield dtype, row, recording, expected
