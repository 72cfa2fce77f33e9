"""Exported files in ONNX Runtime and in LiteRT, as the benchmark asks.

They cannot be trained. Their files take raw sound and scale it themselves,
which the other peers have been spared.
"""

from __future__ import annotations

import pathlib

import numpy as np

from sernet_jax import export_files, export_input


class Twin:
  """Waveform to probabilities by the file at `path`."""

  def __init__(self, path, waveforms, threads):
    path = pathlib.Path(path)
    self.session = export_files.session(path, path.read_bytes(), threads)
    self.waveforms = export_input.unscaled(waveforms)

  def infer(self, count: int) -> np.ndarray:
    """Waveforms to probabilities (count, classes)."""
    return self.session(self.waveforms[:count])
