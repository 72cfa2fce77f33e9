r"""Weights for sound outside a studio: rooms, noise, telephones, levels.

  python -m sernet_jax.main --config=configs/robust.py:loso --workdir=runs/robust

The recipe with these drawn anew in every epoch of training. `:all` trains on
all of EMO-DB and leaves nobody out, as for `emodb_robust` in the package.
"""

from ml_collections import ConfigDict

from sernet_jax.runs.config_flags import load_file, shipped


def get_config(protocol: str = 'loso') -> ConfigDict:
  """Returns the settings; the command line can change any of them."""
  config = load_file(str(shipped()['recipe']))
  config.name = f'robust_{protocol}'
  config.protocol.name = protocol
  config.data.test_duration_s = 0.0  # as long as in training
  config.augment.room = config.augment.noise = config.augment.narrow_band = 0.3
  config.augment.gain_db = 6.0
  return config
