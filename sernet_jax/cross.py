"""The matrix of a run across corpora: python -m sernet_jax.cross; see `sernet_jax.sweep.comparison.cross_command`."""

import sys

from sernet_jax.sweep.comparison.cross_command import main

if __name__ == '__main__':
  sys.exit(main())
