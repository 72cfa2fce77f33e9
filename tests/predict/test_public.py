"""The rooms say what is public, and load nothing before it is used."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest


@pytest.mark.parametrize('room', ['sernet_jax.predict', 'sernet_jax.export'])
def test_public_names_exist(room):
  module = importlib.import_module(room)
  assert module.__all__
  for name in module.__all__:
    assert callable(getattr(module, name))
  with pytest.raises(AttributeError, match='nothing_of_that_name'):
    _ = module.nothing_of_that_name


def test_help_needs_no_jax():
  program = """
import sys
from sernet_jax.export import __main__ as export
from sernet_jax.predict import __main__ as predict
export._parser().format_help(), predict._parser().format_help()
sys.exit(any(name in sys.modules for name in ('jax', 'numpy', 'soundfile')))
"""
  subprocess.run([sys.executable, '-c', program], check=True)
