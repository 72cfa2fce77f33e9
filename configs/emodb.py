"""Light-SERNet on EMO-DB as in the paper's Table 1, tested honestly.

  python -m sernet_jax.main --config=configs/emodb.py --workdir=runs/emodb

3 s, cross-entropy, 300 epochs, one of the ten speakers left out at a time.
The published scheme: --config.protocol.name=paper2021; focal loss:
--config.loss.name=focal. Measured time and result: see README, Results.
"""

import math

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
  """The settings; any of them can be changed on the command line."""
  return ConfigDict(
    {
      'name': 'emodb',
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
      'protocol': {'name': 'loso', 'validation': 'none', 'folds': ()},
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
