r"""Train on one corpus, test on another: the matrix of all pairs.

  python -m sernet_jax.main --config=configs/cross.py

As it stands, two halves of the synthetic corpus (low voices, high voices), to
see the way of it offline; its figures say nothing about people. On corpora:

  python -m sernet_jax.main --config=configs/cross.py \
      --config.data.corpora=emodb,ravdess:/data/ravdess,savee:/data/savee \
      --config.data.duration_s=3.0 --config.train.epochs=300

The classes are those that all corpora share; --config.data.classes= chooses
and merges. --config.protocol.name=loco leaves one corpus out at a time. With
`loso` runs of the single corpora, `python -m sernet_jax.cross` fills the
diagonal.
"""

from ml_collections import ConfigDict

from sernet_jax.runs.defaults import get_config as defaults


def get_config() -> ConfigDict:
  """Returns the settings; the command line can change any of them."""
  config = defaults()
  config.name = 'cross'
  config.data.corpus = 'embedded'
  config.data.corpora = 'embedded_low,embedded_high'
  config.data.duration_s = 1.5
  config.model.batch_norm_momentum = 0.9  # few steps: 0.99 would lag behind
  config.optim.learning_rate = 1e-3
  config.optim.decay_start_epochs = 8
  config.optim.decay_every_epochs = 1
  config.optim.decay_factor = 0.5
  config.protocol.name = 'cross'
  config.train.epochs = 10
  config.train.batch_size = 16
  config.train.checkpoint_epochs = 5
  return config
