"""The table of corpora, and `load`, which reads one by its name."""

from __future__ import annotations

from sernet_jax.common import files
from sernet_jax.common.errors import require, require_choice
from sernet_jax.corpora.readers import (
  acted_english,
  acted_other_languages,
  audformat_tables,
  embedded,
  emodb,
  emozionalmente,
  folders,
  iemocap,
  manifest,
  openly_licensed,
)
from sernet_jax.corpora.readers.entry import PathLike, Source
from sernet_jax.corpora.utterances import Corpus, check

CORPORA = {
  entry.name: entry
  for entry in (
    emodb.ENTRY,
    iemocap.ENTRY,
    manifest.ENTRY,
    folders.ENTRY,
    audformat_tables.ENTRY,
    *embedded.ENTRIES,
    *acted_english.ENTRIES,
    *acted_other_languages.ENTRIES,
    emozionalmente.ENTRY,
    *openly_licensed.ENTRIES,
  )
}
NAMES = tuple(CORPORA)


def load(
  name: str,
  root: PathLike = '',
  manifest_path: PathLike = '',
  part: str = 'all',
  excited: bool | None = None,
  **ways: str,
) -> Corpus:
  """Reads a corpus by its name and checks it.

  Args:
    name: one of `NAMES`.
    root: its folder; '' for the default of the corpus.
    manifest_path: the CSV file; for 'manifest' only.
    part: 'all', 'improvised' or 'scripted'; for 'iemocap' only.
    excited: see `iemocap`.
    **ways: further fields of `Source`.

  Raises:
    InputError: as the reader of the corpus and `check`.
  """
  require_choice('data.corpus', name, NAMES)
  require(
    not manifest_path or name == 'manifest',
    f'data.manifest is {str(manifest_path)!r} but data.corpus is {name!r}; add '
    '--config.data.corpus=manifest or drop the manifest',
  )
  entry = CORPORA[name]
  if not root and entry.folder:
    root = files.cache_dir() / entry.folder
  corpus = entry.read(Source(root, manifest_path, part, excited, **ways))
  check(corpus)
  return corpus
