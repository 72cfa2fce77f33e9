"""Command, environment and settings of a run as a repository keeps them."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sernet_jax.common.errors import require
from sernet_jax.results import environment
from sernet_jax.runs import defaults, differences
from sernet_jax.sweep.comparison.compared_runs import Run

# Options that say where something lies.
_OF_MACHINE = {
  'config.data.root',
  'config.data.cache_dir',
  'workdir',
  'output',
}


def without_paths(command: str) -> str:
  """Returns a command as a repository keeps it: no folders of one machine.

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
    kept.append(without_places(word))
  return shlex.join(kept)


def without_places(text: str) -> str:
  """Returns a list of paths, of those from a root or a home the last part."""
  return re.sub(r'(^|[=,:])[/~][^,]*/([^/,]+)', r'\1\2', text)


def without_machine(environment: Mapping[str, Any]) -> dict[str, Any]:
  """Returns an environment.json as a repository keeps it.

  Without the command, which stands apart, and the platform, which tells of
  one machine and not of its speed.
  """
  return {
    name: value
    for name, value in environment.items()
    if name not in ('command', 'platform')
  }


def record(module: str, arguments: Sequence[str]) -> dict[str, Any]:
  """Returns the environment of a script that runs now, with its command."""
  import jax

  command = without_paths(shlex.join(['python', '-m', module, *arguments]))
  found = environment.record(jax.devices(), command)
  del found['platform']
  return found


def require_settings_of_the_paper(run: Run, free: Collection[str]) -> None:
  """Rejects a run whose settings are not the paper's.

  Args:
    run: of any protocol.
    free: fields that may differ, besides those that change no figure.

  Raises:
    InputError: naming the first field.
  """
  expected = defaults.fields()
  for field, value in sorted(run.settings.items()):
    if field in free or field in differences.FREE or field not in expected:
      continue
    wanted = expected[field]
    same = value == wanted or (
      isinstance(wanted, float) and math.isclose(value, wanted, rel_tol=1e-9)
    )
    require(
      same,
      f'{run.folder.path} has {field}={value!r} where the paper has '
      f'{wanted!r}; it belongs in another table, so leave it out',
    )
