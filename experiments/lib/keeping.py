"""Results as they are kept in a repository: commands and earlier rows."""

from __future__ import annotations

import pathlib
import re
import shlex
from typing import Any

from sernet_jax.common import files
from sernet_jax.common.errors import require

# Options that say where something lies.
_OF_MACHINE = {
  'config.data.root',
  'config.data.cache_dir',
  'workdir',
  'output',
}


def without_paths(command: str) -> str:
  """A command as it is kept in a repository: no folders of one machine.

  Options that only name such a folder are left out; of any other path that
  does not start in the folder of the command, the last part stays.
  """
  words, kept = iter(shlex.split(command)), []
  for word in words:
    name, equals, _ = word.lstrip('-').partition('=')
    if word.startswith('-') and name in _OF_MACHINE:
      if not equals:
        next(words, None)
      continue
    kept.append(re.sub(r'(^|[=,:])[/~][^,]*/([^/,]+)', r'\1\2', word))
  return shlex.join(kept)


def kept_rows(path: pathlib.Path) -> list[dict[str, Any]]:
  """Returns the 'rows' of results that a command is to add to (--keep)."""
  require(
    path.exists(), f'{path} is not there; leave --keep out to make it anew'
  )
  return files.read_json(path, ('rows',))['rows']
