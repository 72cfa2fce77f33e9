"""A file that is written is whole, and nothing is left beside it."""

from __future__ import annotations

import os

from sernet_jax.common import files, machine

GONE = 2**31 - 1  # number of no process


def test_what_the_killed_left_of_a_file_goes_when_it_is_written(tmp_path):
  mark, path = machine.mark(), tmp_path / 'model[1].onnx'
  dead = f'{path.name}.{mark}0a1b.{GONE}.tmp'
  elsewhere = f'{int(mark, 16) ^ 1:04x}0a1b'  # a process of another machine
  kept = [
    f'{path.name}.{mark}0a1b.{os.getpid()}.tmp',
    f'{path.name}.{elsewhere}.{GONE}.tmp',
    f'other.onnx.{mark}0a1b.{GONE}.tmp',
    f'{path.name}.{mark}-notes.tmp',
  ]
  for name in (dead, *kept):
    (tmp_path / name).write_text('half')
  files.write_bytes(path, b'whole')
  assert path.read_bytes() == b'whole'
  left = [one.name for one in tmp_path.iterdir()]
  assert sorted(left) == sorted([path.name, *kept])


def test_a_mark_is_of_the_machine_and_stays(monkeypatch):
  mark = machine.mark()
  assert len(mark) == 4 and int(mark, 16) >= 0
  machine.mark.cache_clear()
  assert machine.mark() == mark
  monkeypatch.setattr(machine.platform, 'node', lambda: 'another')
  machine.mark.cache_clear()
  assert machine.mark() != mark
  machine.mark.cache_clear()
