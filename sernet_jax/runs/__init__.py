"""Runs: a config becomes an experiment, a folder of results and a report.

  Experiment  the checked settings of a config (`config`).
  train       runs, resumes or recalls an experiment (`run`).
  evaluate    results of the newest checkpoint (`run`).

`defaults` is what a config file starts from, `differences` what tells two
runs apart, `config_flags` the flags of the commands. `data` loads corpus and
folds, `trainer` resumes, trains (`loop`) and tests (`predictions`), `summary`
makes the results; `checkpoint`, `metric_rows` and `logs` write on the way,
`distributed` lets several processes be one run.
"""

from __future__ import annotations

from sernet_jax.common import lazy

_HOMES = {'Experiment': 'config', 'train': 'run', 'evaluate': 'run'}
__all__ = ['Experiment', 'evaluate', 'train']


# Imports JAX when a name is asked for: config files do without it.
__getattr__ = lazy.loader(__name__, _HOMES)
