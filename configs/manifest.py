r"""Light-SERNet on any corpus that a CSV file lists.

  python -m sernet_jax.main --config=configs/manifest.py \
      --config.data.manifest=my.csv

The CSV has the columns `path,label,speaker` and may have `group` and `text`,
under other names too (--config.data.columns=path=file_path,label=emotion);
paths are relative to the file, or to --config.data.root. Look at it first with
--mode=inspect.
"""

from ml_collections import ConfigDict

from sernet_jax.runs.defaults import get_config as defaults


def get_config() -> ConfigDict:
  """Returns the settings; the command line can change any of them."""
  config = defaults()
  config.name = 'manifest'
  config.data.corpus = 'manifest'
  return config
