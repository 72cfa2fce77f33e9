"""SIGKILLs at random times: the same command goes on to the same result."""

from __future__ import annotations

import os

import killed
import mutations


def test_killed_commands_leave_what_others_leave():
  """Downloads; with `SERNET_FUZZ` exports, runs and sweeps as well."""
  count = mutations.how_many(4, large=1000)
  kinds = killed.KINDS if 'SERNET_FUZZ' in os.environ else ('download',)
  for kind in kinds:
    kills, series = killed.run(count // len(kinds), (kind,))[kind]
    print(f'{kind}: {kills} kills, compared {series} times')
    assert kills >= count // len(kinds)
    assert series
