"""The recordings that a config asks for."""

from __future__ import annotations

import dataclasses

from sernet_jax.common import files
from sernet_jax.common.errors import require, require_choice

# What to do about a file of the cache.
CACHE = files.Cure('--config.data.cache_dir', 'run the same command again')

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
    classes: classes to choose and merge, see `vocabulary.parse`; '' for all.
    on_bad_file: 'error' to stop at files that cannot be read, or 'skip'.
    cache_dir: folder of the feature cache; '' for the user's.
  """

  corpus: str = 'emodb'
  corpora: str = ''
  root: str = ''
  part: str = 'all'
  excited: str = 'default'
  manifest: str = ''
  classes: str = ''
  on_bad_file: str = 'error'
  cache_dir: str = ''

  def __post_init__(self) -> None:
    # Imported here: they load the readers, and configs import this module.
    from sernet_jax.corpora import joined, registry, vocabulary

    require_choice('data.corpus', self.corpus, registry.NAMES)
    if joined.parse(self.corpora):
      for field in ('root', 'manifest'):
        require(
          not getattr(self, field),
          f'data.{field} is {getattr(self, field)!r} but data.corpora is '
          f'{self.corpora!r}; say it there, as NAME:FOLDER or a path that ends '
          'in .csv',
        )
    vocabulary.parse(self.classes)
    require_choice('data.on_bad_file', self.on_bad_file, ('error', 'skip'))
    require_choice('data.excited', self.excited, tuple(_EXCITED))

  @property
  def excited_as_happy(self) -> bool | None:
    """True if excitement counts as happiness; None leaves it to the part."""
    return _EXCITED[self.excited]
