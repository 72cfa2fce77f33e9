r"""3-D ACRNN (Chen et al. 2018) on EMO-DB or IEMOCAP, tested honestly.

  python -m sernet_jax.main --config=configs/acrnn.py --workdir=runs/acrnn

--config=configs/acrnn.py:iemocap for the other corpus, with
--config.data.root=. One speaker is left out for the test and one, who chooses
the epoch, for validation; the paper trains each fold with five seeds,
--config.train.seeds=5. The cheap form: --config.model.convolutions=1.
"""

from ml_collections import ConfigDict

from sernet_jax.runs.defaults import get_config as defaults


def get_config(corpus: str = 'emodb') -> ConfigDict:
  """Returns the settings; the command line can change any of them."""
  config = defaults('acrnn')
  config.name = f'acrnn_{corpus}'
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
