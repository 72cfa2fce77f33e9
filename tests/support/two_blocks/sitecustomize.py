"""Python runs this at the start of what `two_blocks` (conftest.py) reaches."""

import tiny

from sernet_jax.nn import model

model.BLOCKS = tiny.TWO_BLOCKS
