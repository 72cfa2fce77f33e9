"""SIGKILLs at random times: the same command goes on to the same result."""

from __future__ import annotations

import killed
import mutations


def test_killed_commands_leave_what_others_leave():
  """All kinds with `SERNET_FUZZ`, else downloads and exports alone."""
  totals = killed.run(mutations.how_many(4, large=1000))
  for kind, (kills, series) in totals.items():
    print(f'{kind}: {kills} kills, {series} times compared')
  assert sum(kills for kills, _ in totals.values()) >= 4
