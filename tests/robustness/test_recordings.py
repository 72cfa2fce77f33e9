"""Damaged recordings: read as they are meant, or refused in a sentence."""

from __future__ import annotations

import isolated
import mutations


def test_damaged_files_are_refused_in_a_sentence():
  count = mutations.how_many(200, large=10_000)
  isolated.run('damaged_recordings', count).finish('recordings')
