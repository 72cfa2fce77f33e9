"""A page to try a model on: python -m sernet_jax.demo; see `sernet_jax.predict.demo`."""

import sys

from sernet_jax.predict.demo import main

if __name__ == '__main__':
  sys.exit(main())
