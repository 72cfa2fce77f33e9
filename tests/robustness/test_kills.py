"""SIGKILLs at random times: the same command goes on to the same result."""

from __future__ import annotations

import killed
import mutations

FEW = ('download', 'export', 'run')


def test_killed_commands_leave_what_others_leave():
  """Few of them; with `SERNET_FUZZ` many, and sweeps as well."""
  count = mutations.how_many(len(FEW), large=1000)
  kinds = killed.KINDS if count > len(FEW) else FEW
  totals = killed.run(count, kinds)
  for kind, (kills, series) in totals.items():
    print(f'{kind}: {kills} kills, compared {series} times')
    assert series
  assert sum(kills for kills, _ in totals.values()) >= count
