"""Exported files in ONNX Runtime and in LiteRT, as the benchmark asks.

They cannot be trained. Their files take raw sound and scale it themselves,
which the other peers have been spared.
"""

from __future__ import annotations

import pathlib

import numpy as np

from sernet_jax.predict.sessions import formats, waveform


class Twin:
  """Waveform to probabilities by the file at `path`."""

  def __init__(self, path, waveforms, threads):
    path = pathlib.Path(path)
    self.session = formats.session(path, path.read_bytes(), threads)
    self.waveforms = waveform.unscaled(waveforms)

  def infer(self, count: int) -> np.ndarray:
    """Waveforms to probabilities (count, classes)."""
    return self.session(self.waveforms[:count])
