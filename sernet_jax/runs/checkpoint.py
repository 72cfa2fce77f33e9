"""Checkpoints of all folds of a run. The only file with orbax.

A checkpoint is one tree of numpy arrays with a leading axis of trials, written
beside the previous one and renamed into place when complete; the two newest
are kept, so that a damaged one does not end a run. It can be read without this
package: nested dicts, with the best epochs under the names of the selections
that they are for. Its metadata have a checksum of the arrays, which finds what
the storage below does not; those of older versions have none.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import pathlib
import shutil
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import jax
import numpy as np
from orbax.checkpoint import v1 as ocp

from sernet_jax.common.errors import InputError, first_line, require
from sernet_jax.results.selections import CHOSEN_ON
from sernet_jax.training.trial_state import Best, TrialState

KEPT = 2
_CHECKSUM = 'sha256'  # its name among the metadata of a checkpoint
_SPARE_BYTES = 1 << 20  # for what is not arrays
# What orbax and the storage below it raise for files that are missing, cut
# short, of another shape, or cannot be written.
_FAILURES = (OSError, ValueError, KeyError, TypeError, RuntimeError)

# Nested dicts of arrays, and the named tuples of optax in them.
Tree = dict[str, Any]


def to_tree(states: TrialState, epochs_done: np.ndarray) -> Tree:
  """Returns the tree of a checkpoint.

  Args:
    states: stacked over the trials, or their shapes.
    epochs_done: int32 (trials,).
  """
  best = {CHOSEN_ON[part]: best._asdict() for part, best in states.best.items()}
  return {
    'epochs_done': epochs_done,
    'folds': {**states._asdict(), 'best': best},
  }


def from_tree(tree: Tree) -> tuple[TrialState, np.ndarray]:
  """Returns states and epochs done of the tree of a checkpoint."""
  fields = dict(tree['folds'])
  saved = fields.pop('best')
  best = {
    part: Best(**saved[name])
    for part, name in CHOSEN_ON.items()
    if name in saved
  }
  return TrialState(best=best, **fields), np.array(tree['epochs_done'])


class Checkpoints:
  """The checkpoints of one run folder."""

  def __init__(self, folder: pathlib.Path, read_only: bool = False):
    self.folder = folder.absolute()
    try:
      with _quiet():
        self._checkpointer = ocp.training.Checkpointer(
          self.folder,
          save_decision_policy=(
            ocp.training.save_decision_policies.FixedIntervalPolicy(1)
          ),
          preservation_policy=ocp.training.preservation_policies.LatestN(KEPT),
          cleanup_tmp_directories=not read_only,
        )
    except _FAILURES as error:
      raise InputError(
        f'the checkpoints in {self.folder} cannot be opened '
        f'({first_line(error)}); move the damaged one, most likely the newest, '
        'out of that folder and run the same command again'
      ) from error

  def __enter__(self) -> Checkpoints:
    return self

  def __exit__(
    self,
    kind: type[BaseException] | None,
    error: BaseException | None,
    trace: TracebackType | None,
  ) -> None:
    try:
      self._checkpointer.close()
    except _FAILURES:
      # A save that failed fails here once more; its own error says it all.
      if error is None:
        raise

  @property
  def steps(self) -> list[int]:
    """Steps with a complete checkpoint, ascending."""
    return sorted(entry.step for entry in self._checkpointer.checkpoints)

  def save(self, step: int, tree: Tree) -> None:
    """Writes a checkpoint; on return it is complete.

    Args:
      step: epochs done over all folds together; an existing one is left.
      tree: nested dicts of arrays.

    Raises:
      InputError: if it cannot be written; older checkpoints are untouched.
    """
    if step in self.steps:
      return
    host = jax.tree.map(np.asarray, tree)
    needed = sum(leaf.nbytes for leaf in jax.tree.leaves(host)) + _SPARE_BYTES
    free = shutil.disk_usage(self.folder).free
    if free < needed:
      raise self._unwritten(
        f'it needs {needed >> 20} MiB and {free >> 20} MiB are free'
      )
    try:
      with _quiet():
        self._checkpointer.save(
          step, host, custom_metadata={_CHECKSUM: checksum(host)}
        )
    except _FAILURES as error:
      raise self._unwritten(first_line(error)) from error

  def _unwritten(self, reason: str) -> InputError:
    kept = f'step {self.steps[-1]} is kept' if self.steps else 'none is there'
    return InputError(
      f'a checkpoint could not be written to {self.folder} ({reason}; of the '
      f'older ones {kept}); free some space and run the same command again'
    )

  def load(self, target: Tree) -> tuple[Tree | None, list[str]]:
    """Reads the newest checkpoint that can be read.

    Args:
      target: a tree of the structure, shapes and types expected.

    Returns:
      (tree of numpy arrays, or None if there is no checkpoint; one sentence per
      damaged checkpoint). Damaged ones are moved out of the way.

    Raises:
      InputError: if there are checkpoints, and none can be read; all stay.
    """
    abstract = _abstract(target)
    damaged: dict[int, str] = {}  # step -> why, the newest first
    for step in reversed(self.steps):
      try:
        tree = self._read(step, abstract)
      except _FAILURES as error:
        damaged[step] = first_line(error)
        continue
      for other in damaged:
        self._set_aside(other)
      return tree, [
        f'checkpoint {self.folder / str(other)} is damaged ({why}), so the run '
        'goes on from the one before'
        for other, why in damaged.items()
      ]
    require(
      not damaged,
      f'none of the {len(damaged)} checkpoints in {self.folder} can be read '
      f'(the newest: {next(iter(damaged.values()), "")}); try again, or with '
      'the versions that environment.json names, or choose another --workdir to '
      'begin anew',
    )
    return None, []

  def _read(self, step: int, target: Tree) -> Tree:
    """Reads and checks one checkpoint; raises one of `_FAILURES`."""
    with _quiet():
      tree = self._checkpointer.load(step, target)
      metadata = self._checkpointer.metadata(step).custom_metadata or {}
    self._check_shapes(tree, target)
    if metadata.get(_CHECKSUM, '') not in ('', checksum(tree)):
      raise ValueError('its numbers are not those that were written')
    return tree

  def _check_shapes(self, tree: Tree, target: Tree) -> None:
    # orbax compares shapes of jax arrays alone: see
    # findings/orbax_checks_shapes_of_jax_targets_alone.sh.
    same = jax.tree.map(
      lambda a, b: a.shape == b.shape and a.dtype == b.dtype, tree, target
    )
    if not jax.tree.all(same):
      raise ValueError('it holds arrays of other shapes')

  def _set_aside(self, step: int) -> None:
    source = self.folder / str(step)
    target = self.folder.parent / 'damaged_checkpoints' / str(step)
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(source, target)
    self._checkpointer.reload()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
  """Silences what orbax logs of a failure: pages, where a sentence will do."""
  logger = logging.getLogger('absl')
  level = logger.level
  logger.setLevel(logging.CRITICAL)
  try:
    yield
  finally:
    logger.setLevel(level)


def checksum(tree: Tree) -> str:
  """SHA-256 of all arrays of a tree, with their names, types and shapes."""
  digest = hashlib.sha256()
  for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
    array = np.asarray(leaf)
    name = jax.tree_util.keystr(path), array.dtype.str, array.shape
    digest.update(json.dumps(name).encode())
    digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
  return digest.hexdigest()


def _abstract(target: Tree) -> Tree:
  """Arrays of the same shapes and types, whose values orbax replaces."""
  return jax.tree.map(lambda x: np.empty(x.shape, x.dtype), target)


def read(folder: pathlib.Path, target: Tree) -> Tree:
  """Reads the newest checkpoint of a run, which may be going on.

  Nothing in the folder changes.

  Args:
    folder: of the checkpoints.
    target: as for `Checkpoints.load`.

  Raises:
    InputError: if there is none, or the newest cannot be read.
  """
  if not folder.is_dir():
    raise InputError(
      f'{folder} does not exist; give the --workdir of a run that was trained'
    )
  abstract = _abstract(target)
  with Checkpoints(folder, read_only=True) as checkpoints:
    if not checkpoints.steps:
      raise InputError(f'{folder} holds no checkpoint; train the run further')
    step = checkpoints.steps[-1]
    try:
      tree = checkpoints._read(step, abstract)
    except _FAILURES as error:
      raise InputError(
        f'checkpoint {folder / str(step)} cannot be read '
        f'({first_line(error)}); run the training command with this --workdir '
        'again, which goes on from the one before'
      ) from error
  return tree
