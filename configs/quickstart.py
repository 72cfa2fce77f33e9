"""End to end, from recordings to report, on synthetic speech.

  python -m sernet_jax.main --config=configs/quickstart.py

Offline; 240 synthetic utterances of six speakers and four emotions, 1.5 s,
one speaker left out at a time; a higher learning rate that falls earlier than
the paper's, to learn in minutes. Its figures say that the code works, not how
people sound. Measured time and result: docs/quickstart.md.
"""

from ml_collections import ConfigDict

from sernet_jax.runs.defaults import get_config as defaults


def get_config() -> ConfigDict:
  """Returns the settings; the command line can change any of them."""
  config = defaults()
  config.name = 'quickstart'
  config.data.corpus = 'embedded'
  config.data.duration_s = 1.5
  config.model.batch_norm_momentum = 0.9  # few steps: 0.99 would lag behind
  config.optim.learning_rate = 1e-3
  config.optim.decay_start_epochs = 4
  config.optim.decay_every_epochs = 1
  config.optim.decay_factor = 0.5
  config.train.epochs = 6
  config.train.batch_size = 16
  config.train.checkpoint_epochs = 2
  return config
