"""Flags that the commands share: --config, and mistakes in one sentence."""

from __future__ import annotations

import pathlib
import re
import sys

from absl import flags, logging as absl_logging
from ml_collections import ConfigDict, config_flags

from sernet_jax.common import command_line
from sernet_jax.common.errors import nearest, require


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


def load_config() -> ConfigDict:
  """Returns the config of the flags; problems with its file are the user's."""
  given = flags.FLAGS['config'].present  # without it the filename raises
  name = (
    config_flags.get_config_filename(flags.FLAGS['config']) if given else ''
  )
  require(
    bool(name),
    'no --config was given; pass one such as --config=configs/emodb.py',
  )
  path = name.split(':')[0]
  require(
    pathlib.Path(path).is_file(),
    f'--config={path} is not a file; pass one such as --config=configs/emodb.py',
  )
  return flags.FLAGS.config


def parse(argv: list[str]) -> list[str]:
  """Parses flags; a mistake in one is a mistake of the user."""
  try:
    return flags.FLAGS(argv)
  except (AttributeError, KeyError) as error:
    reason = _unknown_field(argv) or _in_one_sentence(error)
  except (flags.Error, ValueError, TypeError, OSError) as error:
    reason = _in_one_sentence(error)
  sys.exit(command_line.fail(reason))


def _unknown_field(argv: list[str]) -> str | None:
  """Says which --config.field does not exist and which was meant."""
  from sernet_jax.runs import defaults

  fields = sorted(defaults.fields())
  for argument in argv:
    field = argument.lstrip('-').split('=')[0].removeprefix('config.')
    if argument.lstrip('-').startswith('config.') and field not in fields:
      cure = nearest(field, fields)
      return f'--config.{field} is not a field of the config: {cure}'
  return None


def _in_one_sentence(error: BaseException) -> str:
  """Returns the message without what Python and absl print around it."""
  text = ' '.join(str(error).split())
  return re.sub(r'(Error whilst parsing.*|^Traceback.*)Error: ', '', text)
