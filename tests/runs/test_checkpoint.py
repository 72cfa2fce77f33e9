"""Checkpoints: exact, kept in pairs, and not ended by damage."""

from __future__ import annotations

import errno
import multiprocessing
import shutil

import jax
import numpy as np
import pytest

from sernet_jax.common.errors import InputError
from sernet_jax.runs import checkpoint
from sernet_jax.runs.distributed import checkpoint_writer
from sernet_jax.training import trial_state

# A load that failed leaves unawaited tasks of orbax behind, which may be
# collected after their event loop has closed.
pytestmark = pytest.mark.filterwarnings(
  'ignore::pytest.PytestUnraisableExceptionWarning'
)


def tree(value: float):
  return {
    'epochs_done': np.array([3, 4], np.int32),
    'folds': {
      'kernel': np.full((2, 5, 7), value, np.float32),
      'optimizer': (np.array([1, 2], np.int32), {'mu': np.ones((2, 3))}),
    },
  }


def assert_same(found, expected):
  assert jax.tree.structure(found) == jax.tree.structure(expected)
  for one, other in zip(
    jax.tree.leaves(found), jax.tree.leaves(expected), strict=True
  ):
    assert one.dtype == other.dtype
    np.testing.assert_array_equal(one, other)


@pytest.fixture
def folder(tmp_path):
  path = tmp_path / 'run' / 'checkpoints'
  with checkpoint.Checkpoints(path) as checkpoints:
    for step in (2, 4, 6):
      checkpoints.save(step, tree(step + 0.1))
  return path


def test_the_newest_comes_back_to_the_bit_and_two_are_kept(folder):
  with checkpoint.Checkpoints(folder) as checkpoints:
    assert checkpoints.steps == [4, 6]
    found, said = checkpoints.load(tree(0.0))
  assert said == []
  assert_same(found, tree(6.1))


def test_without_a_checkpoint_there_is_nothing_to_load(tmp_path):
  with checkpoint.Checkpoints(tmp_path / 'none') as checkpoints:
    assert checkpoints.load(tree(0.0)) == (None, [])


def damage(folder, how):
  data = [p for p in folder.rglob('*') if p.is_file()]
  assert data
  for path in data:
    if how == 'emptied':
      path.write_bytes(b'')
    elif how == 'overwritten':
      path.write_bytes(b'\x07' * path.stat().st_size)
    elif path.suffix != '.txt' and 'METADATA' not in path.name:
      path.unlink()


@pytest.mark.parametrize('how', ['emptied', 'overwritten', 'removed'])
def test_a_damaged_one_falls_back_to_the_one_before_and_says_so(folder, how):
  damage(folder / '6', how)
  with checkpoint.Checkpoints(folder) as checkpoints:
    found, said = checkpoints.load(tree(0.0))
    assert len(said) == 1
    assert str(folder / '6') in said[0]
    assert 'damaged' in said[0]
    assert_same(found, tree(4.1))
    assert checkpoints.steps == [4]
    checkpoints.save(6, tree(6.2))  # the place is free again
    assert_same(checkpoints.load(tree(0.0))[0], tree(6.2))


def test_changed_numbers_of_a_valid_checkpoint_are_noticed(folder):
  """As if the storage below had not seen that a bit of them flipped."""
  with checkpoint.Checkpoints(folder) as checkpoints:
    changed = tree(8.1)
    sum_of_others = checkpoint.checksum(tree(8.2))
    checkpoints._checkpointer.save(
      8, changed, custom_metadata={'sha256': sum_of_others}
    )
    found, said = checkpoints.load(tree(0.0))
    assert 'its numbers are not those that were written' in said[0]
    assert_same(found, tree(6.1))


def test_a_checkpoint_of_an_older_version_has_no_checksum(folder):
  with checkpoint.Checkpoints(folder) as checkpoints:
    checkpoints._checkpointer.save(8, tree(8.1))
    found, said = checkpoints.load(tree(0.0))
  assert said == []
  assert_same(found, tree(8.1))


def test_the_checksum_sees_every_part_of_an_array():
  arrays = [
    np.zeros((2, 3), np.float32),
    np.zeros((3, 2), np.float32),
    np.zeros((2, 3), np.int32),
    np.array([[0, 0, 0], [0, 0, -0.0]], np.float32),
    np.zeros((), np.float32),
    np.zeros(0, np.float32),
    jax.numpy.zeros((2, 3), jax.numpy.bfloat16),
  ]
  sums = {checkpoint.checksum({'a': array}) for array in arrays}
  assert len(sums) == len(arrays)
  assert checkpoint.checksum({'b': arrays[0]}) not in sums


def test_damaged_metadata_are_one_sentence(folder):
  path = folder / '6' / '_CHECKPOINT_METADATA'
  path.write_text(path.read_text().replace('init_', 'Init_'))
  with pytest.raises(InputError, match=r'cannot be opened .*move the damaged'):
    checkpoint.Checkpoints(folder)


def test_other_shapes_do_not_pass_for_a_checkpoint(folder):
  target = tree(0.0)
  target['folds']['kernel'] = np.zeros((2, 5, 8), np.float32)
  with (
    checkpoint.Checkpoints(folder) as checkpoints,
    pytest.raises(InputError, match=r'none of the 2 checkpoints in .* shapes'),
  ):
    checkpoints.load(target)
  with checkpoint.Checkpoints(folder) as checkpoints:  # and both are there
    assert checkpoints.steps == [4, 6]
    assert_same(checkpoints.load(tree(0.0))[0], tree(6.1))


def test_a_full_disk_leaves_the_last_good_one(folder, monkeypatch):
  usage = shutil.disk_usage(folder)._replace(free=1 << 20)
  monkeypatch.setattr(shutil, 'disk_usage', lambda path: usage)
  with (
    pytest.raises(InputError, match=r'1 MiB are free.*step 6 is kept'),
    checkpoint.Checkpoints(folder) as checkpoints,
  ):
    checkpoints.save(8, tree(8.1))
  with checkpoint.Checkpoints(folder) as checkpoints:
    assert_same(checkpoints.load(tree(0.0))[0], tree(6.1))


def test_a_disk_that_fills_while_writing_is_one_sentence(folder, monkeypatch):
  """The error comes from the save and again when orbax is closed."""

  def full(*args, **kwargs):
    raise OSError(errno.ENOSPC, 'No space left on device')

  with (
    pytest.raises(InputError, match=r'No space left.*step 6 is kept'),
    checkpoint.Checkpoints(folder) as checkpoints,
  ):
    monkeypatch.setattr(checkpoints._checkpointer, 'save', full)
    monkeypatch.setattr(checkpoints._checkpointer, 'close', full)
    checkpoints.save(8, tree(8.1))
  with checkpoint.Checkpoints(folder) as checkpoints:
    assert_same(checkpoints.load(tree(0.0))[0], tree(6.1))


def test_what_a_killed_write_left_does_not_count(folder):
  left = folder / '8.orbax-checkpoint-tmp-1'
  left.mkdir()
  (left / 'half').write_bytes(b'half')
  with checkpoint.Checkpoints(folder) as checkpoints:
    assert checkpoints.steps == [4, 6]


@pytest.mark.parametrize('asked', [True, False])
def test_the_helper_ends_quietly_with_the_process_that_asks(
  tmp_path, monkeypatch, asked
):
  """Whether that one died before it asked or before it had its answer."""
  monkeypatch.setattr(checkpoint_writer.signal, 'signal', lambda *_: None)
  asking, helper = multiprocessing.Pipe()
  if asked:
    asking.send(('steps', ()))
  asking.close()
  with helper:
    checkpoint_writer._serve(helper, tmp_path / 'checkpoints')


def test_a_state_is_nested_dicts_under_names_that_older_runs_have():
  """Whatever names the code has for fields and parts of a fold."""
  weights = {'head': {'bias': 1.5}}
  best = trial_state.Best(np.int32(3), weights, np.float32(0.5), weights)
  states = trial_state.TrialState(
    {'test': best, 'validation': best}, (), weights, weights, np.int32(7)
  )
  tree = checkpoint.to_tree(states, np.array([4]))
  kept = {'epoch': 3, 'params': weights, 'score': 0.5, 'stats': weights}
  assert tree == {
    'epochs_done': [4],
    'folds': {
      'best': {'best_on_test': kept, 'validation': kept},
      'optimizer': (),
      'params': weights,
      'stats': weights,
      'step': 7,
    },
  }
  assert checkpoint.from_tree(tree) == (states, [4])
