"""Training of one trial and the axis of trials, in pure JAX.

A trial is one fold trained with one seed. Of interest to others:

  Recipe      all that is fixed when training is compiled (`recipes`).
  TrialState  what training changes (`trial_state`).
  init_state  the state before the first epoch (`trial_state`).
  run_block   epochs with their evaluations, one compiled call (`steps`).

`specs` are the sections of a config; `losses`, `optim` (Adam, the learning
rate), `batching`, `evaluation`, `keys` (randomness) and
`batch_norm_statistics` are the parts; `mapping`, `together` and
`device_layout` spread trials over devices.
"""

from __future__ import annotations

from sernet_jax.common import lazy

_HOMES = {
  'Recipe': 'recipes',
  'TrialState': 'trial_state',
  'init_state': 'trial_state',
  'run_block': 'steps',
}
__all__ = ['Recipe', 'TrialState', 'init_state', 'run_block']


# Imports JAX when a name is asked for: the specs do without it.
__getattr__ = lazy.loader(__name__, _HOMES)
