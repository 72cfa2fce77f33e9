r"""LFLB network (Zhao et al. 2019) on EMO-DB or IEMOCAP, tested honestly.

  python -m sernet_jax.main --config=configs/lflb.py --workdir=runs/lflb

--config=configs/lflb.py:iemocap for the other corpus, with --config.data.root=.
One speaker is left out for the test and one, who chooses the epoch, for
validation. Rate and batch are those of a re-implementation.
"""

from ml_collections import ConfigDict

from sernet_jax.runs.defaults import get_config as defaults


def get_config(corpus: str = 'emodb') -> ConfigDict:
  """Returns the settings; the command line can change any of them."""
  config = defaults('lflb')
  config.name = f'lflb_{corpus}'
  config.data.corpus = corpus
  config.data.duration_s = 8.0
  config.features.preset = 'lflb'
  config.features.kind = 'log_mel'
  config.optim.learning_rate = 6e-4
  config.optim.decay_factor = 1.0
  config.protocol.validation = 'speaker'
  config.protocol.best_on_test = False
  config.train.batch_size = 4
  config.train.epochs = 100
  return config
