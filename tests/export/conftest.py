"""Exported files that the tests of this room share."""

from __future__ import annotations

import functools

import exportable
import pytest

from sernet_jax.export import writing


@pytest.fixture(scope='session')
def exported_file(tmp_path_factory):
  """A function (format, precision) -> path; each is written once."""
  folder = tmp_path_factory.mktemp('exports')

  @functools.cache
  def write(kind, precision):
    if kind in exportable.LIBRARY:
      pytest.importorskip(exportable.LIBRARY[kind])
      pytest.importorskip('onnx' if kind == 'onnx' else 'flatbuffers')
    path = folder / f'model_{precision}.{kind}'
    writing.write(
      path, exportable.bundle(), kind, precision, exportable.heard()
    )
    return path

  return write
