r"""Separable network of Zhong et al. 2020 on EMO-DB or IEMOCAP, tested honestly.

  python -m sernet_jax.main --config=configs/separable.py --workdir=runs/separable

--config=configs/separable.py:iemocap for the other corpus, with
--config.data.root=. One speaker is left out for the test and one, who chooses
the epoch, for validation.
"""

from ml_collections import ConfigDict

from sernet_jax.runs.defaults import get_config as defaults


def get_config(corpus: str = 'emodb') -> ConfigDict:
  """Returns the settings; the command line can change any of them."""
  config = defaults('separable')
  config.name = f'separable_{corpus}'
  config.data.corpus = corpus
  config.data.duration_s = 7.0
  config.features.preset = 'zhong2020'
  config.features.kind = 'log_mel'
  config.loss.name = 'focal'
  config.loss.class_weights = 'balanced'
  config.optim.learning_rate = 3e-4
  config.optim.decay_factor = 1.0
  config.protocol.validation = 'speaker'
  config.protocol.best_on_test = False
  config.protocol.choose_by = 'uar'
  config.train.batch_size = 64
  return config
