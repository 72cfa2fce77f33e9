"""What a command has left in a folder, to compare with what another has."""

from __future__ import annotations

import hashlib
import json
import pathlib
import re

import numpy as np

# What differs between two runs that nobody killed: times and dates.
_NOT_SAME = ('report.html', 'environment.json', 'comparison.html')
_LOGS = 'logs'  # of a sweep's jobs: they say what a start still had to do
_TIMES = re.compile(r'"(seconds|date|latency_ms|peak_memory_mib|load_s)"')


def contents(folder: pathlib.Path) -> dict[str, object]:
  """What a command has left, file by file, without times and dates."""
  found: dict[str, object] = {}
  for path in sorted(folder.rglob('*')):
    name = str(path.relative_to(folder))
    # A checkpoint's numbers are those of predictions.csv.
    if path.is_dir() or path.name == 'log' or 'checkpoints' in path.parts:
      continue
    found[name] = _content(path)
  return found


def _content(path: pathlib.Path) -> object:
  if path.name in _NOT_SAME or path.parent.name == _LOGS:
    return 'is there'
  if path.suffix == '.npz':
    with np.load(path) as arrays:
      return {key: arrays[key].tobytes() for key in arrays}
  if path.suffix in ('.json', '.jsonl'):
    lines = path.read_text().splitlines() if path.suffix == '.jsonl' else None
    values = [json.loads(line) for line in lines or [path.read_text()]]
    return sorted(
      json.dumps(_timeless(value), sort_keys=True) for value in values
    )
  return hashlib.sha256(path.read_bytes()).hexdigest()


def _timeless(value):
  if isinstance(value, dict):
    return {
      key: _timeless(inner)
      for key, inner in value.items()
      if not _TIMES.fullmatch(f'"{key}"') and key != 'environment'
    }
  if isinstance(value, list):
    return [_timeless(inner) for inner in value]
  return value
