"""The recordings that a config asks for."""

from __future__ import annotations

import dataclasses
from typing import Any

from sernet_jax.common import files
from sernet_jax.common.errors import require, require_choice

# What to do about a file of the cache.
CACHE = files.Cure('--config.data.cache_dir', 'run the same command again')

# Fields of some corpora -> those corpora.
_WAYS = {
  'columns': ('manifest',),
  'speaker_from': ('manifest', 'folders'),
  'pattern': ('folders',),
  'table': ('audformat',),
  'emotion': ('audformat',),
  'speaker': ('audformat',),
  'dimensions': ('manifest', 'iemocap', 'audformat'),
}
_EXCITED = {'default': None, 'yes': True, 'no': False}


@dataclasses.dataclass(frozen=True)
class DataSpec:
  """Choice of the recordings that a run uses.

  Attributes:
    corpus: one of `registry.NAMES`.
    corpora: several instead, see `joined.parse`; '' for one.
    root: folder of the corpus; '' for where `download` puts it.
    part: of the corpus, e.g. 'improvised' of IEMOCAP, or 'all'.
    excited: whether excitement counts as happiness in IEMOCAP: 'yes', 'no',
      or 'default' for all parts but the improvised one.
    manifest: CSV file that lists the recordings of the corpus 'manifest'.
    columns: its columns under other names, e.g. 'path=file,label=emotion'.
    speaker_from: who speaks where no column says it: 'folder', 'unknown', or a
      regular expression with a group.
    pattern: of the corpus 'folders', e.g. '{label}/{speaker}_*'.
    table: table, or several with + between them, of an audformat database.
    emotion: scheme or column of its classes; '' for 'emotion'.
    speaker: scheme or column of its speakers; '' for 'speaker'.
    dimensions: arousal, valence and others with numbers, that a network is
      trained on beside the classes, with commas: 'arousal:1:5,valence:1:5'.
    classes: classes to choose and merge, see `vocabulary.parse`; '' for all.
    merge_labels: rename labels to those of the vocabulary, joy to happiness.
    most_per_speaker: utterances of a speaker that take part; 0 for all.
    most_per_corpus: utterances of a corpus that take part; 0 for all.
    on_bad_file: 'error' to stop at files that cannot be read, or 'skip'.
    cache_dir: folder of the feature cache; '' for the user's.
  """

  corpus: str = 'emodb'
  corpora: str = ''
  root: str = ''
  part: str = 'all'
  excited: str = 'default'
  manifest: str = ''
  columns: str = ''
  speaker_from: str = ''
  pattern: str = ''
  table: str = ''
  emotion: str = ''
  speaker: str = ''
  dimensions: str = ''
  classes: str = ''
  merge_labels: bool = False
  most_per_speaker: int = 0
  most_per_corpus: int = 0
  on_bad_file: str = 'error'
  cache_dir: str = ''

  def __post_init__(self) -> None:
    # Imported here: they load the readers, and configs import this module.
    from sernet_jax.corpora import dimensions, joined, registry, vocabulary

    require_choice('data.corpus', self.corpus, registry.NAMES)
    if joined.parse(self.corpora):
      for field in ('root', 'manifest'):
        require(
          not getattr(self, field),
          f'data.{field} is {getattr(self, field)!r} but data.corpora is '
          f'{self.corpora!r}; say it there, as NAME:FOLDER or a path that ends '
          'in .csv',
        )
    corpora = {entry.corpus for entry in joined.parse(self.corpora)}
    for field, users in _WAYS.items():
      require(
        not getattr(self, field)
        or bool(set(users) & (corpora or {self.corpus})),
        f'data.{field} is {getattr(self, field)!r}, which is for '
        f'{" and ".join(f"data.corpus={user}" for user in users)} and does '
        'nothing here; leave it out',
      )
    dimensions.parse(self.dimensions)
    require(
      not (self.dimensions and self.corpora),
      f'data.dimensions is {self.dimensions!r} but data.corpora is '
      f'{self.corpora!r}; corpora of several scales cannot be joined, so list '
      'them in one manifest with one scale, or train on one corpus',
    )
    vocabulary.parse(self.classes)
    for field in ('most_per_speaker', 'most_per_corpus'):
      value = getattr(self, field)
      require(
        value >= 0,
        f'data.{field} is {value}; give 0 (for all) or more utterances',
      )
    require_choice('data.on_bad_file', self.on_bad_file, ('error', 'skip'))
    require_choice('data.excited', self.excited, tuple(_EXCITED))

  @property
  def ways(self) -> dict[str, Any]:
    """The fields that say how manifests, folders and databases are read."""
    return {field: getattr(self, field) for field in _WAYS}

  @property
  def excited_as_happy(self) -> bool | None:
    """True if excitement counts as happiness; None leaves it to the part."""
    return _EXCITED[self.excited]
