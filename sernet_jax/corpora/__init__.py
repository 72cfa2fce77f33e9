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

import importlib
from typing import TYPE_CHECKING, Any

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


def __getattr__(name: str) -> Any:
  """Loads a public name on first use: the readers load libsndfile (PEP 562)."""
  if name not in _HOMES:
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
  home = importlib.import_module(f'{__name__}.{_HOMES[name]}')
  return getattr(home, name)


def __dir__() -> list[str]:
  return sorted({*globals(), *__all__})
