"""Fetches a corpus: python -m sernet_jax.download emodb; see `sernet_jax.corpora.download`."""

import sys

from sernet_jax.corpora.download import main

if __name__ == '__main__':
  sys.exit(main())
