"""Protocols: which utterance is train, validation or test in which fold.

`PROTOCOLS` in `table` has one entry for each protocol: how it splits a corpus
and what its figures mean. `make` turns the `ProtocolSpec` of a config into
checked folds.
"""

from sernet_jax.corpora.protocols.folds import Fold, make
from sernet_jax.corpora.protocols.spec import ProtocolSpec
from sernet_jax.corpora.protocols.table import PROTOCOLS, Protocol

__all__ = ['PROTOCOLS', 'Fold', 'Protocol', 'ProtocolSpec', 'make']
