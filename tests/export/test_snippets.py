"""The snippets of the page run every format without this package."""

from __future__ import annotations

import re
import shutil

import exportable
import numpy as np
import pytest
import tiny

from sernet_jax.audio import reading

TEXT = (tiny.ROOT / 'docs' / 'export.md').read_text()
SECTION = TEXT.split('## Without this package')[1].split('\n## ')[0]
SNIPPETS = re.findall(r'^```python\n(.*?)^```$', SECTION, re.M | re.S)


@pytest.fixture
def names(tmp_path, monkeypatch, exported_file):
  """Names that a snippet defines, in a folder with what it reads."""
  (tmp_path / 'runs').mkdir()
  kinds = re.findall(r"'runs/emodb\.(\w+)'", SECTION)
  assert sorted(kinds) == ['onnx', 'stablehlo', 'tflite']
  for kind in kinds:
    copy = tmp_path / 'runs' / f'emodb.{kind}'
    shutil.copy(exported_file(kind, 'fp32'), copy)
  monkeypatch.chdir(tmp_path)
  return {}


@pytest.mark.parametrize('number', range(5))
def test_every_format_gives_the_probabilities_of_the_model(names, number):
  for library in ('onnxruntime', 'ai_edge_litert'):
    pytest.importorskip(library)
  sound = exportable.recordings()[number]
  sound = sound / np.abs(sound).max()
  reading.write_wav('recording.wav', sound, exportable.AUDIO.sample_rate_hz)
  (expected,) = exportable.recognized('recording.wav')
  assert len(SNIPPETS) == 3
  for snippet in SNIPPETS:
    assert len([line for line in snippet.splitlines() if line]) <= 10
    assert 'sernet' not in snippet
    exec(compile(snippet, 'export.md', 'exec'), names)
    np.testing.assert_allclose(names['p'], expected, atol=2e-3)
  assert names['label'] == exportable.CLASSES[int(expected.argmax())]
