r"""TIM-Net (Ye et al. 2023) on EMO-DB or IEMOCAP, tested honestly.

  python -m sernet_jax.main --config=configs/timnet.py --workdir=runs/timnet

--config=configs/timnet.py:iemocap for the other corpus, with
--config.data.root=. One speaker is left out for the test and one, who chooses
the epoch, for validation; the paper mixes speakers.
"""

from ml_collections import ConfigDict

from sernet_jax.runs.defaults import get_config as defaults


def get_config(corpus: str = 'emodb') -> ConfigDict:
  """Returns the settings; the command line can change any of them."""
  config = defaults('timnet')
  config.name = f'timnet_{corpus}'
  config.data.corpus = corpus
  iemocap = corpus == 'iemocap'
  config.model.levels = 10 if iemocap else 8
  config.data.duration_s = (310_000 if iemocap else 96_000) / 22_050
  config.features.preset = 'timnet'
  config.features.num_coefficients = 39
  config.loss.label_smoothing = 0.1
  config.optim.learning_rate = 1e-3
  config.optim.beta1 = 0.93
  config.optim.beta2 = 0.98
  config.optim.decay_factor = 1.0
  config.protocol.validation = 'speaker'
  config.protocol.best_on_test = False
  config.train.batch_size = 64
  config.train.epochs = 500
  return config
