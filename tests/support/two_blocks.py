"""configs/manifest.py with two small blocks in place of the paper's five.

The network then compiles in a third of the time. For claims about runs, sweeps
and training, not about the network.
"""

from __future__ import annotations

import pathlib
import runpy

from ml_collections import ConfigDict

# The first has channels enough for winograd.py, the last pools everything.
BLOCKS = (32, (3, 3), (2, 2)), (32, (1, 1), None)
_MANIFEST = pathlib.Path(__file__).parents[2] / 'configs' / 'manifest.py'


def get_config() -> ConfigDict:
  """The settings; any of them can be changed on the command line."""
  config = runpy.run_path(str(_MANIFEST))['get_config']()
  config.model.blocks = BLOCKS
  return config
