"""All figures of a run's page."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any

from sernet_jax.common.errors import require, require_choice
from sernet_jax.features import PRESETS
from sernet_jax.features.kinds import KINDS
from sernet_jax.results import caveats, crossed
from sernet_jax.results.confidence import of_run
from sernet_jax.results.dimensions import of_tests
from sernet_jax.results.figures import (
  confidence_plot,
  dimension_plot,
  feature_plot,
  learning_plots,
  matrix_plots,
  score_plots,
)
from sernet_jax.results.run_folder import RUN, RunFolder
from sernet_jax.results.run_results import Results


class _Pictures:
  """Figures drawn so far, and the words that all of them share."""

  def __init__(self, folder: RunFolder, results: Results) -> None:
    self._folder, self._results = folder.figures, results
    self.about = caveats.about(results)
    self.footer = caveats.footer(results.synthetic)
    self.drawn: dict[str, str] = {}

  def path(self, name: str, words: str) -> pathlib.Path:
    """Returns the path of a figure, which `words` describe."""
    self.drawn[name] = words
    return self._folder / f'{name}.png'

  def subtitle(self, selection: str) -> str:
    """Returns the line below the title of a figure of one selection."""
    return f'{self.about}; {caveats.caption(selection, self._results)}'


def draw(
  folder: RunFolder,
  results: Results,
  config: Mapping[str, Any],
  sureness: Mapping[str, of_run.Confidence],
  tests: list[dict[str, Any]],
) -> dict[str, str]:
  """Draws all figures of a run into its folder.

  Args:
    folder: of the run; its metrics are read, and its examples if it has some.
    results: with the selections in the order of the page.
    config: of the run.
    sureness: selection -> its confidence.
    tests: rows of predictions.csv, none in runs of older versions.

  Returns:
    The name of each figure, without its suffix -> its description.

  Raises:
    InputError: if metrics, examples or config are missing or damaged.
  """
  rows = folder.read_metrics()
  require(len(rows) > 0, f'{folder.metrics} holds no epoch; {RUN.again}')
  require(
    all(map(_is_complete, rows)),
    f'{folder.metrics} is damaged (a line lacks figures); {RUN.again}',
  )
  front = config['features']
  require_choice(f'features.kind in {folder.config}', front.get('kind'), KINDS)
  require_choice(
    f'features.preset in {folder.config}', front.get('preset'), PRESETS
  )
  pictures = _Pictures(folder, results)
  learning_plots.learning_curves(
    rows,
    pictures.path('learning_curves', 'Loss, WA and UAR by epoch, each fold'),
    f'{pictures.about}; float32 weights',
    footer=pictures.footer,
  )
  _draw_scores(pictures, results)
  _draw_numbers(pictures, results, sureness, tests)
  learning_plots.learning_rate(
    rows,
    pictures.path('learning_rate', 'Learning rate by epoch'),
    pictures.about,
    pictures.footer,
  )
  if folder.examples.exists():
    _draw_features(pictures, folder, results, front)
  return pictures.drawn


def _draw_scores(pictures: _Pictures, results: Results) -> None:
  """Draws what was taken for what: matrices of all selections, speakers."""
  for name, selection in results.selections.items():
    meaning = caveats.meanings(results)[name][0]
    score_plots.confusion_matrices(
      selection.pooled.confusion,
      results.classes,
      pictures.path(f'confusion_{name}', f'Confusion matrix, {meaning}'),
      pictures.subtitle(name),
      footer=pictures.footer,
      title=f'Confusion matrix: {meaning}',
    )
    if results.crossed:
      matrix_plots.corpus_matrix(
        *crossed.matrix(results.crossed, name),
        pictures.path(f'matrix_{name}', f'UAR across corpora, {name}'),
        pictures.subtitle(name),
        pictures.footer,
        crossed.INTERVALS,
        f'UAR across corpora: {meaning}',
      )
  score_plots.speaker_bars(
    results.last.speakers,
    results.last.pooled,
    pictures.path('speakers', 'WA and UAR of each speaker, last epoch'),
    pictures.subtitle('last'),
    footer=pictures.footer,
  )


def _draw_numbers(
  pictures: _Pictures,
  results: Results,
  sureness: Mapping[str, of_run.Confidence],
  tests: list[dict[str, Any]],
) -> None:
  """Draws what needs the numbers of single tests: confidence, dimensions."""
  for name, measured in sureness.items():
    confidence_plot.confidence(
      measured,
      pictures.path(f'confidence_{name}', f'Confidence and abstaining, {name}'),
      pictures.subtitle(name),
      footer=pictures.footer,
      title=f'Confidence: {caveats.meanings(results)[name][0]}',
    )
  for name, own in of_tests.by_selection(tests, results).items():
    dimension_plot.scatter(
      results.dimensions,
      results.selections[name].dimensions,
      [of_tests.pairs(own, k) for k in range(len(results.dimensions))],
      pictures.path(
        f'dimensions_{name}', f'Dimensions against annotations, {name}'
      ),
      pictures.subtitle(name),
      pictures.footer,
    )


def _draw_features(
  pictures: _Pictures,
  folder: RunFolder,
  results: Results,
  front: Mapping[str, Any],
) -> None:
  """Draws features of an utterance per class; `front`: of the config."""
  examples = folder.read_examples()
  mfcc = PRESETS[front['preset']]
  feature_plot.feature_examples(
    examples['features'],
    examples['names'].tolist(),
    examples['labels'].tolist(),
    path=pictures.path('features', 'Features of one utterance per class'),
    frame_step_s=mfcc.hop_samples / mfcc.sample_rate_hz,
    coefficient_name=KINDS[front['kind']].row,
    subtitle=f'{results.corpus}; what the network sees',
    footer=pictures.footer,
  )


def _is_complete(row: Mapping[str, Any]) -> bool:
  """Tells whether a line of metrics.jsonl has all that is drawn."""
  parts = [row[part] for part in ('train', 'validation', 'test') if part in row]
  return (
    'learning_rate' in row
    and bool(row.get('train', {}).get('confusion'))
    and all({'loss', 'wa', 'uar'} <= part.keys() for part in parts)
  )
