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


def get_config() -> ConfigDict:
  """The settings; any of them can be changed on the command line."""
  return ConfigDict(
    {
      'name': 'cross',
      'seed': 0,
      'data': {
        'corpus': 'embedded',
        'corpora': 'embedded_low,embedded_high',
        'root': '',
        'part': 'all',
        'excited': 'default',
        'manifest': '',
        'classes': '',
        'duration_s': 1.5,
        'segments': 'center',
        'on_bad_file': 'error',
        'cache_dir': '',
      },
      'features': {'kind': 'mfcc', 'preset': 'paper', 'num_coefficients': 40},
      'model': {
        'paths': ('spectral', 'temporal', 'joint'),
        'filters': 96,
        'dropout': 0.3,
        'batch_norm_momentum': 0.9,  # few steps: 0.99 would lag behind
      },
      'loss': {'name': 'cross_entropy', 'gamma': 2.0, 'class_weights': 'none'},
      'optim': {
        'learning_rate': 1e-3,
        'decay_start_epochs': 8,
        'decay_every_epochs': 1,
        'decay_factor': 0.5,
        'l2': 1e-6,
      },
      'protocol': {'name': 'cross', 'validation': 'none', 'folds': ()},
      'train': {
        'epochs': 10,
        'batch_size': 16,
        'checkpoint_epochs': 5,
        'report_epochs': 0,
        'fold_mapping': 'auto',
        'seeds': 1,
        'precision': 'float32',
        'tensorboard': False,
      },
    }
  )
