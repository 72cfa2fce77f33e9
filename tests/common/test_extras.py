"""The extras that sentences name are those that setup.py installs."""

from __future__ import annotations

import pathlib
import re
import runpy

import pytest
import setuptools

from sernet_jax.common import extras

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def installed(monkeypatch):
  """Extra -> names of its packages, in setup.py."""
  found = {}
  monkeypatch.setattr(setuptools, 'setup', lambda **names: found.update(names))
  runpy.run_path(str(ROOT / 'setup.py'))
  return {
    extra: [re.match(r'[\w-]+', line)[0] for line in lines]
    for extra, lines in found['extras_require'].items()
  }


@pytest.mark.parametrize('extra', extras.PACKAGES)
def test_an_extra_installs_its_packages(installed, extra):
  assert set(extras.PACKAGES[extra].split()) <= set(installed[extra])


def test_sentences():
  assert str(extras.missing('the demo needs', 'demo')) == (
    'the demo needs the package gradio, which is not installed; run pip '
    "install gradio, or in a clone pip install -e '.[demo]'"
  )
  assert str(extras.missing('ONNX files need', 'onnx', 'give another')) == (
    'ONNX files need the packages onnx and onnxruntime, which are not '
    'installed; run pip install onnx onnxruntime, or in a clone pip install '
    "-e '.[onnx]', or give another"
  )


def test_no_sentence_is_written_by_hand():
  for path in (ROOT / 'sernet_jax').rglob('*.py'):
    if path.name != 'extras.py':
      assert 'in a clone pip install' not in path.read_text(), path
