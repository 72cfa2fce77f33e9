"""Makes tests/data/before_rooms.tar.gz with the version before the rooms.

Only that version (commit 15f5365) can run it, in an empty folder:

  git worktree add /tmp/flat 15f5365 && mkdir /tmp/made && cd /tmp/made
  cp -r /tmp/flat/configs .
  PYTHONPATH=/tmp/flat/tests/two_blocks:/tmp/flat/tests:/tmp/flat \
    python make_before_rooms.py

The network has two small blocks (tests/two_blocks of that commit patches them
in), so that checkpoints stay small. Figures, reports, locks, logs and all
checkpoints that no test reads were left out of the archive, and the folder's
own path out of orbax' notes.
"""

import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import small_model
import tiny

from sernet_jax import corpora, feature_cache, models
from sernet_jax.spec import AudioSpec, MfccSpec


def write_corpus() -> None:
  """Writes the recordings, whose times and rights are part of a cache's key."""
  tiny.write_corpus(pathlib.Path('corpus'))
  for path in pathlib.Path('corpus').iterdir():
    path.chmod(0o644)
    os.utime(path, ns=(10**18, 10**18))


def command(module: str, *more: str) -> None:
  """Runs a command of the package on the tiny corpus."""
  flags = [f'--config.{name}={value}' for name, value in tiny.SMALL.items()]
  subprocess.run(
    [
      *(sys.executable, '-m', f'sernet_jax.{module}'),
      *('--config=configs/manifest.py', *flags),
      *('--config.model.filters=6', "--config.model.paths=('joint',)"),
      *('--config.data.manifest=corpus/list.csv', '--config.data.cache_dir=c'),
      *more,
    ],
    check=True,
  )


def write_cache() -> None:
  """Computes features under relative paths, which are alike everywhere."""
  corpus = corpora.load('manifest', manifest_path='corpus/list.csv')
  utterances = [
    dataclasses.replace(utterance, path=f'corpus/{utterance.name}')
    for utterance in corpus.utterances
  ]
  corpus = dataclasses.replace(corpus, utterances=tuple(utterances))
  arguments = 'mfcc', MfccSpec(num_coefficients=8), AudioSpec(duration_s=0.2)
  folder = pathlib.Path('cache')
  feature_cache.load(corpus, *arguments, folder, progress=False)


def write_probabilities() -> None:
  """Writes what the weights in the package say of a made-up sound."""
  model = models.load()
  (probabilities,) = model(np.stack([small_model.sound(3.0)]))
  content = {
    'classes': list(model.classes),
    'probabilities': probabilities.tolist(),
  }
  path = pathlib.Path('release_probabilities.json')
  path.write_text(json.dumps(content, indent=1))


if __name__ == '__main__':
  write_corpus()
  command('main', '--workdir=run')
  command('main', '--workdir=longer', '--config.train.epochs=3')
  command('sweep', '--workdir=sweep', '--axis=loss.name=cross_entropy,focal')
  write_cache()
  write_probabilities()
  shutil.copy('longer/predictions.csv', 'longer_predictions.csv')
