"""SIGKILLs at random times: the same command goes on to the same result.

`SERNET_FUZZ=200 SERNET_KILLS=export SERNET_SEED=2000` kills exports alone, 200
times, at other moments than the last seed had; `SERNET_COUNTS=FILE` adds the
counts to a JSON file.
"""

from __future__ import annotations

import os
import pathlib

import killed
import mutations

FEW = ('download', 'export', 'run')


def test_killed_commands_leave_what_others_leave():
  """Few of them; with `SERNET_FUZZ` many, and sweeps as well."""
  count = mutations.how_many(len(FEW), large=1000)
  kinds = killed.KINDS if count > len(FEW) else FEW
  if chosen := os.environ.get('SERNET_KILLS'):
    kinds = chosen.split(',')
    assert set(kinds) <= set(killed.KINDS)
  counts = os.environ.get('SERNET_COUNTS')
  totals = killed.run(count, kinds, pathlib.Path(counts) if counts else None)
  for kind, (kills, series) in totals.items():
    print(f'{kind}: {kills} kills, compared {series} times')
    assert series
  assert sum(kills for kills, _ in totals.values()) >= count
