r"""The weights that come with the package: trained on all of EMO-DB.

  python -m sernet_jax.main --config=configs/emodb_release.py \
    --workdir=runs/emodb_release

The settings of configs/emodb.py, but nobody is left out, so this run cannot
say how good it is; `loso` with the same settings can. See the model card.
"""

import math

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
  """The settings; any of them can be changed on the command line."""
  return ConfigDict(
    {
      'name': 'emodb_release',
      'seed': 0,
      'data': {
        'corpus': 'emodb',
        'corpora': '',
        'root': '',  # where `python -m sernet_jax.download emodb` puts it
        'part': 'all',
        'excited': 'default',
        'manifest': '',
        'classes': '',
        'duration_s': 3.0,
        'segments': 'center',
        'on_bad_file': 'error',
        'cache_dir': '',
      },
      'features': {'kind': 'mfcc', 'preset': 'paper', 'num_coefficients': 40},
      'model': {
        'paths': ('spectral', 'temporal', 'joint'),
        'filters': 96,
        'dropout': 0.3,
        'batch_norm_momentum': 0.99,
      },
      'loss': {'name': 'cross_entropy', 'gamma': 2.0, 'class_weights': 'none'},
      'optim': {
        'learning_rate': 1e-4,
        'decay_start_epochs': 50,
        'decay_every_epochs': 20,
        'decay_factor': math.exp(-0.15),
        'l2': 1e-6,
      },
      'protocol': {'name': 'all', 'validation': 'none', 'folds': ()},
      'train': {
        'epochs': 300,
        'batch_size': 32,
        'checkpoint_epochs': 10,
        'report_epochs': 0,  # 1 on CPUs, checkpoint_epochs elsewhere
        'fold_mapping': 'auto',  # or map, vmap, shard
        'seeds': 1,  # seed, seed + 1, ...
        'precision': 'float32',  # or tf32, bfloat16
        'tensorboard': False,
      },
    }
  )
