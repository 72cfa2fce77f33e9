"""What the tests of runs share."""

from __future__ import annotations

import pytest
import tiny
import tiny_runs

from sernet_jax.runs import run


@pytest.fixture(scope='module')
def place(tmp_path_factory):
  """A corpus and a cache that the module shares."""
  folder = tmp_path_factory.mktemp('run')
  tiny.write_corpus(folder / 'corpus')
  return folder


@pytest.fixture(scope='module')
def finished(place, blank_figures):
  """A run of 4 epochs that nothing disturbed."""
  workdir = place / 'finished'
  run.train(tiny_runs.settings(place, train__epochs=4), workdir)
  return workdir
