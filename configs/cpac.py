r"""CPAC (Wen et al. 2022) on EMO-DB or IEMOCAP, tested honestly.

  python -m sernet_jax.main --config=configs/cpac.py --workdir=runs/cpac

--config=configs/cpac.py:iemocap for the other corpus, with --config.data.root=.
One speaker is left out for the test and one, who chooses the epoch, for
validation; the paper's code mixes speakers.
"""

from ml_collections import ConfigDict

from sernet_jax.runs.defaults import get_config as defaults


def get_config(corpus: str = 'emodb') -> ConfigDict:
  """Returns the settings; the command line can change any of them."""
  config = defaults('cpac')
  config.name = f'cpac_{corpus}'
  config.data.corpus = corpus
  config.data.duration_s = 96_000 / 22_050
  config.features.preset = 'timnet'
  config.features.num_coefficients = 39
  config.loss.name = 'margin'
  config.loss.label_smoothing = 0.1
  config.optim.learning_rate = 1e-3
  config.optim.beta1 = 0.975
  config.optim.beta2 = 0.932
  config.optim.decay_factor = 1.0
  config.protocol.validation = 'speaker'
  config.protocol.best_on_test = False
  config.train.batch_size = 64
  config.train.epochs = 300
  return config
