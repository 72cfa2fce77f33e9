"""Exported files, opened, checked and run like any other model.

Only the library of the file's own format is loaded.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common.errors import InputError, require, require_choice
from sernet_jax.features import kinds
from sernet_jax.features.spec import MfccSpec
from sernet_jax.predict import bundle
from sernet_jax.predict.bundle import Dimension
from sernet_jax.predict.sessions import formats, waveform
from sernet_jax.runs.weights import bundle_file


class Exported:
  """A `models.Model` over an exported file."""

  def __init__(self, path: pathlib.Path):
    content = bundle_file.read(path)
    formats.check_report(path, content)
    self._session = formats.session(path, content)
    texts = dict(self._session.metadata)
    require(
      texts.get('format') == bundle.FORMAT,
      f'{path} is a file of another program; give one written by python -m '
      'sernet_jax.export',
    )
    bundle_file.check_version(path, texts, bundle.FORMAT_VERSION)
    try:
      parts = bundle_file.parts(texts)
      require_choice('feature_kind', parts['feature_kind'], kinds.KINDS)
      self._check(parts)
    except InputError as error:
      raise InputError(f'{path} cannot be used: {error}') from error
    self.name = path.name
    self.classes: tuple[str, ...] = parts['classes']
    self.audio: AudioSpec = parts['audio']
    self.mfcc: MfccSpec = parts['mfcc']
    self.feature_kind: str = parts['feature_kind']
    self.about: Mapping[str, str] = parts['about']
    self.dimensions: tuple[Dimension, ...] = parts['dimensions']

  def _check(self, parts: dict[str, Any]) -> None:
    """Compares the program of the file with its metadata."""
    runner, samples = self._session, parts['audio'].num_samples
    require(
      runner.fits,
      'its inputs and outputs are not one waveform and its probabilities; '
      'export it again',
    )
    require(
      runner.num_samples == samples,
      f'it takes {runner.num_samples} samples, but its header says {samples}; '
      'export it again',
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
    # An empty array first, so that no segments give (0, classes).
    rows = [np.zeros((0, len(self.classes)), np.float32)]
    segments = waveform.checked(segments, self.audio.num_samples)
    for start in range(0, len(segments), waveform.BATCH):
      part = waveform.unscaled(segments[start : start + waveform.BATCH])
      rows.append(self._session(part))
    return np.concatenate(rows)
