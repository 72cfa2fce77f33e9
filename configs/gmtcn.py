r"""GM-TCN (Ye et al. 2022) on EMO-DB or IEMOCAP, tested honestly.

  python -m sernet_jax.main --config=configs/gmtcn.py --workdir=runs/gmtcn

--config=configs/gmtcn.py:iemocap for the other corpus, with
--config.data.root=. One speaker is left out for the test and one, who chooses
the epoch, for validation; the paper's code mixes speakers.
"""

from ml_collections import ConfigDict

from sernet_jax.runs.defaults import get_config as defaults


def get_config(corpus: str = 'emodb') -> ConfigDict:
  """Returns the settings; the command line can change any of them."""
  config = defaults('gmtcn')
  config.name = f'gmtcn_{corpus}'
  config.data.corpus = corpus
  config.data.duration_s = 96_000 / 22_050
  config.features.preset = 'timnet'
  config.features.num_coefficients = 39
  # Its first logits lie in the hundreds, where clipped probabilities teach nothing.
  config.loss.floor = 0.0
  config.optim.learning_rate = 1e-3
  config.optim.beta1 = 0.93
  config.optim.beta2 = 0.98
  config.optim.decay_factor = 1.0
  config.protocol.validation = 'speaker'
  config.protocol.best_on_test = False
  config.train.batch_size = 64
  config.train.epochs = 300
  return config
