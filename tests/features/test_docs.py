"""The examples of docs/features.md are true."""

from __future__ import annotations

import doctest
import pathlib

import jax
import pytest

DOCS = pathlib.Path(__file__).parents[2] / 'docs'


@pytest.fixture
def short_tracebacks():
  """JAX appends a note to exceptions, which doctest takes for the message."""
  before = jax.config.jax_traceback_filtering
  jax.config.update('jax_traceback_filtering', 'off')
  yield
  jax.config.update('jax_traceback_filtering', before)


def test_examples_of_features_page(short_tracebacks):
  result = doctest.testfile(str(DOCS / 'features.md'), module_relative=False)
  assert result.attempted > 30
  assert result.failed == 0


def test_the_page_names_what_there_is():
  from sernet_jax import features

  page = (DOCS / 'features.md').read_text()
  for preset in features.PRESETS:
    assert f'| `{preset}` |' in page
  for name in features.__all__:
    if name.islower() and name not in ('dct_matrix', 'mel_matrix', 'window'):
      assert f'`{name}' in page or f'features.{name}' in page, name
  assert (DOCS / 'features_chain.png').stat().st_size > 10_000
