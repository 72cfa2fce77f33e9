"""Runs: a config becomes an experiment, a folder of results and a report.

  Experiment  the checked settings of a config (`config`).
  train       runs, resumes or recalls an experiment (`run`).
  evaluate    results of the newest checkpoint (`run`).

`defaults` is what a config file starts from, `differences` what tells two
runs apart, `config_flags` the flags of the commands. `data` loads corpus and
folds, `trainer` resumes, trains (`loop`) and tests (`predictions`), `summary`
makes the results; `checkpoint`, `metric_rows` and `tensorboard` write on the
way, `distributed` lets several processes be one run.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {'Experiment': 'config', 'train': 'run', 'evaluate': 'run'}
__all__ = ['Experiment', 'evaluate', 'train']


def __getattr__(name: str) -> Any:
  """Imports JAX when a name is asked for: config files do without it."""
  if name not in _HOMES:
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
  return getattr(importlib.import_module(f'{__name__}.{_HOMES[name]}'), name)
