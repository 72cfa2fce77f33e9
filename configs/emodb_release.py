r"""The weights that come with the package: trained on all of EMO-DB.

  python -m sernet_jax.main --config=configs/emodb_release.py \
    --workdir=runs/emodb_release

The settings of configs/emodb.py, but nobody is left out, so this run cannot
say how good it is; `loso` with the same settings can. See the model card.
"""

from ml_collections import ConfigDict

from sernet_jax.runs.defaults import get_config as defaults


def get_config() -> ConfigDict:
  """Returns the settings; the command line can change any of them."""
  config = defaults()
  config.name = 'emodb_release'
  config.protocol.name = 'all'
  return config
