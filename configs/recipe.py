r"""Our own recipe for speakers never heard, on EMO-DB and other corpora.

  python -m sernet_jax.main --config=configs/recipe.py --workdir=runs/recipe

--config=configs/recipe.py:ravdess, :nemo or :manifest for other corpora, with
--config.data.root= or --config.data.manifest=. Chosen on RAVDESS,
never on EMO-DB's tests: experiments/recipe/README.md.
"""

from ml_collections import ConfigDict

from sernet_jax.runs.defaults import get_config as defaults


def get_config(corpus: str = 'emodb') -> ConfigDict:
  """Returns the settings; the command line can change any of them."""
  config = defaults()
  config.name = f'recipe_{corpus}'
  config.data.corpus = corpus
  config.data.crop = 'random'
  config.data.test_duration_s = 7.0
  config.protocol.best_on_test = False  # nothing is chosen on the tests
  config.model.pooling = 'statistics'
  config.augment.warp = 0.1
  config.augment.join = 0.5
  config.optim.learning_rate = 1e-3
  config.optim.schedule = 'one_cycle'
  config.optim.cycle_epochs = config.train.epochs = 30
  config.optim.average = 0.98
  return config
