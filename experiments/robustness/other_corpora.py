r"""Tests a model file on other corpora, on the classes that both have.

  python -m experiments.robustness.other_corpora MODEL --name=emodb \
    --corpus ravdess=FOLDER --corpus nemo=FOLDER

Probabilities are those given that it is one of the shared classes
(`predict --classes`). MODEL is a run, a file, or '' for the weights in the
package. Adds to results.json beside this file, or in --output.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
from typing import Any

import numpy as np

from experiments.lib import markdown, provenance
from experiments.robustness.evaluate import read, scores_of, write
from sernet_jax.common import command_line, jax_setup
from sernet_jax.common.errors import require
from sernet_jax.corpora import registry, vocabulary
from sernet_jax.predict import models
from sernet_jax.predict.inference import class_choice, predictor

HERE = pathlib.Path(__file__).parent


def of_corpus(model: str, name: str, root: str) -> dict[str, Any]:
  """Tests a model on all recordings of a corpus that have a shared class.

  Args:
    model: as for `sernet_jax.load`.
    name: of the corpus.
    root: its folder.
  """
  corpus = registry.load(name, root)
  loaded = models.load(model)
  known = loaded.classes
  pairs = [(one, vocabulary.shared(one.label)) for one in corpus.utterances]
  tests = [(one, label) for one, label in pairs if label in known]
  classes = [label for label in known if label in {t[1] for t in tests}]
  require(
    len(classes) > 1,
    f'{name} shares the classes {classes} with the model; give a corpus that '
    'shares two or more',
  )
  chosen = class_choice.among(loaded, classes)
  found = predictor.Predictor(chosen).predict_files(
    [one.path for one, _ in tests], hop_s=0, errors='return'
  )
  used = [
    (np.array([f.probabilities[c] for c in classes]), label, one.speaker)
    for f, (one, label) in zip(found, tests, strict=True)
    if not f.error
  ]
  shares, labels, speakers = zip(*used, strict=True)
  return {
    'classes': classes,
    'left_out': len(tests) - len(used),
    **scores_of(
      np.stack(shares),
      np.array([classes.index(label) for label in labels]),
      np.array(speakers),
    ),
  }


def table(content: dict[str, Any]) -> str:
  """One row for each corpus and model."""
  rows = [
    [
      corpus,
      f'{len(found["classes"])}, {100 / len(found["classes"]):.1f}',
      name,
      markdown.uar(found),
      f'{100 * found["confidence"]:.0f} / {100 * found["accuracy"]:.0f}',
      str(found['tests']),
    ]
    for corpus, models in content['corpora'].items()
    for name, found in models.items()
  ]
  head = ['corpus', 'classes, guessing', 'weights', 'UAR', 'sure / right']
  return markdown.table([*head, 'tests'], rows)


def main(argv: list[str]) -> None:
  """Runs the command."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('model')
  parser.add_argument('--name', required=True, help='of the model in the table')
  parser.add_argument('--corpus', action='append', required=True)
  parser.add_argument('--output', type=pathlib.Path, default=HERE)
  given = parser.parse_args(argv)
  jax_setup.set_up()
  content = read(given.output)
  environment = provenance.record('experiments.robustness.other_corpora', argv)
  for text in given.corpus:
    name, equals, root = text.partition('=')
    require(bool(equals), f'--corpus={text} has no folder; give NAME=FOLDER')
    found = of_corpus(given.model, name, root)
    content['corpora'].setdefault(name, {})[given.name] = {
      **found,
      'environment': environment,
    }
    write(given.output, content, environment)
  page = given.output / 'README.md'
  if page.exists():
    markdown.fill(page, 'corpora', table(content))
  print(table(content))


if __name__ == '__main__':
  sys.exit(command_line.run(lambda: main(sys.argv[1:])))
