"""Protocols: which utterance is train, validation or test in which fold.

`PROTOCOLS` in `table` has one entry for each protocol: how it splits a corpus
and what its figures mean. `make` turns the `ProtocolSpec` of a config into
checked folds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sernet_jax.common import lazy
from sernet_jax.corpora.protocols.spec import SCORES, ProtocolSpec
from sernet_jax.corpora.protocols.table import PROTOCOLS, Protocol

if TYPE_CHECKING:
  from sernet_jax.corpora.protocols.folds import Fold, make

__all__ = ['PROTOCOLS', 'SCORES', 'Fold', 'Protocol', 'ProtocolSpec', 'make']

# Folds load numpy, which a config and its `--help` need not.
__getattr__ = lazy.loader(__name__, {'Fold': 'folds', 'make': 'folds'})


def __dir__() -> list[str]:
  return sorted({*globals(), *__all__})
