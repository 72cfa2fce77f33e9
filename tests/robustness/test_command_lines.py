"""Changed command lines: done, or refused in a sentence with exit code 2."""

from __future__ import annotations

import isolated
import mutations


def test_changed_commands_are_refused_in_a_sentence():
  count = mutations.how_many(20, large=1000)
  isolated.run('damaged_commands', count).finish('command lines')
