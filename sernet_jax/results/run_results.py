"""The content of results.json, typed.

Shares are fractions of 1, not per cent. A confusion matrix is (C, C) counts,
rows are the truth. Fields with a default came later than the first runs or
belong to some runs only, so files may lack them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from sernet_jax.corpora.dimensions import Dimension
from sernet_jax.corpora.protocols import PROTOCOLS
from sernet_jax.results import json_records, metrics
from sernet_jax.results.dimensions.record import DimensionResult
from sernet_jax.results.selections import SELECTIONS

Share = Annotated[float, json_records.Range(0, 1)]
Count = Annotated[int, json_records.Range(0, 1 << 53)]
Amount = Annotated[float, json_records.Range(0, 1e18)]
Matrix = tuple[tuple[Count, ...], ...]
_ROUNDING = 1e-6  # of a score written by any version
# Score -> lower and upper edge.
Intervals = Mapping[str, tuple[Share, Share]]


class _ByName:
  """Gives a score by its name, one of `metrics.SCORES`."""

  def __getitem__(self, score: str) -> float:
    return getattr(self, score)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scores(_ByName):
  """Weighted accuracy, unweighted average recall and two F1; see `metrics`."""

  wa: Share
  uar: Share
  f1_macro: Share
  f1_weighted: Share


@dataclasses.dataclass(frozen=True, kw_only=True)
class PooledResult(Scores):
  """All tests in one confusion matrix, and its scores."""

  confusion: Matrix


@dataclasses.dataclass(frozen=True, kw_only=True)
class FoldResult(_ByName):
  """The tests of one fold.

  Attributes:
    name: of the fold.
    n_test: number of its tests.
    epoch: epochs completed by the weights; one for each seed if there are
      several.
    wa: see `Scores`.
    uar: likewise.
    f1_macro: likewise.
    f1_weighted: likewise.
    confusion: of the tests.
  """

  name: str
  n_test: Count
  epoch: Count | tuple[Count, ...]
  wa: Share
  uar: Share
  f1_macro: Share
  f1_weighted: Share
  confusion: Matrix


@dataclasses.dataclass(frozen=True, kw_only=True)
class SpeakerResult(_ByName):
  """The tests of one speaker, over all folds.

  Attributes:
    name: of the speaker.
    n: number of tests.
    wa: see `Scores`.
    uar: likewise.
    f1_macro: likewise.
    f1_weighted: likewise.
    confusion: of the tests.
  """

  name: str
  n: Count
  wa: Share
  uar: Share
  f1_macro: Share
  f1_weighted: Share
  confusion: Matrix


@dataclasses.dataclass(frozen=True, kw_only=True)
class SelectionResult:
  """Results of one selection, or of one of its seeds.

  Attributes:
    seed: whose results these are, if the run has several and this is one.
    pooled: all tests together.
    mean: over the folds.
    sd: standard deviation over the folds (ddof 1); None for one fold.
    ci95: 95 % intervals of `pooled` over the speakers; None for one speaker.
    folds: in the order of the protocol.
    speakers: sorted by name.
    over_seeds: in runs of several seeds.
    dimensions: of corpora with some, in the order of `Results.dimensions`.
  """

  seed: Count | None = None
  pooled: PooledResult
  mean: Scores
  sd: Scores | None
  ci95: Intervals | None
  folds: tuple[FoldResult, ...]
  speakers: tuple[SpeakerResult, ...]
  over_seeds: OverSeeds | None = None
  dimensions: tuple[DimensionResult, ...] = ()

  def to_json(self) -> dict[str, Any]:
    """Returns the entry of results.json."""
    return json_records.encode(self)


@dataclasses.dataclass(frozen=True, kw_only=True)
class OverSeeds:
  """The seeds of a run, and how they differ.

  Attributes:
    mean: of the pooled scores.
    sd: their standard deviation (ddof 1).
    seeds: results of each seed alone.
  """

  mean: Scores
  sd: Scores
  seeds: tuple[SelectionResult, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class CrossedCell(_ByName):
  """One cell of the matrix of corpora.

  Attributes:
    fold: its name.
    train: corpora trained on.
    test: corpus tested on.
    n: number of tests.
    classes: those tested.
    uar: see `Scores`.
    wa: likewise.
    ci95: over the speakers of the test corpus; None for one speaker.
  """

  fold: str
  train: tuple[str, ...]
  test: str
  n: Count
  classes: tuple[str, ...]
  uar: Share
  wa: Share
  ci95: Intervals | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Crossed:
  """Tests across corpora.

  Attributes:
    corpora: all that were joined.
    selections: name -> cells.
  """

  corpora: tuple[str, ...]
  selections: Mapping[str, tuple[CrossedCell, ...]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cost:
  """The cost card of the network; see `nn.cost`."""

  parameters: Count
  parameters_trainable: Count
  parameters_folded: Count
  mflops: Amount
  peak_memory_kib: Amount
  fp16_bytes: Count


@dataclasses.dataclass(frozen=True, kw_only=True)
class Results:
  """The content of results.json.

  Attributes:
    corpus: name of the corpus, or of those that were joined.
    synthetic: whether the speech is.
    protocol: name.
    validation: as in the config.
    classes: in the order of the matrices.
    epochs: completed by every trial.
    seed: the first.
    seeds: all of them, in runs of several.
    num_utterances: of the corpus.
    num_segments: that these were cut into.
    skipped_files: path -> why it could not be used.
    cautions: what in the corpus changes the meaning of figures.
    weights_dtype: of the weights behind `selections`.
    selections: name -> results; see `results.selections`.
    selections_float32: the same with the weights as they were trained.
    cost: of the network.
    seconds: of training, all folds.
    crossed: in runs across corpora.
    dimensions: numbers recognized beside the classes, with their scales.
  """

  corpus: str
  synthetic: bool
  protocol: str
  validation: str | None = None
  classes: tuple[str, ...]
  epochs: Count
  seed: Count
  seeds: tuple[Count, ...] | None = None
  num_utterances: Count
  num_segments: Count | None = None
  skipped_files: Mapping[str, str]
  cautions: tuple[str, ...] = ()
  weights_dtype: str
  selections: Mapping[str, SelectionResult]
  selections_float32: Mapping[str, SelectionResult] | None = None
  cost: Cost
  seconds: Amount
  crossed: Crossed | None = None
  dimensions: tuple[Dimension, ...] = ()

  @property
  def last(self) -> SelectionResult:
    """Results of the last epoch, where nothing was chosen."""
    return self.selections['last']

  @property
  def all_seeds(self) -> tuple[int, ...]:
    """Seeds that every fold was trained with."""
    return self.seeds or (self.seed,)

  @property
  def num_tests(self) -> int:
    """Number of tests of a selection, over all seeds."""
    return sum(map(sum, self.last.pooled.confusion))

  def to_json(self) -> dict[str, Any]:
    """Returns the content of results.json."""
    return json_records.encode(self)

  @classmethod
  def from_json(cls, content: Mapping[str, Any]) -> Results:
    """Returns the results that a results.json holds.

    Raises:
      json_records.MismatchError: if an entry is missing, of another type or
        out of range, or does not fit the others.
    """
    results = json_records.decode(cls, content)
    _require_sense(results)
    return results


def _require_sense(results: Results) -> None:
  """Raises `MismatchError` for entries that do not fit each other."""

  def check(condition: bool, problem: str) -> None:
    if not condition:
      raise json_records.MismatchError(problem)

  check(
    results.protocol in PROTOCOLS, f'its protocol is {results.protocol[:40]!r}'
  )
  check('last' in results.selections, 'it has no selection last')
  for kind in (results.selections, results.selections_float32 or {}):
    for name, selection in kind.items():
      check(name in SELECTIONS, f'there is no selection {name[:40]!r}')
      several = selection.over_seeds.seeds if selection.over_seeds else ()
      check(
        not several or len(several) == len(results.all_seeds),
        f'{name} has other seeds than the run',
      )
      for each in (selection, *several):
        _check_selection(name, each, len(results.classes), check)
      check(
        [one.name for one in selection.dimensions]
        == [one.name for one in results.dimensions],
        f'{name} has other dimensions than the run',
      )
  crossed = results.crossed
  for name, cells in (crossed.selections if crossed else {}).items():
    check(name in results.selections, f'it has no selection {name[:40]!r}')
    check(bool(cells), f'crossed.{name} has no cell')
    assert crossed is not None
    for cell in cells:
      known = {cell.test, *cell.train} <= set(crossed.corpora)
      check(known, f'{cell.fold[:40]} is of no corpus of it')
      check(
        cell.ci95 is None or {'uar', 'wa'} <= cell.ci95.keys(),
        f'{cell.fold[:40]} has no interval of uar and wa',
      )


def _check_selection(
  name: str,
  selection: SelectionResult,
  num_classes: int,
  check: Callable[[bool, str], None],
) -> None:
  """Checks that scores are those of their confusion matrices."""
  check(bool(selection.folds), f'{name} has no fold')
  check(bool(selection.speakers), f'{name} has no speaker')
  check(
    selection.ci95 is None or set(metrics.SCORES) <= selection.ci95.keys(),
    f'{name} has no interval of some score',
  )
  parts: list[PooledResult | FoldResult | SpeakerResult] = [
    selection.pooled,
    *selection.folds,
    *selection.speakers,
  ]
  for part in parts:
    sizes = {len(part.confusion), *map(len, part.confusion)}
    check(
      sizes == {num_classes},
      f'{name} has a confusion matrix that is not of {num_classes} classes',
    )
    check(any(map(any, part.confusion)), f'{name} has tests of nothing')
    scores = metrics.scores(part.confusion)
    check(
      all(abs(scores[key] - part[key]) < _ROUNDING for key in ('wa', 'uar')),
      f'{name} has scores that are not those of its confusion matrix',
    )
