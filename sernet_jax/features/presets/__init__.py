"""Known front ends as data.

Each is exact against what it is named for: `tests/golden/make_features.py`
makes the figures, and docs/features.md has the table of distances.
"""

from __future__ import annotations

from sernet_jax.features.presets import libraries, papers
from sernet_jax.features.presets.words import (
  librosa as librosa,
  torchaudio as torchaudio,
)

PRESETS = {
  'paper': libraries.PAPER,
  'reference': libraries.REFERENCE,
  'tflite': libraries.TFLITE,
  'librosa': libraries.LIBROSA,
  'torchaudio': libraries.TORCHAUDIO,
  'kaldi': libraries.KALDI,
  'kaldi_energy': libraries.KALDI_ENERGY,
  'python_speech_features': libraries.PYTHON_SPEECH_FEATURES,
  'chen2018': papers.CHEN2018,
  'zhong2020': papers.ZHONG2020,
  'lflb': papers.LFLB,
  'yenigalla2018': papers.YENIGALLA2018,
  'timnet': papers.TIMNET,
}
