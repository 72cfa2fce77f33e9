"""Light-SERNet on EMO-DB as in the paper's Table 1, tested honestly.

  python -m sernet_jax.main --config=configs/emodb.py --workdir=runs/emodb

3 s, cross-entropy, 300 epochs, one of the ten speakers left out at a time.
The published scheme: --config.protocol.name=paper2021; focal loss:
--config.loss.name=focal. Results: experiments/README.md.
"""

from ml_collections import ConfigDict

from sernet_jax.runs.defaults import get_config as defaults


def get_config() -> ConfigDict:
  """Returns the settings; the command line can change any of them."""
  return defaults()
