r"""Light-SERNet on IEMOCAP as in the paper's Tables 1 and 2, tested honestly.

  python -m sernet_jax.main --config=configs/iemocap.py:improvised,7s \
      --config.data.root=/path/to/IEMOCAP

After the colon: `all`, `improvised` or `scripted`, and the length of a
segment such as `3s` or `7s`; without it, all dialogs and 3 s. Four classes,
cross-entropy, 300 epochs, one of the ten speakers left out at a time. The
corpus has a closed license: bring your own copy. Not run by us, for that
reason, on the real corpus.
"""

from ml_collections import ConfigDict

from sernet_jax.runs.defaults import get_config as defaults


def get_config(text: str = '') -> ConfigDict:
  """Returns the settings; `text` is what follows the colon.

  Raises:
    ValueError: if a word of it is neither a part nor a length.
  """
  config = defaults()
  config.data.corpus = 'iemocap'
  for word in filter(None, text.split(',')):
    if word in ('all', 'improvised', 'scripted'):
      config.data.part = word
    elif word.endswith('s') and word[:-1].replace('.', '', 1).isdigit():
      config.data.duration_s = float(word[:-1])
    else:
      raise ValueError(
        f'{word!r} after the colon of --config is unknown; write all, '
        'improvised or scripted, and a length such as 7s'
      )
  config.name = f'iemocap-{config.data.part}-{config.data.duration_s:g}s'
  return config
