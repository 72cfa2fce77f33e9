"""Measures the classical floor: functionals of openSMILE and a linear SVM.

  python -m experiments.related.functionals --root=EMODB --output=svm.json

Needs `pip install opensmile scikit-learn`. Under the ladder of the page, with
the folds that the networks get:

  L0  ten random pairs of tenths, speakers mixed; C chosen on the test
  L1  ten random folds, speakers mixed; C = 0.01, which is Schuller's habit
  L2  unseen speakers; C chosen on the test
  L3  unseen speakers; C chosen by leaving out each training speaker in turn

An SVM has no epochs, so what L0 and L2 choose on the test is its C. Features
are scaled either by mean and deviation of the training set, or of all
recordings of each speaker: those of a test speaker are heard, without labels,
before the test, and the figure is not that of an unknown voice.

The openSMILE library is the reference of these features, and scikit-learn
that of the SVM, so nothing of either is written here.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
import time
import warnings
from typing import Any

import numpy as np

from experiments.lib import provenance
from sernet_jax.common import command_line, files
from sernet_jax.common.errors import InputError
from sernet_jax.corpora import protocols, registry
from sernet_jax.corpora.protocols import Fold, ProtocolSpec
from sernet_jax.corpora.utterances import Corpus
from sernet_jax.results import metrics, statistics

SETS = {'egemaps': 'eGeMAPSv02', 'compare': 'ComParE_2016'}
PROTOCOLS = {'L0': 'paper2021', 'L1': 'random10', 'L2': 'loso', 'L3': 'loso'}
ON_TEST = ('L0', 'L2')
GRID = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
FIXED = 1e-2


def functionals(corpus: Corpus, name: str, cache: pathlib.Path) -> np.ndarray:
  """Computes the functionals of every recording, or reads them.

  Args:
    corpus: the utterances.
    name: of `SETS`.
    cache: folder that they are kept in.

  Returns:
    float64 (utterances, functionals).
  """
  path = cache / f'{corpus.name}_{name}.npz'
  names = [u.name for u in corpus.utterances]
  if path.exists():
    with np.load(path) as file:
      if file['names'].tolist() == names:
        return file['values']
  try:
    import opensmile
  except ImportError as error:
    raise InputError(
      'opensmile is not installed, which computes the functionals; run '
      'pip install opensmile'
    ) from error
  smile = opensmile.Smile(
    feature_set=opensmile.FeatureSet[SETS[name]],
    feature_level=opensmile.FeatureLevel.Functionals,
  )
  rows = [smile.process_file(u.path).to_numpy()[0] for u in corpus.utterances]
  values = np.asarray(rows, np.float64)
  cache.mkdir(parents=True, exist_ok=True)
  np.savez(path, names=names, values=values)
  return values


def standardized(
  values: np.ndarray, train: np.ndarray, speakers: np.ndarray | None
) -> np.ndarray:
  """Scales each functional to mean 0 and deviation 1.

  Args:
    values: (utterances, functionals).
    train: indices whose mean and deviation count, if there are no speakers.
    speakers: (utterances,), each of whom counts alone; None for none.

  Returns:
    The shape of `values`; 0 where a functional does not vary.
  """
  if speakers is None:
    return _scaled(values, values[train])
  scaled = np.empty_like(values)
  for speaker in np.unique(speakers):
    own = speakers == speaker
    scaled[own] = _scaled(values[own], values[own])
  return scaled


def _scaled(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
  deviation = reference.std(axis=0)
  varies = deviation > 1e-12
  centered = values - reference.mean(axis=0)
  return np.where(varies, centered / np.where(varies, deviation, 1.0), 0.0)


def predicted(
  values: np.ndarray, labels: np.ndarray, train: np.ndarray, test: np.ndarray
) -> dict[float, np.ndarray]:
  """Trains an SVM for each C and predicts the labels of the test."""
  from sklearn.exceptions import ConvergenceWarning
  from sklearn.svm import LinearSVC

  found = {}
  for c in GRID:
    machine = LinearSVC(C=c, class_weight='balanced', dual=True, tol=1e-4)
    with warnings.catch_warnings():
      warnings.simplefilter('ignore', ConvergenceWarning)
      machine.fit(values[train], labels[train])
    found[c] = machine.predict(values[test])
  return found


def chosen_inside(
  values: np.ndarray,
  labels: np.ndarray,
  speakers: np.ndarray,
  train: np.ndarray,
  by_speaker: bool,
) -> float:
  """The C with the best UAR over the training speakers, each left out once."""
  size = int(labels.max()) + 1
  counts = {c: np.zeros((size, size), int) for c in GRID}
  for speaker in np.unique(speakers[train]):
    inner = train[speakers[train] != speaker]
    held = train[speakers[train] == speaker]
    scaled = standardized(values, inner, speakers if by_speaker else None)
    for c, guess in predicted(scaled, labels, inner, held).items():
      counts[c] += metrics.confusion(labels[held], guess, size)
  return max(GRID, key=lambda c: metrics.scores(counts[c])['uar'])


def of_level(
  level: str,
  corpus: Corpus,
  values: np.ndarray,
  folds: list[Fold],
  by_speaker: bool,
) -> dict[str, Any]:
  """Trains and tests one level of the ladder.

  Returns:
    Scores of all folds pooled, their intervals over the speakers, the settings
    that were chosen and the matrix.
  """
  labels = np.asarray(corpus.labels)
  speakers = np.array([u.speaker for u in corpus.utterances])
  size, began = len(corpus.classes), time.perf_counter()
  each = {s: np.zeros((size, size), int) for s in corpus.speakers}
  taken = []
  for fold in folds:
    scaled = standardized(values, fold.train, speakers if by_speaker else None)
    guesses = predicted(scaled, labels, fold.train, fold.test)
    c = FIXED
    if level in ON_TEST:
      c = max(GRID, key=lambda c: np.mean(guesses[c] == labels[fold.test]))
    elif level == 'L3':
      c = chosen_inside(values, labels, speakers, fold.train, by_speaker)
    taken.append(c)
    for index, guess in zip(fold.test, guesses[c], strict=True):
      each[speakers[index]][labels[index], guess] += 1
  counts = np.stack(list(each.values()))[None]  # (1, speakers, C, C)
  return {
    **statistics.scores(counts),
    'ci95': statistics.ci95(counts),
    'protocol': PROTOCOLS[level],
    'chosen': taken,
    'epochs': None,
    'folds': len(folds),
    'seeds': 1,
    'seconds': round(time.perf_counter() - began, 1),
    'matrix': counts[0].sum(0).tolist(),
  }


def main(arguments: list[str]) -> None:
  """Measures what is asked for; writes after each level, and resumes."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--root', default='', help='folder of EMO-DB')
  parser.add_argument('--sets', default='egemaps,compare')
  parser.add_argument('--levels', default='L0,L1,L2,L3')
  parser.add_argument('--cache', type=pathlib.Path, required=True)
  parser.add_argument('--output', type=pathlib.Path, required=True)
  given = parser.parse_args(arguments)
  corpus = registry.load('emodb', given.root)
  content: dict[str, Any] = {'networks': {}}
  if given.output.exists():
    content = files.read_json(given.output, ('networks',))
  for name in given.sets.split(','):
    values = functionals(corpus, name, given.cache)
    for by_speaker in (False, True):
      key = f'svm_{name}{"_per_speaker" if by_speaker else ""}'
      row = content['networks'].setdefault(
        key, {'functionals': values.shape[1], 'ladder': {}}
      )
      for level in given.levels.split(','):
        if level in row['ladder']:
          continue
        spec = ProtocolSpec(name=PROTOCOLS[level], best_on_test=False)
        folds = protocols.make(corpus, spec, 0)
        found = of_level(level, corpus, values, folds, by_speaker)
        row['ladder'][level] = found
        content['environment'] = provenance.record(
          'experiments.related.functionals', arguments
        )
        files.write_json(given.output, content)
        print(f'{key} {level}: UAR {100 * found["uar"]:.1f}', flush=True)


if __name__ == '__main__':
  sys.exit(command_line.run(lambda: main(sys.argv[1:])))
