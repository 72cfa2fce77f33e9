"""Compares an exported file with the JAX model it came from.

Fresh processes load the file and run it with 1 and with 2 threads (`probe`);
their probabilities are compared here.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from typing import Any

import jax
import numpy as np

from sernet_jax.common import files, text
from sernet_jax.common.errors import InputError
from sernet_jax.export import writing
from sernet_jax.export.recordings import Segments
from sernet_jax.predict.bundle import Bundle
from sernet_jax.predict.recognizer import Recognizer
from sernet_jax.predict.sessions import formats
from sernet_jax.results import environment, metrics

REPEATS = 50
THREADS = (1, 2)
_TIMEOUT_S = 600
_PACKAGES = (
  'onnx',
  'onnxruntime',
  'ai-edge-litert',
  'safetensors',
)


def check(
  path: pathlib.Path,
  bundle: Bundle,
  kind: str,
  precision: str,
  tested: Segments,
  expected: np.ndarray,
) -> dict[str, Any]:
  """Runs a file and reports on it.

  Args:
    path: the file.
    bundle: what it was written from.
    kind: its format.
    precision: its precision.
    tested: what it is tested on.
    expected: (segments, classes), the JAX model's probabilities.

  Raises:
    InputError: if the file does not load in a fresh process.
  """
  content = path.read_bytes()
  measured, actual = _probe(path, kind, tested)
  # (recordings, classes)
  expected_whole, actual_whole = (
    _by_recording(values, tested.owners) for values in (expected, actual)
  )
  report: dict[str, Any] = {
    'file': path.name,
    'format': kind,
    'precision': precision,
    'model': bundle.about,
    'classes': list(bundle.classes),
    'sample_rate_hz': bundle.audio.sample_rate_hz,
    'num_samples': bundle.audio.num_samples,
    'license': bundle.about.get('license', ''),
    **(
      {'dimensions': [*map(dataclasses.asdict, bundle.dimensions)]}
      if bundle.dimensions
      else {}
    ),
    'sha256': formats.checksum(content),
    'file_bytes': len(content),
    'weights_bytes': writing.weights_bytes(bundle, kind, precision),
    'heard': tested.what,
    'num_recordings': len(expected_whole),
    'largest_difference': float(np.abs(expected - actual).max()),
    'mean_difference': float(np.abs(expected - actual).mean()),
    'same_labels': float(
      np.mean(expected_whole.argmax(1) == actual_whole.argmax(1))
    ),
  }
  if tested.labels is not None:
    report['confusion_jax'], report['confusion_file'] = (
      metrics.confusion(
        tested.labels, values.argmax(1), len(bundle.classes)
      ).tolist()
      for values in (expected_whole, actual_whole)
    )
    report.update(scores(report['confusion_jax'], report['confusion_file']))
  return {**report, **measured, 'repeats': REPEATS, 'environment': _machine()}


def scores(jax_counts: Any, file_counts: Any) -> dict[str, Any]:
  """WA and UAR of both and their difference, from confusion matrices."""
  expected, actual = metrics.scores(jax_counts), metrics.scores(file_counts)
  return {
    'jax': {key: expected[key] for key in ('wa', 'uar')},
    'exported': {key: actual[key] for key in ('wa', 'uar')},
    'lost': {key: expected[key] - actual[key] for key in ('wa', 'uar')},
  }


def expected(bundle: Bundle, tested: Segments) -> np.ndarray:
  """Probabilities (segments, classes) of the JAX model, float32 weights."""
  return Recognizer([bundle])(tested.prepared)


def summary(reports: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
  """Pools the folds of each format and precision, one row for each."""
  groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
  for report in reports:
    key = report['format'], report['precision']
    groups.setdefault(key, []).append(report)
  rows = []
  for (kind, precision), each in groups.items():
    counts = [
      np.sum([one[name] for one in each], axis=0)
      for name in ('confusion_jax', 'confusion_file')
      if all(name in one for one in each)
    ]
    weights = [one['num_recordings'] for one in each]
    same = np.average([one['same_labels'] for one in each], weights=weights)
    row: dict[str, Any] = {
      'format': kind,
      'precision': precision,
      'files': len(each),
      'num_recordings': sum(weights),
      'largest_difference': max(one['largest_difference'] for one in each),
      'same_labels': float(same),
    }
    if counts:
      row.update(scores(*counts))
    for name in ('file_bytes', 'weights_bytes'):
      row[name] = max(one[name] for one in each)
    for name in ('latency_ms', 'peak_memory_mib'):
      row[name] = {
        threads: float(np.median([one[name][threads] for one in each]))
        for threads in each[0][name]
      }
    rows.append(row)
  return rows


def write_summary(
  path: pathlib.Path, reports: list[dict[str, Any]]
) -> list[dict[str, Any]]:
  """Writes the summary of several folds; returns its pooled rows.

  What their networks have in common stands in its `model`, what is a fold's
  own (its temperature, say, or whom it has heard) in the `model` of the fold.
  """
  rows = summary(reports)
  abouts = [
    {k: v for k, v in one['model'].items() if k not in ('fold', 'precision')}
    for one in reports
  ]
  model = {
    key: value
    for key, value in abouts[0].items()
    if all(about.get(key) == value for about in abouts)
  }
  # What the folds share is not repeated in each.
  folds = [
    {key: value for key, value in one.items() if key != 'environment'}
    | {
      'fold': one['model'].get('fold', ''),
      'model': {k: v for k, v in about.items() if k not in model},
    }
    for one, about in zip(reports, abouts, strict=True)
  ]
  write_report(
    path,
    {
      'model': model,
      'pooled': rows,
      'folds': folds,
      'environment': reports[-1]['environment'],
    },
  )
  return rows


def table(rows: Iterable[dict[str, Any]]) -> str:
  """Formats the figures of reports or of a summary as text."""
  lines = [
    (
      'format',
      'precision',
      'file',
      'weights',
      'difference',
      'same',
      'UAR JAX',
      'UAR file',
      'lost',
      'WA lost',
      '1 thread',
      '2 threads',
      'memory',
    )
  ]
  for row in rows:
    shares = ['-'] * 4
    if 'lost' in row:
      shares = [
        text.percent(row['jax']['uar'], 2),
        text.percent(row['exported']['uar'], 2),
        f'{100 * row["lost"]["uar"]:.2f}',
        f'{100 * row["lost"]["wa"]:.2f}',
      ]
    lines.append(
      (
        row['format'],
        row['precision'],
        f'{row["file_bytes"] / 2**20:.2f} MiB',
        f'{row["weights_bytes"] / 2**20:.2f} MiB',
        f'{row["largest_difference"]:.1e}',
        f'{text.percent(row["same_labels"])} %',
        *shares,
        *(f'{row["latency_ms"][str(n)]:.1f} ms' for n in THREADS),
        f'{row["peak_memory_mib"]["1"]:.0f} MiB',
      )
    )
  return '\n'.join(text.table(lines, left=range(len(lines[0]))))


def write_report(path: pathlib.Path, report: dict[str, Any]) -> None:
  """Writes a report as JSON, whole or not at all."""
  files.write_json(path, report)


def _by_recording(values: np.ndarray, owners: np.ndarray) -> np.ndarray:
  """Mean probabilities of the segments of each recording."""
  return np.stack(
    [values[owners == owner].mean(axis=0) for owner in np.unique(owners)]
  )


def _probe(
  path: pathlib.Path, kind: str, tested: Segments
) -> tuple[dict[str, Any], np.ndarray]:
  """Measures in fresh processes, and computes all probabilities there."""
  sound = tested.prepared if kind == 'safetensors' else tested.raw
  measured: dict[str, Any] = {
    'latency_ms': {},
    'peak_memory_mib': {},
    'load_s': {},
  }
  with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    np.save(folder / 'sound.npy', sound)
    for threads in THREADS:
      out = str(folder / 'out.npy') if threads == THREADS[-1] else ''
      result = subprocess.run(
        [
          sys.executable,
          '-m',
          'sernet_jax.export.probe',
          str(path),
          str(folder / 'sound.npy'),
          out,
          str(threads),
          str(REPEATS),
        ],
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        env={**os.environ, 'JAX_PLATFORMS': 'cpu'},
      )
      if result.returncode:
        last = (result.stderr.strip().splitlines() or ['no message'])[-1]
        raise InputError(
          f'{path} does not run in a fresh process ({last[:300]}); export it '
          'again and report this if it stays'
        )
      values = json.loads(result.stdout.splitlines()[-1])
      for key, value in values.items():
        measured[key][str(threads)] = value
    return measured, np.load(folder / 'out.npy')


def _machine() -> dict[str, Any]:
  """The record of a run, with the packages of the formats."""
  record = environment.record(jax.devices())
  for package in _PACKAGES:
    try:
      record['packages'][package] = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
      record['packages'][package] = None
  return record
