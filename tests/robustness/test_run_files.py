"""Damaged files of a run: read as they are meant, or refused in a sentence."""

from __future__ import annotations

import json
import random

import chosen_runs
import mutations
import numpy as np
import pytest
import tiny

from sernet_jax.predict import run_bundles
from sernet_jax.results import report, run_folder
from sernet_jax.runs import config as config_lib, run
from sernet_jax.sweep.comparison import compare_runs

pytestmark = pytest.mark.usefixtures('blank_figures')
FILES = (
  'config.json',
  'environment.json',
  'folds.json',
  'results.json',
  'metrics.jsonl',
  'predictions.csv',
  'examples.npz',
  'statistics.npz',
)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  """A finished run with every file that is read from one."""
  path = tmp_path_factory.mktemp('runs') / 'run'
  chosen_runs.make_run(path, chosen_runs.counts(9, 8, 9, 7, 9, 8))
  chosen_runs.add_recomputed(path)
  folder = run_folder.RunFolder(path)
  part = {'loss': 1.5, 'l2': 0.1, 'confusion': [[3, 1], [0, 4]]}
  part |= {'wa': 0.875, 'uar': 0.875}
  folder.append_metrics(
    {
      'fold': fold,
      'epoch': epoch,
      'learning_rate': 1e-3,
      'train': part,
      'test': part,
      'seconds': 0.5,
    }
    for fold in chosen_runs.SPEAKERS
    for epoch in (1, 2)
  )
  names = [f'ann_high_{take}' for take in range(2)]
  folder.write_examples(np.ones((2, 9, 8)), names, ['high', 'low'])
  block = {'mean': np.zeros((6, 8)), 'variance': np.ones((6, 8))}
  folder.write_statistics({'block': block}, np.full(6, 300))
  folds = [
    {'name': name, 'index': index, 'train': ['a'], 'validation': [], 'test': []}
    for index, name in enumerate(chosen_runs.SPEAKERS)
  ]
  folder.folds.write_text(
    json.dumps({'corpus': 'tones', 'fingerprint': 'x', 'folds': folds})
  )
  return folder


def read_everything(folder):
  """What `report`, `compare`, `train`, `predict` and `export` read first."""
  config = tiny.load_config('emodb')
  results = folder.read_results()
  page = report.write(folder).read_text()
  assert 'nan' not in report.summary_text(results, folder)
  assert 'e+' not in page.split('<body')[1].split('data:image')[0]
  compare_runs.compare(compare_runs.read_all(folder.path))
  run._recall(folder, config_lib.to_dict(config))
  experiment = run_bundles.settings_of(folder)
  run_bundles.trial_names(folder, experiment)
  folder.read_statistics(['block'])


def test_the_undamaged_run_is_read(folder):
  read_everything(folder)


@pytest.mark.parametrize('name', FILES)
def test_damaged_files_are_refused_in_a_sentence(folder, name):
  path = folder.path / name
  whole = path.read_bytes()
  dice = random.Random(name)
  counts = mutations.Counts()
  for number in range(mutations.how_many(25, large=250)):
    changed = mutations.of_bytes(whole, dice)
    if path.suffix in ('.json', '.jsonl') and dice.random() < 0.7:
      lines = whole.decode().splitlines() if path.suffix == '.jsonl' else []
      line = dice.randrange(len(lines)) if lines else 0
      text = lines[line] if lines else whole.decode()
      text = json.dumps(mutations.of_json(json.loads(text), dice))
      lines[line : line + 1] = [text]
      changed = '\n'.join(lines).encode()
    path.write_bytes(changed)
    counts.attempt((name, number), lambda: read_everything(folder))
  path.write_bytes(whole)
  counts.finish(name)
  read_everything(folder)
