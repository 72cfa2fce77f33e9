"""Emotions while sound comes in: python -m sernet_jax.stream; see `sernet_jax.predict.stream`."""

import sys

from sernet_jax.predict.stream import main

if __name__ == '__main__':
  sys.exit(main())
