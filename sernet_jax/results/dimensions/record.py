"""The entry of results.json for a dimension."""

from __future__ import annotations

import dataclasses
from typing import Annotated

from sernet_jax.results.formats import json_records

_Correlation = Annotated[float, json_records.Range(-1, 1)]
_Count = Annotated[int, json_records.Range(0, 1 << 53)]
_Amount = Annotated[float, json_records.Range(0, 1e18)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class DimensionResult:
  """Agreement of a selection's tests with the annotations of a dimension.

  With several seeds the figures are means over them.

  Attributes:
    name: of the dimension.
    n: tests that have a value, over all seeds.
    ccc: Lin's concordance correlation coefficient of all tests; None if none
      has a value.
    pearson: correlation; likewise.
    rmse: root of the mean squared error, in units of the scale; likewise.
    ci95: 95 % interval of `ccc` over the speakers; None for one or two.
  """

  name: str
  n: _Count
  ccc: _Correlation | None
  pearson: _Correlation | None
  rmse: _Amount | None
  ci95: tuple[_Correlation, _Correlation] | None
