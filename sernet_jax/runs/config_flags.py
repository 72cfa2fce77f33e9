"""The flag --config, whatever holds the config, and mistakes in one sentence.

A config is a Python file with a function `get_config`, the config.json of a
run, or the name of one that comes with the package. Each states what differs
from the defaults; `config.experiment` checks the outcome.
"""

from __future__ import annotations

import functools
import importlib.machinery
import importlib.util
import inspect
import json
import pathlib
import re
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from absl import flags, logging as absl_logging
from ml_collections import ConfigDict

import sernet_jax
from sernet_jax.common import command_line, files, folders, trees
from sernet_jax.common.errors import InputError, first_line, nearest, require
from sernet_jax.nn import networks
from sernet_jax.runs import defaults

_PACKAGE = pathlib.Path(sernet_jax.__file__).parent
_MISTAKES = (ValueError, TypeError, OSError)


def one_core_devices(config: ConfigDict, alone: bool) -> None:
  """Makes every core of a CPU a device, over which folds are spread.

  'shard' turns off threads within an operation; otherwise a fold that trains
  alone may use them.

  Args:
    config: of the run.
    alone: whether it has one process; several spread folds with 'shard' only.
  """
  from sernet_jax.common import jax_setup

  wanted = config.to_dict().get('train', {}).get('fold_mapping', 'auto')
  if wanted in (('auto', 'map', 'shard') if alone else ('shard',)):
    jax_setup.one_core_devices(threads=wanted != 'shard')


def set_up_jax() -> None:
  """Sets JAX up, without the notes of absl and JAX."""
  absl_logging.set_verbosity(absl_logging.WARNING)
  from sernet_jax.common import jax_setup

  jax_setup.set_up()


def use_our_configs() -> None:
  """Lets --config name all that `load_file` takes, not only Python files."""
  flags.FLAGS['config'].parser = _Parser()


class _Parser(flags.ArgumentParser):
  def parse(self, text: str) -> ConfigDict:
    config = load_file(text)
    config.lock()
    return config


def load_config() -> ConfigDict:
  """Returns the config of the flags; without one that is the user's mistake."""
  require(
    bool(flags.FLAGS['config'].present and flags.FLAGS['config'].value),
    'no --config was given; pass one such as --config=configs/emodb.py, or '
    f'the name of one in the package ({", ".join(shipped())})',
  )
  config = flags.FLAGS.config
  own = networks.fields(defaults.network_of(config))
  model = config.get('model')
  if not isinstance(model, ConfigDict) or set(own) <= set(model):
    return config
  # --config.model.name chose another network, which has fields of its own.
  return defaults.merged(config.to_dict())


def as_json(config: ConfigDict) -> str:
  """Returns all settings as JSON, which --config takes.

  Raises:
    InputError: if they make no experiment.
  """
  from sernet_jax.runs import config as config_lib

  config_lib.experiment(config)
  return json.dumps(config_lib.to_dict(config), indent=2)


def parse(argv: list[str]) -> list[str]:
  """Parses flags; a mistake in one is a mistake of the user."""
  # Loads the config, which runs a file of the user: only where it is asked for.
  fields = functools.cache(lambda: _fields(argv))
  try:
    rest = flags.FLAGS(_with_tuples(argv, fields))
    _require_values()
    return rest
  except SystemExit:  # after --help, which absl ends with 1
    sys.exit(0)
  except KeyboardInterrupt:
    sys.exit(command_line.CTRL_C)
  except (flags.Error, AttributeError, KeyError, *_MISTAKES) as error:
    reason: object = error
    while reason is not None and not isinstance(reason, InputError):
      reason = getattr(reason, '__context__', None)
    reason = (
      reason
      or _unknown_field(argv, fields())
      or _wrong_type(str(error), fields())
      or _in_one_sentence(error)
    )
  sys.exit(command_line.fail(reason))


def _fields(argv: list[str]) -> dict[str, Any]:
  """Returns the fields of the config that is named, with its values.

  Those of the defaults if none is named, or it cannot be used.
  """
  named = [
    following if equal == '' else value
    for argument, following in zip(argv, [*argv[1:], ''], strict=True)
    for flag, equal, value in [argument.partition('=')]
    if flag in ('--config', '-config')
  ]
  if not named:
    return defaults.fields()
  try:
    config = load_file(named[-1]).to_dict()
  except InputError:
    return defaults.fields()
  return trees.flatten(config) | dict.fromkeys(
    defaults.optional(defaults.network_of(config))
  )


def _require_values() -> None:
  """Refuses flags that were given without a value; fields may be empty."""
  for name in flags.FLAGS:
    flag = flags.FLAGS[name]
    if flag.present and flag.value == '' and not name.startswith('config'):
      raise InputError(f'--{name} {command_line.EMPTY}')


def _with_tuples(
  argv: Sequence[str], fields: Callable[[], Mapping[str, Any]]
) -> list[str]:
  """Writes tuples of texts, such as --config.FIELD=A,B, as Python does."""
  done: list[str] = []
  arguments = iter(argv)
  for argument in arguments:
    flag, equals, value = argument.partition('=')
    dashes, _, field = flag.partition('config.')
    if (
      dashes in ('-', '--')
      and (field in defaults.tuples_of_text() or value.startswith(('(', '[')))
      and isinstance(fields().get(field), tuple)
    ):
      following = value if equals else next(arguments, None)
      if following is not None:
        argument = f'{flag}={defaults.read_tuple(field, following)!r}'
    done.append(argument)
  return done


def _unknown_field(argv: list[str], fields: Mapping[str, Any]) -> str | None:
  """Says which --config.field does not exist and which was meant."""
  for argument in argv:
    field = argument.lstrip('-').split('=')[0].removeprefix('config.')
    if argument.lstrip('-').startswith('config.') and field not in fields:
      cure = defaults.of_another_network(field) or nearest(field, fields)
      return f'--config.{field} is not a field of the config: {cure}'
  return None


def _wrong_type(text: str, fields: Mapping[str, Any]) -> str | None:
  """Says what type a --config.field has, from absl's message."""
  match = re.match(r'flag --config\.([\w.]+)=(.*?): ', text, re.DOTALL)
  default = fields.get(match[1]) if match else None
  if match is None or default is None:
    return None
  example = repr(default)
  if match[1] in defaults.tuples_of_text():
    example = "('a', 'b'), or a,b"
  return (
    f'--config.{match[1]}={match[2][:80]} is of another type; give a '
    f'{type(default).__name__} such as {example}'
  )


def _in_one_sentence(error: BaseException) -> str:
  """Returns the message without what Python and absl print around it."""
  text = ' '.join(str(error).split())
  return re.sub(r'(Error whilst parsing.*|^Traceback.*)Error: ', '', text)


def shipped() -> dict[str, pathlib.Path]:
  """Configs that come with the package: name -> path.

  A wheel has them inside the package, a clone beside it.
  """
  folder = _PACKAGE / 'configs'
  if not folder.is_dir() and (_PACKAGE.parent / 'setup.py').is_file():
    folder = _PACKAGE.parent / 'configs'
  return {
    path.stem: path
    for path in sorted(folder.glob('*.py'))
    if path.stem != '__init__'
  }


def load_file(text: str) -> ConfigDict:
  """Returns a config with every field.

  Args:
    text: PATH, PATH:ARGUMENT, NAME or NAME:ARGUMENT; the argument is what the
      file's `get_config` takes.

  Raises:
    InputError: if there is none, or it cannot be used.
  """
  path, argument = _find(text)
  if path.suffix == '.json':
    require(
      argument is None,
      f'{path} takes no argument; leave out :{argument}',
    )
    given: Mapping[str, Any] = files.read_json(
      path, cure=files.Cure('--config', 'name another file')
    )
  else:
    given = _run(path, argument)
  if 'name' not in given:
    given = {**given, 'name': path.stem}
  try:
    return defaults.merged(given)
  except (ValueError, TypeError, AttributeError) as error:
    raise InputError(
      f'{path} gives no config ({first_line(error)}); name its fields as '
      'docs/configuration.md does'
    ) from error


def _find(text: str) -> tuple[pathlib.Path, str | None]:
  """Returns the file, and what follows the colon."""
  if folders.is_file(text):
    return pathlib.Path(text), None
  name, colon, argument = text.partition(':')
  rest = argument if colon else None
  if folders.is_file(name):
    return pathlib.Path(name), rest
  known = shipped()
  if name in known:
    return known[name], rest
  stem = pathlib.Path(name).stem
  cure = nearest(name, known)
  if stem in known:
    cure = f'write --config={stem} for the one in the package'
  raise InputError(
    f'--config={name} is not a file, nor the name of a config in the package: '
    f'{cure}'
  )


def _run(path: pathlib.Path, argument: str | None) -> dict[str, Any]:
  """Returns what `get_config` of a Python file gives, as nested dicts."""
  spec = importlib.util.spec_from_loader(
    'sernet_jax_config',
    importlib.machinery.SourceFileLoader('sernet_jax_config', str(path)),
  )
  assert spec is not None and spec.loader is not None
  module = importlib.util.module_from_spec(spec)
  try:
    spec.loader.exec_module(module)
    get_config = getattr(module, 'get_config', None)
    require(
      callable(get_config),
      f'{path} has no function get_config; write one that returns what differs '
      'from the defaults',
    )
    assert get_config is not None
    _require_arguments(path, get_config, argument)
    config = get_config() if argument is None else get_config(argument)
    if isinstance(config, ConfigDict):
      config = config.to_dict()
  except InputError:
    raise
  except (Exception, SystemExit) as error:
    raise InputError(_what_stopped(path, error)) from error
  require(
    config is not None,
    f'get_config of {path} returns None; end it with: return config',
  )
  require(
    isinstance(config, Mapping),
    f'get_config of {path} returns a {type(config).__name__}; return a '
    'ConfigDict or a dict',
  )
  return dict(config)


def _require_arguments(
  path: pathlib.Path, get_config: Any, argument: str | None
) -> None:
  """Refuses a missing argument, and one that `get_config` does not take."""
  given = [] if argument is None else [argument]
  try:
    inspect.signature(get_config).bind(*given)
  except TypeError as error:
    cure = f'leave out :{argument}'
    if argument is None:
      cure = f'append it, as in --config={path}:ARGUMENT'
    raise InputError(
      f'get_config of {path} {"takes no" if given else "needs an"} argument; '
      f'{cure}'
    ) from error


def _what_stopped(path: pathlib.Path, error: BaseException) -> str:
  """Says in one sentence why a config file cannot be run."""
  if isinstance(error, SyntaxError):
    where = f'line {error.lineno}: ' if error.lineno else ''
    if error.filename not in (None, str(path)):
      where = f'{error.filename}, {where}'
    return f'{path} is not Python that runs ({where}{error.msg}); correct it'
  lines = [
    frame.lineno
    for frame in traceback.extract_tb(error.__traceback__)
    if frame.filename == str(path)
  ]
  where = f' at line {lines[-1]}' if lines else ''
  kind = type(error).__name__
  text = first_line(error)
  # The file itself says what is wrong, as that for IEMOCAP does.
  if type(error) is ValueError:
    return f'{path} refuses{where}: {text}'
  return f'{path} stops{where} ({kind}: {text}); correct it'
