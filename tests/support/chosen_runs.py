"""Folders of runs of which a test chooses what they get right."""

from __future__ import annotations

import dataclasses

import tiny

from sernet_jax.results import run_folder, summaries
from sernet_jax.results.formats import results_json
from sernet_jax.runs import config
from sernet_jax.sweep.comparison import compare_runs

CLASSES = ('high', 'low')


SPEAKERS = ('ann', 'bob', 'cyd', 'dan', 'eve', 'fay')


TAKES = 10


ENVIRONMENT = {
  'command': 'python -m sernet_jax.main --config=configs/<x>.py',
  'python': '3.11',
  'cpu': 'a processor',
  'cores': 1,
  'packages': {'jax': '0.10.2', 'sernet_jax': '0.1.0'},
  'devices': ['cpu:0'],
  'xla_flags': '',
  'git_commit': 'abc',
  'date': '2026-01-02T03:04:05+00:00',
}


def answer(speaker, label, take, predicted):
  """A row of predictions.csv, of the fold that tests the speaker."""
  return {
    'selection': 'last',
    'weights_dtype': 'float16',
    'fold': speaker,
    'utterance': f'{speaker}_{label}_{take}',
    'speaker': speaker,
    'label': label,
    'predicted': predicted,
    'probabilities': [0.5, 0.5],
  }


def make_run(folder, right, changes=None, results=None, environment=None):
  """The folder of a run of which we choose what it gets right.

  Args:
    folder: to write.
    right: speaker -> how many of the ten takes of each class are right.
    changes: field -> value of the config.
    results: entries of results.json to change.
    environment: entries of environment.json to change.
  """
  rows = []
  for speaker, count in right.items():
    for label in CLASSES:
      for take in range(TAKES):
        other = CLASSES[1 - CLASSES.index(label)]
        predicted = label if take < count else other
        rows.append(answer(speaker, label, take, predicted))
  return write_run(folder, rows, changes, results, environment)


def write_run(folder, rows, changes=None, results=None, environment=None):
  """The folder of a run with some predictions, each with its fold."""
  settings = tiny.load_config('emodb')
  settings.update_from_flattened_dict(changes or {})
  best = [{**row, 'selection': 'best_on_test'} for row in rows]
  folds = dict.fromkeys(row['fold'] for row in rows)
  epochs = dict.fromkeys(folds, settings.train.epochs)
  summary = summaries.from_predictions(rows, CLASSES, epochs).to_json()
  run = run_folder.RunFolder(folder)
  run.write_config(config.to_dict(settings))
  run.write_environment({**ENVIRONMENT, **(environment or {})})
  run.write_predictions([*rows, *best], CLASSES)
  content = {
    'corpus': 'tones',
    'synthetic': False,
    'protocol': settings.protocol.name,
    'classes': list(CLASSES),
    'epochs': settings.train.epochs,
    'seed': settings.seed,
    'num_utterances': len(rows),
    'skipped_files': {},
    'weights_dtype': 'float16',
    'selections': {'last': summary, 'best_on_test': summary},
    'cost': {
      'parameters': 10,
      'parameters_trainable': 9,
      'parameters_folded': 8,
      'mflops': 2.0,
      'peak_memory_kib': 3.0,
      'fp16_bytes': 16,
    },
    'seconds': 60.0,
    **(results or {}),
  }
  run.write_results(results_json.decode(content))
  return folder


def add_recomputed(folder, better=None):
  """Adds `last_recomputed` to a run: its own `last`, or that of `better`."""
  run = run_folder.RunFolder(folder)
  results = run.read_results()
  last = run_folder.RunFolder(better or folder).read_results().last
  selections = {**results.selections, 'last_recomputed': last}
  run.write_results(dataclasses.replace(results, selections=selections))


def only(folder):
  """A run of one seed."""
  (run,) = compare_runs.read_all(folder)
  return run


def counts(*values):
  return dict(zip(SPEAKERS, values, strict=True))


GOOD, BAD = counts(9, 8, 9, 7, 9, 8), counts(5, 6, 6, 5, 7, 6)


FOCAL = {'loss.name': 'focal'}


def compare(*folders, **options):
  return compare_runs.compare([*map(only, folders)], **options)
