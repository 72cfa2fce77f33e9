"""Curves in other programs: of each trial, or a sentence on what is missing."""

from __future__ import annotations

import contextlib
import os
import pathlib
import sys

import pytest

from sernet_jax.common.errors import InputError
from sernet_jax.runs.logs import writers

ROW = {
  'fold': 'ann',
  'epoch': 3,
  'learning_rate': 1e-3,
  'train': {'loss': 0.5, 'l2': 0.1, 'wa': 0.75, 'uar': 0.7},
  'test': {'loss': 0.6, 'wa': 0.5, 'uar': 0.4},
}
SETTINGS = {'name': 'tiny', 'train': {'epochs': 4}}


class Writer:
  """What tensorboardX.SummaryWriter would have written."""

  def __init__(self):
    self.scalars, self.closed = {}, False

  def add_scalar(self, name, value, step):
    assert not self.closed
    self.scalars[name, step] = value

  def close(self):
    self.closed = True


def opened(folder, *names):
  return writers.opened(folder, names, SETTINGS)


def test_rows_become_curves_one_file_for_each_trial(tmp_path, monkeypatch):
  tensorboardX = pytest.importorskip('tensorboardX')
  made = {}

  def make(folder):
    made[folder] = Writer()
    return made[folder]

  monkeypatch.setattr(tensorboardX, 'SummaryWriter', make)
  with opened(tmp_path, 'tensorboard') as write:
    write(ROW)
    write({**ROW, 'epoch': 4})
    write({**ROW, 'seed': 1})
    write({**ROW, 'fold': '../../ann'})
  folder = tmp_path / 'tensorboard'
  left = set(made) - {f'{folder}/ann', f'{folder}/ann, seed 1'}
  assert [pathlib.Path(path).parent for path in left] == [folder]
  writer = made[f'{folder}/ann']
  assert writer.scalars['test/uar', 3] == 0.4
  assert writer.scalars['train/loss', 4] == 0.5
  assert writer.scalars['learning_rate', 3] == 1e-3
  assert len(writer.scalars) == 2 * 7
  assert all(writer.closed for writer in made.values())


def test_files_are_written(tmp_path):
  pytest.importorskip('tensorboardX')
  with opened(tmp_path, 'tensorboard') as write:
    write(ROW)
  assert list((tmp_path / 'tensorboard' / 'ann').glob('events.*'))


def test_weights_and_biases_keep_a_run_offline(tmp_path, monkeypatch):
  wandb = pytest.importorskip('wandb')
  monkeypatch.setenv('WANDB_MODE', 'offline')
  monkeypatch.setenv('WANDB_SILENT', 'true')
  for name in [n for n in os.environ if n.startswith('WANDB_') if 'RUN' in n]:
    monkeypatch.delenv(name)
  with opened(tmp_path, 'wandb') as write:
    write(ROW)
    write({**ROW, 'epoch': 4})
  # Its own process writes the file, and is waited for here as at the end of
  # Python; `finish` alone may come back before the last lines are written.
  wandb.teardown()
  (kept,) = (tmp_path / 'wandb').glob('offline-run-*/*.wandb')
  content = kept.read_bytes()
  for text in (b'ann/test/uar', b'ann/train/loss', b'epochs'):
    assert text in content


# Of its own use of SQLAlchemy.
@pytest.mark.filterwarnings('ignore::DeprecationWarning')
def test_mlflow_keeps_curves_and_settings(tmp_path, monkeypatch):
  mlflow = pytest.importorskip('mlflow')
  pytest.importorskip('sqlalchemy')
  monkeypatch.delenv('MLFLOW_TRACKING_URI', raising=False)
  with opened(tmp_path, 'mlflow') as write:
    write({**ROW, 'seed': 1})
    write({**ROW, 'seed': 1, 'epoch': 4, 'learning_rate': 5e-4})
  client = mlflow.MlflowClient(tracking_uri=f'sqlite:///{tmp_path}/mlflow.db')
  experiment = client.get_experiment_by_name('sernet_jax')
  (run,) = client.search_runs([experiment.experiment_id])
  assert run.info.status == 'FINISHED'
  assert run.info.run_name == tmp_path.name
  assert run.data.params == {'name': 'tiny', 'train.epochs': '4'}
  curve = client.get_metric_history(
    run.info.run_id, 'ann_ seed 1/learning_rate'
  )
  assert [(point.step, point.value) for point in curve] == [
    (3, 1e-3),
    (4, 5e-4),
  ]
  assert run.data.metrics['ann_ seed 1/test/uar'] == 0.4


def test_a_log_that_fails_later_does_not_end_a_training(
  tmp_path, monkeypatch, capsys
):
  taken = []

  @contextlib.contextmanager
  def fails(folder, settings):
    def write(row):
      if taken:
        raise ConnectionError('the server went away')
      taken.append(row)

    yield write
    raise ConnectionError('and stays away')

  @contextlib.contextmanager
  def works(folder, settings):
    rows = []
    try:
      yield rows.append
    finally:
      kept.append((rows, sys.exc_info()[0]))

  kept = []
  monkeypatch.setitem(writers.LOGGERS, 'mlflow', fails)
  monkeypatch.setitem(writers.LOGGERS, 'wandb', works)
  with opened(tmp_path, 'mlflow', 'wandb') as write:
    for epoch in range(3):
      write({**ROW, 'epoch': epoch})
  assert len(taken) == 1 and kept == [
    ([{**ROW, 'epoch': epoch} for epoch in range(3)], None)
  ]
  err = capsys.readouterr().err
  assert err.startswith('warning: mlflow stopped taking figures (the server')
  assert len(err.splitlines()) == 1
  # A log is told of a training that ends early, and does not swallow it.
  with pytest.raises(KeyboardInterrupt), opened(tmp_path, 'wandb'):
    raise KeyboardInterrupt
  assert kept[-1] == ([], KeyboardInterrupt)


def test_a_store_that_cannot_be_used_is_named(tmp_path, monkeypatch):
  pytest.importorskip('mlflow')
  monkeypatch.setenv('MLFLOW_TRACKING_URI', 'nowhere://here')
  message = 'cannot keep a run in nowhere://here.*correct MLFLOW_TRACKING_URI'
  with pytest.raises(InputError, match=message), opened(tmp_path, 'mlflow'):
    pass


def test_without_the_wish_nothing_is_written(tmp_path):
  with opened(tmp_path) as write:
    write(ROW)
  assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
  ('name', 'library'),
  [('tensorboard', 'tensorboardX'), ('wandb', 'wandb'), ('mlflow', 'mlflow')],
)
def test_without_the_library_its_installation_is_named(
  tmp_path, monkeypatch, name, library
):
  monkeypatch.setitem(sys.modules, library, None)
  message = f'train.loggers={name} .*pip install {library}, or'
  with pytest.raises(InputError, match=message), opened(tmp_path, name):
    pass


def test_names_are_read():
  assert writers.parse('') == ()
  assert writers.parse('wandb, mlflow') == ('wandb', 'mlflow')
  with pytest.raises(InputError, match=r"'wandbb'.*did you mean 'wandb'"):
    writers.parse('wandbb')
  with pytest.raises(InputError, match='names one twice'):
    writers.parse('wandb,wandb')
