"""Results of a run: its folder, scores, statistics, caveats and pages.

  from sernet_jax.results import RunFolder
  results = RunFolder('runs/emodb').read_results()  # typed, a `Results`
  print(results.selections['last'].pooled.uar)

- `run_folder`: the files of a run, `formats`: how they are written
- `run_results`: the content of results.json as frozen dataclasses
- `selections`: the table of selections: whose weights a result belongs to
- `metrics`, `statistics`, `summaries`: scores, intervals and tests, and the
  way from predictions to results
- `crossed`: tests across corpora as a matrix
- `caveats`: what results may and may not be taken for, in words
- `report`, `last_lines` and `figures`: the page of a run, its words on the
  terminal, and its pictures
- `environment`: hardware and versions

A name is loaded from its module when it is first used (PEP 562).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sernet_jax.common import lazy

if TYPE_CHECKING:
  from sernet_jax.results.metrics import scores as scores
  from sernet_jax.results.run_folder import RunFolder as RunFolder
  from sernet_jax.results.run_results import Results as Results
  from sernet_jax.results.selections import SELECTIONS as SELECTIONS
  from sernet_jax.results.summaries import summarize as summarize

_MODULES = {
  'Results': 'run_results',
  'RunFolder': 'run_folder',
  'SELECTIONS': 'selections',
  'scores': 'metrics',
  'summarize': 'summaries',
}
__all__ = list(_MODULES)


__getattr__ = lazy.loader(__name__, _MODULES)
