"""Targets of the export command: formats, bundles and paths of files.

Loads no JAX before a bundle is asked for, so that a mistake in the options is
reported at once.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sernet_jax.common import files
from sernet_jax.common.errors import nearest, require, require_choice
from sernet_jax.predict.sessions import formats

if TYPE_CHECKING:
  from sernet_jax.predict.bundle import Bundle

Key = tuple[str, str, str]  # (fold, format, precision)

_ALL = 'all'

# Format that is a folder -> the module that writes it. It has `write(folder,
# bundle)`, which returns what to tell the user.
FOLDERS = {
  'c': 'sernet_jax.export.device.c_folder',
  'tflite_micro': 'sernet_jax.export.device.micro_folder',
  'web': 'sernet_jax.export.device.web_folder',
}
WEB = 'web'
# Formats that carry numbers such as arousal beside the classes.
DIMENSIONS = ('safetensors',)
_PRECISIONS = {'c': ('int8',), 'tflite_micro': ('int8',), WEB: ('fp32',)}


def _several(
  flag: str,
  text: str,
  options: tuple[str, ...],
  others: Iterable[str] = (),
) -> list[str]:
  """Splits names at commas and checks each; 'all' leaves out the `others`."""
  if text == _ALL:
    return list(options)
  names = text.split(',')
  for name in names:
    require_choice(flag, name, (*options, *others, _ALL))
    require(
      names.count(name) == 1 and name != _ALL,
      f'{flag}={text} names {name} {"beside others" if name == _ALL else "twice"};'
      ' name each once, or all alone',
    )
  return names


def choose_pairs(format_text: str, text: str) -> list[tuple[str, str]]:
  """(format, precision) of every file.

  A precision that a format lacks is left out where it has another one of them, and
  the format where all were asked for.

  Args:
    format_text: of --format, names with commas, or 'all' formats that are one
      file.
    text: of --precision, likewise; '' for fp16, or what a folder has.

  Raises:
    InputError: if a name is unknown, or a format that was named has none of the
      precisions.
  """
  kinds = _several('--format', format_text, tuple(formats.PRECISIONS), FOLDERS)
  precisions = _several('--precision', text or 'fp16', ('fp32', 'fp16', 'int8'))
  has = {**formats.PRECISIONS, **_PRECISIONS}
  chosen = [
    (kind, precision)
    for kind in kinds
    for precision in (has[kind] if kind in FOLDERS and not text else precisions)
    if precision in has[kind]
  ]
  left_out = [kind for kind in kinds if kind not in dict(chosen)]
  lacks = left_out[0] if left_out else kinds[0]
  require(
    not left_out or format_text == _ALL,
    f'--format={lacks} has no {" or ".join(precisions)}; it has '
    f'{" and ".join(has[lacks])}, so give --precision={has[lacks][0]} as well, '
    'or leave the format out',
  )
  return chosen


def load_bundles(args: argparse.Namespace) -> list[Bundle]:
  """Loads the bundles of --model, or of --workdir with its --fold.

  Raises:
    InputError: if they cannot be read, or the folds asked for are unclear.
  """
  if args.model:
    from sernet_jax.predict import bundle

    found = bundle.load(args.model)
    for name in bundle.RELEASES:
      if bundle.release_path(name) == pathlib.Path(args.model):
        # Several were trained with one config, whose name they keep.
        about = {**found.about, 'name': name}
        found = dataclasses.replace(found, about=about)
    return [found]
  from sernet_jax.predict import run_bundles

  adapt = None
  if args.enroll:
    from sernet_jax.predict.inference import enrolment

    adapt = enrolment.adapter(args.workdir, args.enroll)
  bundles = run_bundles.from_run(args.workdir, args.selection, adapt)
  if args.all_folds:
    require(not args.fold, 'give --fold or --all_folds, one of them')
    return bundles
  names = [one.about['fold'] for one in bundles]
  if args.fold:
    require(
      args.fold in names,
      f'--fold={args.fold} is not a fold of {args.workdir}: '
      f'{nearest(args.fold, names)}',
    )
    return [bundles[names.index(args.fold)]]
  require(
    len(bundles) == 1,
    f'{args.workdir} has {len(bundles)} folds ({", ".join(names)}); give '
    '--fold=NAME or --all_folds',
  )
  return bundles


def require_exportable(bundle: Bundle, pairs: list[tuple[str, str]]) -> None:
  """Refuses networks that a format has no place for.

  Raises:
    InputError: if its operations are not among those of the format, or there are
      dimensions beside the classes.
  """
  without = [kind for kind, _ in pairs if kind not in DIMENSIONS]
  require(
    not bundle.dimensions or not without,
    f'the network has {", ".join(one.name for one in bundle.dimensions)} beside '
    f'its classes, which --format={without[0] if without else ""} cannot carry; '
    f'export to {", ".join(DIMENSIONS)}, or train without data.dimensions',
  )
  from sernet_jax.nn import network

  kinds = tuple(dict.fromkeys(kind for kind, _ in pairs))
  if any(kind != 'safetensors' for kind in kinds):
    bundle.model.require_sound_alone()
  has = network.exports(bundle.model, kinds)
  lacks = [kind for kind in kinds if kind not in has]
  every = network.exports(bundle.model, tuple(formats.PRECISIONS))
  require(
    not lacks,
    f'the network {bundle.model.name} has operations that '
    f'--format={lacks[0] if lacks else ""} is not written for; export it to '
    f'{" or ".join(every)}',
  )
  if any(kind not in ('safetensors', 'stablehlo') for kind in kinds):
    _ = bundle.light_sernet  # features too
  if 'tflite_micro' in kinds:
    from sernet_jax.export.device import micro_folder

    micro_folder.require_suitable_pooling(bundle)
  if 'c' in kinds:
    from sernet_jax.export.device import c_front_end, c_network

    c_front_end.require_suitable(bundle)
    c_network.require_suitable(bundle)


def choose_paths(
  args: argparse.Namespace,
  bundles: list[Bundle],
  pairs: list[tuple[str, str]],
) -> dict[Key, pathlib.Path]:
  """The path of each file, from --output or beside the model.

  Raises:
    InputError: if --output does not fit, or a file would be the model itself.
  """
  paths = _paths(args, bundles, pairs)
  for path in paths.values():
    require(
      # Not by resolve(), which fails at links that lead in a circle.
      not args.model or os.path.realpath(path) != os.path.realpath(args.model),
      f'{path} is the model itself; choose another --output',
    )
  return paths


def _paths(
  args: argparse.Namespace,
  bundles: list[Bundle],
  pairs: list[tuple[str, str]],
) -> dict[Key, pathlib.Path]:
  if len(bundles) == len(pairs) == 1 and args.output:
    path, kind = pathlib.Path(args.output), pairs[0][0]
    if kind in FOLDERS:
      require(
        not path.is_file(),
        f'--output={path} is a file, but {kind} is a folder; give a folder',
      )
      return {(bundles[0].about.get('fold', ''), *pairs[0]): path}
    if path.suffix and not path.is_dir():
      require(
        path.suffix == f'.{kind}',
        f'--output={path} does not end in .{kind}; rename it or choose another '
        '--format',
      )
      return {(bundles[0].about.get('fold', ''), *pairs[0]): path}
  folder = pathlib.Path(args.output)
  if not args.output:
    folder = pathlib.Path(args.workdir, 'exports')
    if args.model:
      folder = pathlib.Path(args.model).parent
  require(
    not folder.is_file(),
    f'{folder} is a file, where a folder is needed; choose another --output',
  )
  require(
    folder.is_dir() or folder.suffix[1:] not in formats.PRECISIONS,
    f'--output={folder} is the name of one file, but {len(bundles) * len(pairs)} '
    'are to be written; give a folder',
  )
  paths = {}
  for bundle in bundles:
    fold = bundle.about.get('fold', '')
    stem = pathlib.Path(args.model).stem if args.model else f'fold_{fold}'
    stem = files.file_name(stem)
    for kind, precision in pairs:
      name = (
        f'{stem}_{kind}' if kind in FOLDERS else f'{stem}_{precision}.{kind}'
      )
      paths[fold, kind, precision] = folder / name
  return paths
