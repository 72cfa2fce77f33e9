"""The whole way from recordings to report, on speech made by a program.

  python -m sernet_jax.main --config=configs/quickstart.py

Offline; 240 synthetic utterances of six speakers and four emotions, 1.5 s,
one speaker left out at a time; a higher and sooner falling learning rate than
the paper's, to learn in minutes. Its figures say that the code works, not how
people sound. Measured time and result: see README.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
  """The settings; any of them can be changed on the command line."""
  return ConfigDict(
    {
      'name': 'quickstart',
      'seed': 0,
      'data': {
        'corpus': 'embedded',
        'corpora': '',
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
        'decay_start_epochs': 4,
        'decay_every_epochs': 1,
        'decay_factor': 0.5,
        'l2': 1e-6,
      },
      'protocol': {'name': 'loso', 'validation': 'none', 'folds': ()},
      'train': {
        'epochs': 6,
        'batch_size': 16,
        'checkpoint_epochs': 2,
        'report_epochs': 0,  # 1 on CPUs, checkpoint_epochs elsewhere
        'fold_mapping': 'auto',  # or map, vmap, shard
        'seeds': 1,  # seed, seed + 1, ...
        'precision': 'float32',  # or tf32, bfloat16
        'tensorboard': False,
      },
    }
  )
