"""SIGKILLs at random times: the same command goes on to the same result."""

from __future__ import annotations

import os

import killed
import mutations


def test_killed_commands_leave_what_others_leave():
  """Downloads and exports; with `SERNET_FUZZ` runs and sweeps as well."""
  count = mutations.how_many(4, large=1000)
  kinds = (
    killed.KINDS if 'SERNET_FUZZ' in os.environ else ('download', 'export')
  )
  totals = killed.run(count, kinds)
  for kind, (kills, series) in totals.items():
    print(f'{kind}: {kills} kills, compared {series} times')
  assert sum(kills for kills, _ in totals.values()) >= count
  assert all(series for _, series in totals.values())
