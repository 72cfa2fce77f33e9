"""Curves for TensorBoard: one event file for each trial."""

from __future__ import annotations

import pathlib
import sys

import pytest

from sernet_jax.common.errors import InputError
from sernet_jax.runs import tensorboard

ROW = {
  'fold': 'ann',
  'epoch': 3,
  'learning_rate': 1e-3,
  'train': {'loss': 0.5, 'l2': 0.1, 'wa': 0.75, 'uar': 0.7},
  'test': {'loss': 0.6, 'wa': 0.5, 'uar': 0.4},
}


class Writer:
  """What tensorboardX.SummaryWriter would have written."""

  def __init__(self):
    self.scalars, self.closed = {}, False

  def add_scalar(self, name, value, step):
    assert not self.closed
    self.scalars[name, step] = value

  def close(self):
    self.closed = True


def test_rows_become_curves_one_file_for_each_trial(tmp_path, monkeypatch):
  tensorboardX = pytest.importorskip('tensorboardX')
  made = {}

  def make(folder):
    made[folder] = Writer()
    return made[folder]

  monkeypatch.setattr(tensorboardX, 'SummaryWriter', make)
  with tensorboard.writer(tmp_path, True) as write:
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
  with tensorboard.writer(tmp_path, True) as write:
    write(ROW)
  assert list((tmp_path / 'tensorboard' / 'ann').glob('events.*'))


def test_without_the_wish_nothing_is_written(tmp_path):
  with tensorboard.writer(tmp_path, False) as write:
    write(ROW)
  assert not list(tmp_path.iterdir())


def test_without_the_library_its_installation_is_named(tmp_path, monkeypatch):
  monkeypatch.setitem(sys.modules, 'tensorboardX', None)
  with pytest.raises(InputError, match='pip install tensorboardX, or'):
    tensorboard.writer(tmp_path, True)
