"""A corpus and a config so small that a whole run takes seconds."""

from __future__ import annotations

import csv
import importlib.util
import pathlib
import re

import ml_collections
import numpy as np
import two_blocks

from sernet_jax.audio import reading

SPEAKERS = ('ann', 'bob', 'cyd')
LABELS = ('high', 'low')
TAKES = 4
RATE_HZ = 16_000
ROOT = pathlib.Path(__file__).parents[2]


def write_corpus(folder: pathlib.Path, duration_s: float = 0.3) -> pathlib.Path:
  """Noisy tones of 2 kHz and 300 Hz by three `speakers`; returns the CSV."""
  folder.mkdir(parents=True, exist_ok=True)
  random = np.random.default_rng(3)
  time_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
  rows = []
  for number, speaker in enumerate(SPEAKERS):
    for label in LABELS:
      for take in range(TAKES):
        base_hz = {'high': 2000.0, 'low': 300.0}[label] * (1 + number / 20)
        tone = np.sin(2 * np.pi * base_hz * time_s)
        samples = 0.3 * tone + 0.1 * random.normal(size=time_s.size)
        name = f'{speaker}_{label}_{take}.wav'
        reading.write_wav(folder / name, np.clip(samples, -1, 1), RATE_HZ)
        rows.append([name, label, speaker])
  path = folder / 'list.csv'
  with path.open('w', newline='') as file:
    csv.writer(file).writerows([['path', 'label', 'speaker'], *rows])
  return path


def load_script(path: pathlib.Path):
  """A file that is in no package, as a module of its own at each call."""
  spec = importlib.util.spec_from_file_location(path.stem, path)
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


def load_config(name: str, *arguments: str):
  """The ConfigDict of configs/NAME.py."""
  return load_script(ROOT / 'configs' / f'{name}.py').get_config(*arguments)


def emodb(**fields) -> ml_collections.ConfigDict:
  """EMO-DB's config as a person may write it; data__root=1 sets data.root."""
  content = load_config('emodb').to_dict()
  for name, value in fields.items():
    *sections, field = name.split('__')
    section = content
    for key in sections:
      section = section[key]
    section[field] = value
  return ml_collections.ConfigDict(content)


# What makes a run tiny: 9 frames of 8 coefficients, 24 utterances.
SMALL = {
  'name': 'tiny',
  'data.duration_s': 0.2,
  'features.num_coefficients': 8,
  'optim.learning_rate': 1e-3,
  'model.batch_norm_momentum': 0.5,
  'train.batch_size': 8,
  'train.epochs': 2,
  'train.checkpoint_epochs': 1,
}

# A network that compiles in a sixth of the time, for claims about runs and
# not about the network.
QUICK = {
  'model__filters': 6,
  'model__paths': ('joint',),
  'model__blocks': two_blocks.BLOCKS,
}


def config(csv_path: pathlib.Path, cache: pathlib.Path, **changes):
  """A tiny experiment; `train__epochs=3` sets train.epochs."""
  settings = load_config('manifest')
  values = {
    **SMALL,
    'data.manifest': str(csv_path),
    'data.cache_dir': str(cache),
    **{name.replace('__', '.'): value for name, value in changes.items()},
  }
  settings.update_from_flattened_dict(values)
  return settings


def flags(settings) -> list[str]:
  """The command line that makes a config file equal `settings`.

  The file is configs/manifest.py, or two_blocks.py where `QUICK` is used.
  """
  path, config = ROOT / 'configs/manifest.py', load_config('manifest')
  if 'blocks' in settings.model:
    path, config = pathlib.Path(two_blocks.__file__), two_blocks.get_config()
  before = dict(_flat(config.to_dict()))
  return [f'--config={path}'] + [
    f'--config.{name}={value}'
    for name, value in _flat(settings.to_dict())
    if value != before[name]
  ]


def _flat(tree, prefix=''):
  for key, value in tree.items():
    if isinstance(value, dict):
      yield from _flat(value, f'{prefix}{key}.')
    else:
      yield prefix + key, value


def only_progress(err: str) -> bool:
  """Whether stderr, as no terminal, has lines of progress at most.

  Work of under a minute writes none, but a busy machine may take longer. The
  lines that a run begins with are left out.
  """
  begins = ('run: ', 'corpus: ', 'folds: ', 'compiling the training; ')
  line = r'[^:]+: \d+ of (\d+|\?) \w+, [\d:]+ passed, ([\d:]+|\?) left.*'
  return all(
    re.fullmatch(line, text)
    for text in err.splitlines()
    if not text.startswith(begins)
  )
