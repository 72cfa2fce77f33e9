r"""Multi-path spectrogram network (Yenigalla et al. 2018), tested honestly.

  python -m sernet_jax.main --config=configs/multipath.py --workdir=runs/multipath

--config=configs/multipath.py:iemocap for the other corpus, with
--config.data.root=. One speaker is left out for the test and one, who chooses
the epoch, for validation. The paper has IEMOCAP alone, and reads phonemes too:
--config.model.phonemes=47, with the extra `phonemes` for EMO-DB. Kernels of up
to 1,200 cells want an accelerator.
"""

from ml_collections import ConfigDict

from sernet_jax.runs.defaults import get_config as defaults


def get_config(corpus: str = 'emodb') -> ConfigDict:
  """Returns the settings; the command line can change any of them."""
  config = defaults('multipath')
  config.name = f'multipath_{corpus}'
  config.data.corpus = corpus
  config.data.duration_s = 6.0
  config.features.preset = 'yenigalla2018'
  config.features.kind = 'log_mel'
  config.protocol.validation = 'speaker'
  config.protocol.best_on_test = False
  config.train.batch_size = 16
  return config
