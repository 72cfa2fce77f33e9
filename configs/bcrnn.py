r"""Binary convolutional recurrent network (after Zhao et al. 2019), tested honestly.

  python -m sernet_jax.main --config=configs/bcrnn.py --workdir=runs/bcrnn

--config=configs/bcrnn.py:iemocap for the other corpus, with
--config.data.root=. The settings are those of configs/acrnn.py.
"""

from ml_collections import ConfigDict

from sernet_jax.runs.defaults import get_config as defaults


def get_config(corpus: str = 'emodb') -> ConfigDict:
  """Returns the settings; the command line can change any of them."""
  config = defaults('bcrnn')
  config.name = f'bcrnn_{corpus}'
  config.data.corpus = corpus
  if corpus == 'iemocap':
    config.data.part = 'improvised'
    config.model.convolutions = 6
  config.features.preset = 'chen2018'
  config.features.kind = 'log_mel_deltas'
  config.protocol.validation = 'speaker'
  config.protocol.best_on_test = False
  config.train.batch_size = 40
  return config
