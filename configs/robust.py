r"""Weights for sound outside a studio: rooms, noise, telephones, levels.

  python -m sernet_jax.main --config=configs/robust.py:loso --workdir=runs/robust

The recipe with these drawn anew in every epoch of training. `:all` trains on
all of EMO-DB and leaves nobody out, as for `emodb_robust` in the package.
"""

from ml_collections import ConfigDict

from sernet_jax.runs.defaults import get_config as defaults


def get_config(protocol: str = 'loso') -> ConfigDict:
  """Returns the settings; the command line can change any of them."""
  config = defaults()
  config.name = f'robust_{protocol}'
  config.protocol.name = protocol
  config.protocol.best_on_test = False
  config.data.crop = 'random'
  config.model.pooling = 'statistics'
  config.augment.warp = 0.1
  config.augment.join = 0.5
  config.augment.room = config.augment.noise = config.augment.narrow_band = 0.3
  config.augment.gain_db = 6.0
  config.optim.learning_rate = 1e-3
  config.optim.schedule = 'one_cycle'
  config.optim.cycle_epochs = config.train.epochs = 30
  config.optim.average = 0.98
  return config
