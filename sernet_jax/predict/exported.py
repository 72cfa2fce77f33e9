"""Exported files, opened, checked and run like any other model.

Only the library of the file's own format is loaded.
"""

from __future__ import annotations

import hashlib
import json
import pathlib
from typing import Any

import numpy as np

from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common.errors import InputError, require, require_choice
from sernet_jax.features import kinds
from sernet_jax.features.spec import MfccSpec
from sernet_jax.predict import bundle, bundle_header
from sernet_jax.predict.sessions import formats, waveform

BATCH = 16


class Exported:
  """A `models.Model` over an exported file."""

  def __init__(self, path: pathlib.Path):
    content = bundle_header.read(path)
    _check_sidecar(path, content)
    self._session = formats.session(path, content)
    said = self._session.metadata
    require(
      said.get('format') == bundle.FORMAT,
      f'{path} is a file of another program; give one written by python -m '
      'sernet_jax.export',
    )
    bundle_header.check_version(path, said, bundle.FORMAT_VERSION)
    try:
      parts = bundle_header.parts(said)
      require_choice('feature_kind', parts['feature_kind'], kinds.KINDS)
      self._check(parts)
    except InputError as error:
      raise InputError(f'{path} cannot be used: {error}') from error
    self.name = path.name
    self.classes: tuple[str, ...] = parts['classes']
    self.audio: AudioSpec = parts['audio']
    self.mfcc: MfccSpec = parts['mfcc']
    self.feature_kind: str = parts['feature_kind']

  def _check(self, parts: dict[str, Any]) -> None:
    runner, samples = self._session, parts['audio'].num_samples
    require(
      runner.fits,
      'its inputs and outputs are not one waveform and its probabilities; '
      'export it again',
    )
    require(
      runner.num_samples == samples,
      f'it takes {runner.num_samples} samples, but says {samples}; export it '
      'again',
    )
    counts = {
      runner.num_classes,
      len(parts['classes']),
      parts['model'].num_classes,
    }
    require(
      len(counts) == 1,
      f'it has {runner.num_classes} outputs and {len(parts["classes"])} class '
      'names; export it again',
    )

  def __call__(self, segments: np.ndarray) -> np.ndarray:
    """Segments through `audio.prepare` to probabilities; see `models.Model`."""
    found = [np.zeros((0, len(self.classes)), np.float32)]
    for start in range(0, len(segments), BATCH):
      part = waveform.unscaled(segments[start : start + BATCH])
      found.append(self._session(part))
    return np.concatenate(found)


def _check_sidecar(path: pathlib.Path, content: bytes) -> None:
  """The report beside a file knows its checksum."""
  report_path = formats.report_path(path)
  try:
    report = json.loads(report_path.read_text())
  except (OSError, ValueError):
    return  # a file works without its report
  known = report.get('sha256') if isinstance(report, dict) else None
  require(
    known in (None, hashlib.sha256(content).hexdigest()),
    f'{path} is not the file that {report_path.name} beside it was written '
    'for; copy both again, or delete the report',
  )
