"""Networks by name: the one table that `config.model.name` chooses from.

Each network is one module of `published`: its settings with its layers as data,
and `embed`, the function from features to the vector that its head reads. All
that trains, tests, counts, stores or exports a network finds it by the name
of its settings through this table, and asks for no name anywhere else.

  settings      what all settings have in common; layers as data
  forward       a pass through a network: its layers carried out
  recurrent     LSTM and GRU over the frames that are an utterance's own
  generic       init, apply, fold and the rest of a network, from `embed`
  arithmetic    multiplications of a program, counted
  binary        weights of one bit
  light_sernet  Light-SERNet, with kernels and formats of its own
  published/    the networks of other papers
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sernet_jax.common.errors import InputError, nearest, require

if TYPE_CHECKING:
  from sernet_jax.nn.networks.generic import Network

_HERE = 'sernet_jax.nn.networks'
DEFAULT = 'light_sernet'
# Names, with commas, the modules that add networks of one's own.
OWN = 'SERNET_NETWORKS'


@dataclasses.dataclass(frozen=True)
class Entry:
  """A network of the table; nothing of it is loaded before it is asked for.

  Attributes:
    network: 'module.NAME' of its `generic.Network`, or the thing itself.
    settings: 'module.Class' of its settings, or the class.
    make: 'module.function' from the fields of a config to settings; '' for
      the class itself.
    shown: fields that a config shows; () for all but `num_classes`.
    extra: fields of a config that `make` takes beside them.
    optional: fields that a config may have beside all these.
    embed: what `add` made the network of.
  """

  network: Any
  settings: Any
  make: str = ''
  shown: tuple[str, ...] = ()
  extra: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  optional: tuple[str, ...] = ()
  embed: Callable[..., Any] | None = None


def _published(module: str) -> Entry:
  """Returns the entry of a module of `published`."""
  place = f'{_HERE}.published.{module}'
  return Entry(f'{place}.NETWORK', f'{place}.Settings')


NETWORKS: dict[str, Entry] = {
  DEFAULT: Entry(
    f'{_HERE}.light_sernet.NETWORK',
    'sernet_jax.nn.spec.ModelSpec',
    'sernet_jax.nn.sizes.spec',
    ('paths', 'filters', 'dropout', 'batch_norm_momentum', 'pooling'),
    {'size': 'paper'},  # decides filters and blocks
    ('blocks',),
  ),
  'acrnn': _published('acrnn'),
  'bcrnn': _published('bcrnn'),
  'cpac': _published('cpac'),
  'drn': _published('drn'),
  'gmtcn': _published('gmtcn'),
  'lflb': _published('lflb'),
  'multipath': _published('multipath'),
  'separable': _published('separable'),
  'timnet': _published('timnet'),
}


def add(settings: Any, embed: Callable[..., Any]) -> None:
  """Adds a network of one's own, under the name of its settings.

  With another `embed` it takes the place of the one added before, and all that
  JAX has compiled is compiled again: programs are known by their settings.

  Args:
    settings: a frozen dataclass, subclass of `settings.NetworkSettings`.
    embed: see `generic.network`.

  Raises:
    InputError: if the name is taken by another network.
  """
  import jax

  from sernet_jax.nn.networks import generic

  name = settings.name
  old = NETWORKS.get(name)
  require(
    old is None or old.settings is settings,
    f'there is a network {name!r} already; give yours another name',
  )
  NETWORKS[name] = Entry(generic.network(embed), settings, embed=embed)
  if old is not None and old.embed is not embed:
    jax.clear_caches()


def names() -> tuple[str, ...]:
  """Lists the networks, those of the modules that `OWN` names too.

  Raises:
    InputError: if such a module cannot be imported.
  """
  given = os.environ.get(OWN, '')
  for module in filter(None, given.replace(' ', '').split(',')):
    try:
      importlib.import_module(module)
    except (ImportError, TypeError) as error:  # a TypeError is of '.name'
      raise InputError(
        f'{OWN} is {given!r}, and {module!r} cannot be imported ({error}); name '
        'modules, and run the command where they lie or add their folder to '
        'PYTHONPATH'
      ) from error
  return tuple(NETWORKS)


def require_known(name: Any) -> None:
  """Raises `InputError` unless a network has this name."""
  known = names()
  require(
    isinstance(name, str) and name in known,
    f'model.name is {repr(name)[:40]}, which is not known (one of your own is, '
    f'once {OWN}=MODULE names the module that adds it): '
    f'{nearest(str(name)[:40], known)}',
  )


def of(spec: Any) -> Network:
  """Returns the functions of the network that settings belong to."""
  return _network(NETWORKS[spec.name].network)


def settings_class(name: str) -> Any:
  """Returns the class of a network's settings.

  Raises:
    InputError: if there is no such network.
  """
  require_known(name)
  return _load(NETWORKS[name].settings)


def fields(name: str) -> dict[str, Any]:
  """Returns what the section `model` of a config holds, with its defaults."""
  shaped, defaults = dataclasses.fields(settings_class(name)), {}
  entry = NETWORKS[name]
  for field in shaped:
    if field.name in entry.shown or (
      not entry.shown and field.name != 'num_classes'
    ):
      defaults[field.name] = field.default
  return {'name': name, **entry.extra, **defaults}


def make(name: str, **given: Any) -> Any:
  """Makes settings of the fields of a config.

  Raises:
    InputError: if there is no such network, or a field makes no sense.
  """
  settings = settings_class(name)
  return (_load(NETWORKS[name].make) if NETWORKS[name].make else settings)(
    **given
  )


@functools.cache
def _network(where: Any) -> Network:
  return _load(where)


def _load(where: Any) -> Any:
  """Loads 'module.NAME'; returns anything else as it is."""
  if not isinstance(where, str):
    return where
  module, _, name = where.rpartition('.')
  return getattr(importlib.import_module(module), name)
