"""The content of results.json, typed.

Shares are fractions of 1, not per cent. A confusion matrix is (C, C) counts,
rows are the truth. Fields with a default came later than the first runs or
belong to some runs only, so files may lack them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any

from sernet_jax.corpora.dimensions import Dimension
from sernet_jax.results.dimensions.record import DimensionResult
from sernet_jax.results.formats import json_records
from sernet_jax.results.selections import SELECTIONS

Share = Annotated[float, json_records.Range(0, 1)]
Count = Annotated[int, json_records.Range(0, 1 << 53)]
Amount = Annotated[float, json_records.Range(0, 1e18)]
Matrix = tuple[tuple[Count, ...], ...]
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
    ci95: 95 % intervals of `pooled` over the speakers; None for one or two.
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
    together: results of the seeds as a committee, whose probabilities are the
      mean of theirs; None in runs from before it was computed.
  """

  mean: Scores
  sd: Scores
  seeds: tuple[SelectionResult, ...]
  together: SelectionResult | None = None


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
    ci95: over the speakers of the test corpus; None for one or two.
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
    choose_by: likewise.
    classes: in the order of the matrices.
    epochs: completed by every trial.
    published_epochs: of the network's training as published; 0 if that is not
      known.
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
  choose_by: str = 'wa'
  classes: tuple[str, ...]
  epochs: Count
  published_epochs: Count = 300
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

  def in_order(self) -> Results:
    """Returns the same with the selections in the order of `SELECTIONS`."""
    found = self.selections
    ordered = {name: found[name] for name in SELECTIONS if name in found}
    return dataclasses.replace(self, selections=ordered)

  def to_json(self) -> dict[str, Any]:
    """Returns the content of results.json."""
    return json_records.encode(self)
