"""Bundles under the name that callers know; see `runs.weights.bundle`."""

from __future__ import annotations

from sernet_jax.runs.weights.bundle import (
  DTYPES as DTYPES,
  FORMAT as FORMAT,
  FORMAT_VERSION as FORMAT_VERSION,
  RELEASES as RELEASES,
  Bundle as Bundle,
  Dimension as Dimension,
  load as load,
  metadata as metadata,
  release_path as release_path,
  released as released,
  require_there as require_there,
  save as save,
)
