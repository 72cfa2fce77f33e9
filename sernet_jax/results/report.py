"""One page that says what a run found and what that does and does not show.

Made from the files of the run folder alone, so that it can be made again at
any time; the same files give the same page, byte for byte.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import pathlib
from collections.abc import Mapping
from typing import Any

import jinja2

from sernet_jax.common import files, text, trees
from sernet_jax.common.errors import require, require_choice
from sernet_jax.features import PRESETS
from sernet_jax.features.kinds import KINDS
from sernet_jax.results import caveats, crossed, metrics
from sernet_jax.results.confidence import of_run
from sernet_jax.results.dimensions import of_tests, texts
from sernet_jax.results.figures import (
  confidence_plot,
  dimension_plot,
  feature_plot,
  learning_plots,
  matrix_plots,
  score_plots,
  style,
)
from sernet_jax.results.run_folder import RUN, RunFolder
from sernet_jax.results.run_results import Results
from sernet_jax.results.selections import SELECTIONS

_PIXELS_PER_INCH = 86


def write(folder: RunFolder) -> pathlib.Path:
  """Makes `figures/` and `report.html` of a finished run.

  Args:
    folder: with config, environment, metrics and results; examples.npz is
      drawn if it is there.

  Returns:
    The path of the page.

  Raises:
    InputError: if a file is missing or damaged, or the page cannot be
      written.
  """
  results = _in_order(folder.read_results())
  config = folder.read_config()
  environment = folder.read_environment()
  tests = _tests(folder, results)
  sureness = _confidence(tests, results)
  figures = _draw(folder, results, config, sureness, tests)
  page = template('report.html.j2').render(
    results=results,
    headline=results.last,
    protocol=caveats.protocol(results.protocol),
    stale=caveats.stale(results),
    notes=caveats.notes(results),
    guess=caveats.guessing(results),
    selections=_selection_rows(results),
    meanings=caveats.meanings(results),
    classes=_class_rows(results),
    confidence=sureness,
    enough=of_run.ACCURACY,
    figures=figures,
    config=_flat(config),
    environment=_flat(environment),
    command=environment['command'],
  )
  files.write_bytes(folder.report, page.encode(), RUN)
  return folder.report


def template(name: str) -> jinja2.Template:
  """A page of `templates/`, with the filters of this file."""
  loader = jinja2.PackageLoader('sernet_jax.results', 'templates')
  templates = jinja2.Environment(
    loader=loader,
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
  )
  templates.globals['SELECTIONS'] = SELECTIONS
  templates.filters.update(
    percent=_percent,
    number=text.number,
    decimals=texts.figure,
    interval=texts.interval,
  )
  return templates.get_template(name)


def summary_text(results: Results, folder: RunFolder | None = None) -> str:
  """Returns the lines that end a run on the terminal.

  Args:
    results: of the run.
    folder: adds the line that says where to look.
  """
  results = _in_order(results)
  seeds = f'{len(results.seeds)} seeds, ' if results.seeds else ''
  lines = [
    *filter(None, [caveats.stale(results)]),
    f'{_about(results, len(results.last.folds))}, {seeds}'
    f'{caveats.times(results.num_tests, "test")}, '
    f'{results.weights_dtype} weights:',
  ]
  for name, selection in results.selections.items():
    pooled, ci95 = selection.pooled, selection.ci95
    interval = ''
    if ci95:
      interval = ' [{} to {}]'.format(*map(_percent, ci95['uar']))
    warning = ''
    if SELECTIONS[name].optimistic:
      warning = (
        '  (optimistic: epoch with the best WA on the test '
        f'{caveats.whom(results.protocol)})'
      )
    lines.append(
      f'  {name:<15} UAR {_percent(pooled.uar)} %{interval}, '
      f'WA {_percent(pooled.wa)} %, '
      f'macro F1 {_percent(pooled.f1_macro)} %{warning}'
    )
    if selection.dimensions:
      lines.append(f'  {"":<15} {texts.line(selection.dimensions)}')
    if selection.over_seeds:
      spread, whole = selection.over_seeds, selection.over_seeds.together
      each = ', '.join(
        f'{seed.seed}: {_percent(seed.pooled.uar)}' for seed in spread.seeds
      )
      lines.append(
        f'  {"":<15} over seeds: UAR mean {_percent(spread.mean.uar)} %, '
        f'sd {_percent(spread.sd.uar)} ({each})'
        + (f'; as a committee {_percent(whole.pooled.uar)} %' if whole else '')
      )
  if results.crossed:
    lines += ['  UAR, per cent, last epoch:']
    lines += [f'    {line}' for line in crossed.table(results.crossed)]
  lines += [f'  note: {note}' for note in caveats.notes(results)]
  if folder is not None:
    lines.append(f'  look at {folder.report}')
  return '\n'.join(map(text.printable, lines))


def _about(results: Results, num_folds: int = 0) -> str:
  """Corpus, protocol and epochs of the figures, with or without folds."""
  folds = f'{caveats.times(num_folds, "fold")}, ' if num_folds else ''
  return (
    f'{results.corpus}, {caveats.protocol(results.protocol)[0]}, {folds}'
    f'{caveats.times(results.epochs, "epoch")}'
  )


def _tests(folder: RunFolder, results: Results) -> list[dict[str, Any]]:
  """Reads predictions.csv; no row in runs of older versions."""
  if not folder.predictions.exists():
    return []
  rows = folder.read_predictions()
  require(
    all(
      row['label'] in results.classes
      and len(row['probabilities']) == len(results.classes)
      and len(row.get('values', ())) == len(results.dimensions)
      for row in rows
    ),
    f'{folder.predictions} is damaged (its classes or dimensions are not those '
    f'of {folder.results.name}); delete it and {RUN.again}',
  )
  return rows


def _confidence(
  rows: list[dict[str, Any]], results: Results
) -> dict[str, of_run.Confidence]:
  """Measures the confidence of each selection; none in runs of older versions.

  A selection that was chosen on the tests is left out: it says nothing about
  other speakers.
  """
  if not rows:
    return {}
  found = {}
  for name in results.selections:
    tests = of_run.tests_of(rows, results.classes, name, results.weights_dtype)
    if len(tests[1]) and not SELECTIONS[name].optimistic:
      found[name] = of_run.measure(*tests)
  return found


def _draw(
  folder: RunFolder,
  results: Results,
  config: Mapping[str, Any],
  sureness: Mapping[str, of_run.Confidence],
  tests: list[dict[str, Any]],
) -> dict[str, dict[str, Any]]:
  """Draws all figures; name -> what the page needs of each."""
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
  about, footer = _about(results), caveats.footer(results.synthetic)
  drawn: dict[str, str] = {}

  def path(name: str, text: str) -> pathlib.Path:
    drawn[name] = text
    return folder.figures / f'{name}.png'

  learning_plots.learning_curves(
    rows,
    path('learning_curves', 'Loss, WA and UAR by epoch, each fold'),
    f'{about}; float32 weights',
    footer=footer,
  )
  for name, selection in results.selections.items():
    subtitle = f'{about}; {caveats.caption(name, results)}'
    meaning = caveats.meanings(results)[name][0]
    score_plots.confusion_matrices(
      selection.pooled.confusion,
      results.classes,
      path(f'confusion_{name}', f'Confusion matrix, {meaning}'),
      subtitle,
      footer=footer,
      title=f'Confusion matrix: {meaning}',
    )
    if results.crossed:
      matrix_plots.corpus_matrix(
        *crossed.matrix(results.crossed, name),
        path(f'matrix_{name}', f'UAR across corpora, {name}'),
        subtitle,
        footer,
        'below each UAR its 95 % interval over the test speakers',
      )
  score_plots.speaker_bars(
    results.last.speakers,
    results.last.pooled,
    path('speakers', 'WA and UAR of each speaker, last epoch'),
    f'{about}; {caveats.caption("last", results)}',
    footer=footer,
  )
  for name, measured in sureness.items():
    confidence_plot.confidence(
      measured,
      path(f'confidence_{name}', f'Confidence and abstaining, {name}'),
      f'{about}; {caveats.caption(name, results)}',
      footer=footer,
      title=f'Confidence: {caveats.meanings(results)[name][0]}',
    )
  for name, own in of_tests.by_selection(tests, results).items():
    dimension_plot.scatter(
      results.dimensions,
      results.selections[name].dimensions,
      [of_tests.pairs(own, k) for k in range(len(results.dimensions))],
      path(f'dimensions_{name}', f'Dimensions against annotations, {name}'),
      f'{about}; {caveats.caption(name, results)}',
      footer,
    )
  learning_plots.learning_rate(
    rows, path('learning_rate', 'Learning rate by epoch'), about, footer
  )
  if folder.examples.exists():
    examples = folder.read_examples()
    mfcc = PRESETS[config['features']['preset']]
    feature_plot.feature_examples(
      examples['features'],
      examples['names'].tolist(),
      examples['labels'].tolist(),
      path=path('features', 'Features of one utterance per class'),
      frame_step_s=mfcc.hop_samples / mfcc.sample_rate_hz,
      coefficient_name=KINDS[config['features']['kind']].row,
      subtitle=f'{results.corpus}; what the network sees',
      footer=footer,
    )
  return {
    name: embedded(folder.figures / f'{name}.png', text)
    for name, text in drawn.items()
  }


def _is_complete(row: Mapping[str, Any]) -> bool:
  """Tells whether a line of metrics.jsonl has all that is drawn."""
  parts = [row[part] for part in ('train', 'validation', 'test') if part in row]
  return (
    'learning_rate' in row
    and bool(row.get('train', {}).get('confusion'))
    and all({'loss', 'wa', 'uar'} <= part.keys() for part in parts)
  )


def embedded(path: pathlib.Path, text: str) -> dict[str, Any]:
  """A figure as a page holds it: its description, width and base64."""
  content = files.read_bytes(path, RUN)
  # The header of a PNG file holds its width; in the page one inch of every
  # figure is as wide, so that their letters are of one size.
  width = int.from_bytes(content[16:20]) * _PIXELS_PER_INCH // style.DPI
  return {
    'text': text,
    'width': width,
    'png': base64.b64encode(content).decode(),
  }


def _in_order(results: Results) -> Results:
  """Returns results with the selections in the order of `SELECTIONS`."""
  found = results.selections
  ordered = {name: found[name] for name in SELECTIONS if name in found}
  return dataclasses.replace(results, selections=ordered)


def _selection_rows(results: Results) -> list[dict[str, Any]]:
  """Returns the rows of the table of selections, each for both dtypes."""
  kinds = {results.weights_dtype: results.selections}
  kinds.setdefault('float32', results.selections_float32 or {})
  return [
    {'name': name, 'dtype': dtype, 'result': kind[name]}
    for name in results.selections
    for dtype, kind in kinds.items()
    if name in kind
  ]


def _class_rows(results: Results) -> list[tuple[dict[str, Any], ...]]:
  """Returns the scores of each class, of each selection."""
  found = [
    metrics.per_class(selection.pooled.confusion, results.classes)
    for selection in results.selections.values()
  ]
  return list(zip(*found, strict=True))


def _flat(content: Mapping[str, Any]) -> dict[str, str]:
  """Returns the leaves of a nested dict as 'data.corpus' -> text."""
  return {
    name: leaf
    if isinstance(leaf, str)
    else json.dumps(leaf, ensure_ascii=False)
    for name, leaf in trees.flatten(content).items()
  }


def _percent(share: float | None) -> str:
  return '-' if share is None else text.percent(share)
