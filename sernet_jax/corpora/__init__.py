"""Corpora: who said what with which emotion, and who is tested on whom.

`load` reads one of `NAMES` as a `Corpus` of utterances, `check` refuses one
that cannot be used, and `keep` drops recordings that turned out bad.

- `registry` and `readers`: the table of corpora, and how each is read
- `joined` and `duplicates`: several corpora as one
- `vocabulary`: shared names of emotions; choosing and merging classes
- `protocols`: the table of protocols, and their folds
- `feature_cache`: features of a whole corpus on the disk
- `inspection` and `durations`: a summary of a corpus before training
- `download`, `fetch` and `archive`: EMO-DB from its server
- `synthetic`: the corpus of the quickstart
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sernet_jax.common import lazy

if TYPE_CHECKING:
  from sernet_jax.corpora.registry import NAMES, load
  from sernet_jax.corpora.utterances import Corpus, Utterance, check, keep

_HOMES = {
  'NAMES': 'registry',
  'load': 'registry',
  'Corpus': 'utterances',
  'Utterance': 'utterances',
  'check': 'utterances',
  'keep': 'utterances',
}
__all__ = ['NAMES', 'Corpus', 'Utterance', 'check', 'keep', 'load']


# Loads a public name on first use: the readers load libsndfile.
__getattr__ = lazy.loader(__name__, _HOMES)


def __dir__() -> list[str]:
  return sorted({*globals(), *__all__})
