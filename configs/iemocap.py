r"""Light-SERNet on IEMOCAP as in the paper's Tables 1 and 2, tested honestly.

  python -m sernet_jax.main --config=configs/iemocap.py:improvised,7s \
      --config.data.root=/path/to/IEMOCAP

After the colon: `all`, `improvised` or `scripted`, and the length of a
segment such as `3s` or `7s`; without it, all dialogs and 3 s. Four classes,
cross-entropy, 300 epochs, one of the ten speakers left out at a time. The
corpus has a closed licence: bring your own copy. Not run by us, for that
reason, on the real corpus.
"""

import math

from ml_collections import ConfigDict


def get_config(text: str = '') -> ConfigDict:
  """The settings; `text` is what follows the colon.

  Raises:
    ValueError: if a word of it is neither a part nor a length.
  """
  part, duration_s = 'all', 3.0
  for word in filter(None, text.split(',')):
    if word in ('all', 'improvised', 'scripted'):
      part = word
    elif word.endswith('s') and word[:-1].replace('.', '', 1).isdigit():
      duration_s = float(word[:-1])
    else:
      raise ValueError(
        f'{word!r} after the colon of --config is unknown; write all, '
        'improvised or scripted, and a length such as 7s'
      )
  return ConfigDict(
    {
      'name': f'iemocap-{part}-{duration_s:g}s',
      'seed': 0,
      'data': {
        'corpus': 'iemocap',
        'corpora': '',
        'root': '',  # the folder that holds Session1 to Session5
        'part': part,
        'excited': 'default',  # counted as happiness unless improvised
        'manifest': '',
        'classes': '',
        'duration_s': duration_s,
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
