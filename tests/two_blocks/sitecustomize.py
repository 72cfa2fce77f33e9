"""Python runs this at the start of what `two_blocks` (conftest.py) reaches."""

import tiny

from sernet_jax import model

model.BLOCKS = tiny.TWO_BLOCKS
