"""SIGKILLs at random times: the same command goes on to the same result."""

from __future__ import annotations

import killed
import mutations

FEW = {'download': 4, 'export': 1, 'run': 1}


def test_killed_commands_leave_what_others_leave():
  """Few of each but sweeps; with `SERNET_FUZZ` many, and sweeps as well."""
  many = mutations.how_many(0, large=1000) // len(killed.KINDS)
  counts = dict.fromkeys(killed.KINDS, many) if many else FEW
  for kind, count in counts.items():
    kills, series = killed.run(count, (kind,))[kind]
    print(f'{kind}: {kills} kills, compared {series} times')
    assert kills >= count
    assert series
