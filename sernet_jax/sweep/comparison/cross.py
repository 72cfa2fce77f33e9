"""The matrix of a run across corpora, with figures within them on its diagonal.

The run is one of protocol.name='cross'; those within are 'loso' runs of one
of its corpora each, with the same classes and settings.
"""

from __future__ import annotations

import csv
import io
import pathlib
from collections.abc import Sequence

from sernet_jax.common import files, text as text_lib
from sernet_jax.common.errors import InputError, require, require_choice
from sernet_jax.results import caveats, crossed as crossed_lib
from sernet_jax.results.run_folder import RunFolder
from sernet_jax.results.run_results import Crossed, CrossedCell, Results
from sernet_jax.results.selections import SELECTIONS

# What a run of one corpus says in another way than a run of several.
_MAY_DIFFER = {
  'name',
  'data.corpus',
  'data.corpora',
  'data.manifest',
  'data.part',
  'data.excited',
  'data.classes',
  'protocol.name',
  'protocol.folds',
}
_COLUMNS = ('train', 'test', 'n', 'classes', 'uar', 'uar_low', 'uar_high', 'wa')


def combine(
  folder: RunFolder, within: Sequence[RunFolder], selection: str = 'last'
) -> Crossed:
  """Returns the cells of a run across corpora and of runs within them.

  Args:
    folder: of a run of the protocol 'cross'.
    within: of runs of the protocol 'loso', one for a corpus each.
    selection: whose cells.

  Returns:
    As `crossed.summary`, with one selection; a cell of a run within has the
    same name on both sides.

  Raises:
    InputError: if the runs cannot be compared.
  """
  require(
    folder.path.is_dir(),
    f'{folder.path} is not a folder; name the folder of a run',
  )
  require_choice('--selection', selection, SELECTIONS)
  results = folder.read_results()
  require(
    results.crossed is not None and results.protocol == 'cross',
    f'{folder.path} is a run of protocol.name={results.protocol!r}; name '
    "one of 'cross'",
  )
  _require_selection(selection, folder, results)
  assert results.crossed is not None
  cells = list(results.crossed.selections[selection])
  seen: dict[str, pathlib.Path] = {}
  for other in within:
    cell = _diagonal(other, folder, results, selection)
    name = cell.test
    require(
      name not in seen,
      f'{other.path} and {seen.get(name)} are both runs within {name}; name '
      'one',
    )
    seen[name] = other.path
    cells.append(cell)
  return Crossed(
    corpora=results.crossed.corpora, selections={selection: tuple(cells)}
  )


def _diagonal(
  other: RunFolder,
  folder: RunFolder,
  results: Results,
  selection: str,
) -> CrossedCell:
  """The cell of a run within a corpus, compared with the run across."""
  from sernet_jax.runs import differences  # loads the corpora

  found = other.read_results()
  assert results.crossed is not None
  names = results.crossed.corpora
  require(
    found.protocol == 'loso',
    f'{other.path} is a run of protocol.name={found.protocol!r}, whose '
    "figures mean something else than a speaker left out; name one of 'loso'",
  )
  require(
    found.corpus in names,
    f'{other.path} is about {found.corpus}, which is not in {folder.path} '
    f'({", ".join(names)})',
  )
  require(
    found.classes == results.classes,
    f'{other.path} tells {", ".join(found.classes)} apart and {folder.path} '
    f'{", ".join(results.classes)}, which are figures of different tasks; '
    'train it with --config.data.classes=' + ','.join(results.classes),
  )
  differ = [
    (field, one, two)
    for field, one, two in differences.between(
      other.read_config(), folder.read_config()
    )
    if field not in _MAY_DIFFER
  ]
  if found.epochs != results.epochs:
    differ.append(('train.epochs', found.epochs, results.epochs))
  if differ:
    field, one, two = differ[0]
    raise InputError(
      f'{other.path} has {field}={one!r} and {folder.path} {two!r}, so that '
      'their figures differ for that reason too; train both with the same '
      'settings'
    )
  _require_selection(selection, other, found)
  _require_same_tests(other, found, folder, results.crossed)
  part = found.selections[selection]
  pooled, ci95 = part.pooled, part.ci95
  return CrossedCell(
    fold=f'within {found.corpus}',
    train=(found.corpus,),
    test=found.corpus,
    n=sum(map(sum, pooled.confusion)),
    classes=found.classes,
    **{score: pooled[score] for score in crossed_lib.SCORES},
    ci95=ci95 and {score: ci95[score] for score in crossed_lib.SCORES},
  )


def _require_same_tests(
  other: RunFolder, found: Results, folder: RunFolder, crossed: Crossed
) -> None:
  """Refuses a run within a corpus that tested less, or other recordings.

  Args:
    other: the run within.
    found: its results.
    folder: the run across.
    crossed: its cells.
  """
  whole = found.num_utterances * len(found.all_seeds)
  require(
    found.num_tests == whole,
    f'{other.path} has {found.num_tests} tests of {whole} (folds: '
    f'{", ".join(fold.name for fold in found.last.folds)}), and the cells beside '
    'it are of all recordings; train all of its folds',
  )
  for cell in next(iter(crossed.selections.values())):
    # One with fewer classes has fewer tests.
    require(
      cell.test != found.corpus
      or cell.classes != found.classes
      or cell.n == whole,
      f'{other.path} has {whole} tests of {found.corpus} and {folder.path} '
      f'{cell.n}, so that they heard other recordings; train both on the same',
    )


def _require_selection(
  selection: str, folder: RunFolder, results: Results
) -> None:
  require(
    selection in results.selections,
    f'{folder.path} has no selection {selection}; it has '
    f'{", ".join(results.selections)}',
  )


def write(
  combined: Crossed,
  results: Results,
  out: pathlib.Path,
) -> tuple[pathlib.Path, pathlib.Path]:
  """Writes matrix.csv and matrix.png; returns their paths."""
  from sernet_jax.results.figures import matrix_plots  # loads matplotlib

  ((selection, cells),) = combined.selections.items()
  text = io.StringIO()
  writer = csv.writer(text, lineterminator='\n')
  writer.writerow(_COLUMNS)
  for cell in cells:
    low, high = cell.ci95['uar'] if cell.ci95 else ('', '')
    writer.writerow(
      [
        text_lib.cell('+'.join(cell.train)),
        text_lib.cell(cell.test),
        cell.n,
        text_lib.cell(' '.join(cell.classes)),
        cell.uar,
        low,
        high,
        cell.wa,
      ]
    )
  table, picture = out / 'matrix.csv', out / 'matrix.png'
  files.write_bytes(table, text.getvalue().encode())
  note = crossed_lib.INTERVALS
  if any(cell.train == (cell.test,) for cell in cells):
    note += '; diagonal: one speaker left out within the corpus'
  matrix_plots.corpus_matrix(
    *crossed_lib.matrix(combined, selection),
    picture,
    f'{len(results.classes)} classes, '
    f'{caveats.times(results.epochs, "epoch")}; '
    f'{caveats.caption(selection, results)}',
    caveats.footer(results.synthetic),
    note,
  )
  return table, picture
