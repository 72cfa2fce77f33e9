r"""Dilated residual network with attention (Li et al. 2019), tested honestly.

  python -m sernet_jax.main --config=configs/drn.py --workdir=runs/drn

--config=configs/drn.py:iemocap for the other corpus, with --config.data.root=.
One speaker is left out for the test and one, who chooses the epoch, for
validation. The paper has IEMOCAP alone.
"""

from ml_collections import ConfigDict

from sernet_jax.runs.defaults import get_config as defaults


def get_config(corpus: str = 'emodb') -> ConfigDict:
  """Returns the settings; the command line can change any of them."""
  config = defaults('drn')
  config.name = f'drn_{corpus}'
  config.data.corpus = corpus
  config.features.preset = 'chen2018'
  config.features.kind = 'log_mel'
  config.protocol.validation = 'speaker'
  config.protocol.best_on_test = False
  config.train.batch_size = 32
  return config
