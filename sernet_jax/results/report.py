"""One page that says what a run found and what that does and does not show.

Made from the files of the run folder alone, so that it can be made again at
any time; the same files give the same page, byte for byte.
"""

from __future__ import annotations

import base64
import json
import pathlib
from collections.abc import Mapping
from typing import Any

import jinja2

from sernet_jax.common import files, text, trees
from sernet_jax.common.errors import require
from sernet_jax.results import caveats, crossed, metrics, statistics
from sernet_jax.results.confidence import of_run
from sernet_jax.results.dimensions import texts
from sernet_jax.results.figures import run_figures, style
from sernet_jax.results.last_lines import summary_text as summary_text
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
  results = folder.read_results().in_order()
  config = folder.read_config()
  environment = folder.read_environment()
  tests = _tests(folder, results)
  sureness = _confidence(tests, results)
  figures = _draw(folder, results, config, sureness, tests)
  page = template('report.html.j2').render(
    results=results,
    headline=results.last,
    across=results.crossed and crossed.headline(results.crossed),
    protocol=caveats.protocol(results.protocol),
    stale=caveats.stale(results),
    unknown=statistics.are_unknown([one.name for one in results.last.speakers]),
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
  templates.globals['statistics'] = statistics
  templates.filters.update(
    percent=_percent,
    number=text.number,
    decimals=texts.figure,
    interval=texts.interval,
  )
  return templates.get_template(name)


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
  drawn = run_figures.draw(folder, results, config, sureness, tests)
  return {
    name: embedded(folder.figures / f'{name}.png', words)
    for name, words in drawn.items()
  }


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
