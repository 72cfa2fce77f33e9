"""Corpora: who said what with which emotion, and who is tested on whom.

`load` reads one of `NAMES` as a `Corpus` of utterances, `check` refuses one
that cannot be used, and `keep` drops recordings that turned out bad.

- `registry` and `readers`: the table of corpora, and how each is read
- `joined`: several corpora as one
- `duplicates` and `look_alikes`: recordings that are there twice, speakers and
  labels that are probably one
- `vocabulary`: shared names of emotions; choosing and merging classes
- `protocols`: the table of protocols, their folds, and how much of a speaker
  and a corpus takes part
- `cache`: features of a whole corpus, and lengths of recordings, on the disk
- `inspection`: a summary of a corpus before training
- `download`, `fetch` and `archive`: corpora from their servers
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
