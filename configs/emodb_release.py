r"""The weights that come with the package: trained on all of EMO-DB.

  python -m sernet_jax.main --config=configs/emodb_release.py \
    --workdir=runs/emodb_release

The recipe with rooms, noise and narrow bands in training; nobody is left out,
so this run cannot say how good it is. --config=configs/emodb_release.py:loso
trains ten networks in the same way that can. See the model card. The weights
beside them, `emodb_paper`, are of configs/emodb.py with --config.protocol.name=all.
"""

from ml_collections import ConfigDict

from sernet_jax.runs.defaults import get_config as defaults


def get_config(protocol: str = 'all') -> ConfigDict:
  """Returns the settings; the command line can change any of them."""
  config = defaults()
  config.name = f'emodb_release_{protocol}'
  config.protocol.name = protocol
  config.protocol.best_on_test = False
  config.data.crop = 'random'
  config.data.test_duration_s = 7.0
  config.model.pooling = 'statistics'
  config.augment.warp = 0.1
  config.augment.join = 0.5
  config.augment.room = config.augment.noise = config.augment.narrow_band = 0.3
  config.augment.gain_db = 6.0
  config.optim.learning_rate = 1e-3
  config.optim.schedule = 'one_cycle'
  config.optim.cycle_epochs = config.train.epochs = 40
  config.optim.average = 0.98
  return config
