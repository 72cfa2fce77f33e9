"""One file from raw sound to probabilities.

  python -m sernet_jax.export --workdir=RUN --fold=03 --format=onnx
  python -m sernet_jax.export --workdir=RUN --all_folds --format=all \
      --precision=all --output=FOLDER
  python -m sernet_jax.export --model=FILE.safetensors --format=tflite
  python -m sernet_jax.export --format=onnx

The last one takes the weights in the package and writes into ./exports.
Every file is loaded again in a fresh process and compared with the JAX model;
the figures are printed and lie beside the file as FILE.json.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sernet_jax.common import command_line
from sernet_jax.common.errors import (
  InputError,
  nearest,
  require,
  require_choice,
)
from sernet_jax.predict.sessions import formats

if TYPE_CHECKING:
  from sernet_jax.export.recordings import Corpus, Segments
  from sernet_jax.predict.bundle import Bundle

_ALL = 'all'


def main(argv: Sequence[str] | None = None) -> int:
  """The command; returns the exit code."""
  args = _parser().parse_args(argv)
  return command_line.run(
    lambda: _run(args), 'stopped; the files that were named are complete'
  )


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    prog='python -m sernet_jax.export',
    description='Write a trained model as one file, from raw sound to '
    'probabilities, and compare it with the JAX model.',
  )
  parser.add_argument('--workdir', default='', help='folder of a run')
  parser.add_argument(
    '--model',
    default='',
    help='a .safetensors file instead of a run; without either the weights in '
    'the package',
  )
  parser.add_argument(
    '--selection',
    default='last',
    help="which of a run's weights (%(default)s); last_recomputed usually "
    'does better on new voices',
  )
  parser.add_argument('--fold', default='', help='of the run')
  parser.add_argument(
    '--all_folds',
    action='store_true',
    help='every fold, each tested on its own test; writes summary.json',
  )
  parser.add_argument(
    '--format',
    default='safetensors',
    help=f'some of {",".join(formats.PRECISIONS)}, or all (%(default)s)',
  )
  parser.add_argument(
    '--precision', default='', help='some of fp32,fp16,int8, or all (fp16)'
  )
  parser.add_argument(
    '--calibration',
    default='',
    help='folder of recordings to find the ranges of int8 with; by default '
    "training recordings of the run's fold",
  )
  parser.add_argument(
    '--output',
    default='',
    help='the file, or a folder if several are written (WORKDIR/exports, beside '
    'the --model, or ./exports)',
  )
  return parser


def _run(args: argparse.Namespace) -> None:
  kinds = _several('--format', args.format, tuple(formats.PRECISIONS))
  pairs = _pairs(kinds, args.precision)
  require(
    not (args.workdir and args.model),
    'give a run with --workdir or a file with --model, one of them',
  )
  require(
    bool(args.workdir)
    or (not args.fold and not args.all_folds and args.selection == 'last'),
    'a model file has neither folds nor selections; leave out --fold, '
    '--all_folds and --selection, or name the folder of a run with --workdir',
  )
  if not args.workdir and not args.model:
    from sernet_jax.predict.bundle import release_path

    args.model = str(release_path())
    args.output = args.output or 'exports'

  import tqdm

  from sernet_jax.common import jax_setup, progress_bar
  from sernet_jax.export import checking, writing

  jax_setup.set_up()
  bundles = _bundles(args)
  paths = _paths(args, bundles, pairs)
  corpus, note = _corpus(args)
  if note:
    print(note, file=sys.stderr)
  reports: list[dict[str, Any]] = []
  with progress_bar.make(
    total=len(paths), unit='file', desc='exporting'
  ) as bar:
    for bundle in bundles:
      fold = bundle.about.get('fold', '')
      heard = _heard(corpus, fold, bundle)
      expected = checking.expected(bundle, heard)
      calibration = None
      if any(precision == 'int8' for _, precision in pairs):
        calibration = _calibration(args, corpus, fold, bundle)
      for kind, precision in pairs:
        path = paths[fold, kind, precision]
        writing.write(path, bundle, kind, precision, calibration)
        report = checking.check(path, bundle, kind, precision, heard, expected)
        checking.write_report(formats.report_path(path), report)
        reports.append(report)
        bar.update()
        tqdm.tqdm.write(f'{path} ({report["heard"]})')
  rows = reports
  if len(bundles) > 1:
    rows = checking.summary(reports)
    summary_path = next(iter(paths.values())).parent / 'summary.json'
    slim = [
      {key: one[key] for key in one if key not in ('environment', 'model')}
      | {'fold': one['model'].get('fold', '')}
      for one in reports
    ]
    checking.write_report(
      summary_path,
      {
        'model': {
          key: value
          for key, value in bundles[0].about.items()
          if key not in ('fold', 'precision')
        },
        'pooled': rows,
        'folds': slim,
        'environment': reports[-1]['environment'],
      },
    )
    print(f'{len(bundles)} folds together, also in {summary_path}:')
  print(checking.table(rows))


def _several(flag: str, text: str, options: tuple[str, ...]) -> list[str]:
  if text == _ALL:
    return list(options)
  names = text.split(',')
  for name in names:
    require_choice(flag, name, (*options, _ALL))
  return names


def _pairs(kinds: list[str], text: str) -> list[tuple[str, str]]:
  """(format, precision) of every file; what a format lacks is left out."""
  precisions = _several('--precision', text or 'fp16', ('fp32', 'fp16', 'int8'))
  pairs = [
    (kind, precision)
    for kind in kinds
    for precision in precisions
    if precision in formats.PRECISIONS[kind]
  ]
  require(
    bool(pairs),
    f'--format={kinds[0]} has no {text}; it has '
    f'{" and ".join(formats.PRECISIONS[kinds[0]])}, and onnx and tflite '
    'have int8',
  )
  return pairs


def _bundles(args: argparse.Namespace) -> list[Bundle]:
  if args.model:
    from sernet_jax.predict import bundle

    return [bundle.load(args.model)]
  from sernet_jax.predict import run_bundles

  bundles = run_bundles.from_run(args.workdir, args.selection)
  if args.all_folds:
    require(not args.fold, 'give --fold or --all_folds, one of them')
    return bundles
  names = [one.about['fold'] for one in bundles]
  if args.fold:
    require(
      args.fold in names,
      f'--fold={args.fold} is no fold of {args.workdir}: '
      f'{nearest(args.fold, names)}',
    )
    return [bundles[names.index(args.fold)]]
  require(
    len(bundles) == 1,
    f'{args.workdir} has {len(bundles)} folds ({", ".join(names)}); give '
    '--fold=NAME or --all_folds',
  )
  return bundles


def _paths(
  args: argparse.Namespace,
  bundles: list[Bundle],
  pairs: list[tuple[str, str]],
) -> dict[tuple[str, str, str], pathlib.Path]:
  """Where each file goes: (fold, format, precision) -> path."""
  if len(bundles) == len(pairs) == 1 and args.output:
    path, kind = pathlib.Path(args.output), pairs[0][0]
    if path.suffix:
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
    f'--output={folder} is a file, but several are to be written; give a '
    'folder',
  )
  paths = {}
  for bundle in bundles:
    fold = bundle.about.get('fold', '')
    stem = pathlib.Path(args.model).stem if args.model else f'fold_{fold}'
    stem = ''.join(c if c.isalnum() or c in '._-' else '_' for c in stem)
    for kind, precision in pairs:
      path = folder / f'{stem}_{precision}.{kind}'
      require(
        not args.model or path.resolve() != pathlib.Path(args.model).resolve(),
        f'{path} is the model itself; choose another --output',
      )
      paths[fold, kind, precision] = path
  return paths


def _corpus(args: argparse.Namespace) -> tuple[Corpus | None, str]:
  """The run's corpus, or why there is none."""
  if args.model:
    return None, 'compared on made-up sound, because a file has no corpus'
  from sernet_jax.export import recordings

  try:
    return recordings.Corpus(args.workdir), ''
  except InputError as error:
    return None, f'compared on made-up sound, because {error}'


def _heard(corpus: Corpus | None, fold: str, bundle: Bundle) -> Segments:
  from sernet_jax.export import recordings

  if corpus is None:
    return recordings.made_up(bundle.audio)
  return corpus.test(fold, bundle.classes)


def _calibration(
  args: argparse.Namespace, corpus: Corpus | None, fold: str, bundle: Bundle
) -> Segments:
  from sernet_jax.export import recordings

  if args.calibration:
    folder = pathlib.Path(args.calibration)
    return recordings.of_folder(folder, bundle.audio)
  require(
    corpus is not None,
    'int8 needs recordings to find its ranges with; give --calibration=FOLDER '
    'of speech such as the model will hear',
  )
  assert corpus is not None
  return corpus.calibration(fold, bundle.classes)


if __name__ == '__main__':
  sys.exit(main())
