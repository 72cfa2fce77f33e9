"""Exports a model as one file, from raw sound to probabilities.

  python -m sernet_jax.export --workdir=RUN --fold=03 --format=onnx
  python -m sernet_jax.export --workdir=RUN --all_folds --format=all \
      --precision=all --output=FOLDER
  python -m sernet_jax.export --model=FILE.safetensors --format=tflite
  python -m sernet_jax.export --format=onnx
  python -m sernet_jax.export --format=c --output=FOLDER

The last two take the weights in the package; without --output they write into
./exports.
Every file is loaded again in a fresh process and compared with the JAX model;
the figures are printed and lie beside the file as FILE.json.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import pathlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sernet_jax.common import command_line, text
from sernet_jax.common.errors import InputError, require
from sernet_jax.export import targets
from sernet_jax.predict.inference import options
from sernet_jax.predict.sessions import formats

if TYPE_CHECKING:
  from sernet_jax.export.recordings import Corpus, Segments
  from sernet_jax.predict.bundle import Bundle
  from sernet_jax.runs.weights import calibrated

_MOST_LICENSE = 1000


def main(argv: Sequence[str] | None = None) -> int:
  """Runs the command; returns the exit code."""
  args = _parser().parse_args(argv)
  return command_line.run(
    lambda: _run(args), 'stopped; the files that were named are complete'
  )


def _parser() -> argparse.ArgumentParser:
  parser = command_line.Parser(
    prog='python -m sernet_jax.export',
    description='Write a trained model as one file, from raw sound to '
    'probabilities, and compare it with the JAX model.',
  )
  parser.add_argument('--workdir', default='', help='folder of a run')
  parser.add_argument(
    '--model',
    default='',
    help='a .safetensors file, or weights of the package: emodb, emodb_robust, '
    'emodb_small, emodb_tiny; without --model and --workdir the first of them',
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
    help=f'some of {",".join((*formats.PRECISIONS, *targets.FOLDERS))}, or all '
    'that are one file (%(default)s); c and tflite_micro write a folder for '
    'microcontrollers, in int8, web one with a page for browsers',
  )
  parser.add_argument(
    '--precision', default='', help='some of fp32,fp16,int8, or all (fp16)'
  )
  parser.add_argument(
    '--calibration',
    default='',
    help='folder of recordings to find the ranges of int8 with; by default '
    "training recordings of the run's fold, or the ranges that a model file "
    'keeps',
  )
  parser.add_argument(
    '--runtime',
    default='',
    help='folder with onnxruntime-web for --format=web; downloaded otherwise',
  )
  parser.add_argument(
    '--enroll',
    default='',
    metavar='FOLDER',
    help='recordings of a speaker, without labels, to whose voice the networks '
    'of a run are adapted first',
  )
  parser.add_argument(
    '--temperature',
    default='',
    metavar='T|RUN',
    help='divide the logits by this number, or by what the tests of a run of '
    'loso ask for, so that the model is as sure as it is right; of the same '
    'run, each fold is calibrated by the others',
  )
  parser.add_argument(
    '--license',
    default='',
    help='of the weights, such as CC-BY-4.0; kept in the file for its users',
  )
  parser.add_argument(
    '--output',
    default='',
    help='the file, or a folder if several are written (WORKDIR/exports, beside '
    'the --model, or ./exports)',
  )
  return parser


def _run(args: argparse.Namespace) -> None:
  pairs = targets.choose_pairs(args.format, args.precision)
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
  require(
    bool(args.workdir) or not args.enroll,
    '--enroll moves the statistics of a run, which a model file has no more; '
    'give --workdir=RUN, or leave it out',
  )
  require(
    not args.calibration
    or any('int8' in pair or 'safetensors' in pair for pair in pairs),
    '--calibration finds the ranges of int8, which is not written; add '
    '--precision=int8, or leave it out',
  )
  require(
    args.license.isprintable() and len(args.license) <= _MOST_LICENSE,
    f'--license has control characters, or more than {_MOST_LICENSE} in all; give '
    'its name, such as CC-BY-4.0',
  )
  require(
    not args.runtime or targets.WEB in dict(pairs),
    '--runtime is for --format=web, which is not written; leave it out',
  )
  from sernet_jax.predict import bundle as bundle_lib

  if args.workdir or args.model:
    name = bundle_lib.released(args.model)
  else:
    name = bundle_lib.RELEASES[0]
  if name:
    args.model = str(bundle_lib.release_path(name))
    args.output = args.output or 'exports'
  elif args.model:
    bundle_lib.require_there(args.model)

  from sernet_jax.common import jax_setup
  from sernet_jax.export import checking

  jax_setup.set_up()
  bundles = targets.load_bundles(args)
  options.warn_of(args.workdir, args.selection)
  targets.require_exportable(bundles[0], pairs)
  paths = targets.choose_paths(args, bundles, pairs)
  corpus, note = _corpus(args)
  if note and not all(kind in targets.FOLDERS for kind, _ in pairs):
    print(note, file=sys.stderr)
  reports = _write_all(args, bundles, paths, pairs, corpus)
  rows = reports
  if not rows:
    return
  if len(bundles) > 1:
    path = next(iter(paths.values())).parent / 'summary.json'
    rows = checking.write_summary(path, reports)
    print(f'{len(bundles)} folds together, also in {path}:')
  print(checking.table(rows))


def _write_all(
  args: argparse.Namespace,
  bundles: list[Bundle],
  paths: dict[targets.Key, pathlib.Path],
  pairs: list[tuple[str, str]],
  corpus: Corpus | None,
) -> list[dict[str, Any]]:
  """Writes every file and its report, every folder; returns the reports."""
  import tqdm

  from sernet_jax.common import progress_bar
  from sernet_jax.export import checking, writing

  reports = []
  temper = _source(args, bundles[0]) if args.temperature else None
  with progress_bar.make(
    total=len(paths), unit='file', desc='exporting'
  ) as bar:
    for bundle in bundles:
      fold = bundle.about.get('fold', '')
      if args.license:
        about = {**bundle.about, 'license': args.license}
        bundle = dataclasses.replace(bundle, about=about)
      if temper is not None:
        bundle = _calibrated(args, temper, bundle)
      heard = None
      calibration = _calibration(args, corpus, bundle, pairs)
      if calibration is not None:
        seen = writing.ranges(bundle, calibration.prepared)
        bundle = dataclasses.replace(bundle, ranges=seen)
      for kind, precision in pairs:
        path = paths[fold, kind, precision]
        if kind in targets.FOLDERS:
          note = _write_folder(kind, path, bundle, args)
          tqdm.tqdm.write(text.printable(f'{path} ({note})'))
          bar.update()
          continue
        if heard is None:
          tested = _test_segments(corpus, fold, bundle)
          heard = tested, checking.expected(bundle, tested)
        # The bundle has its ranges; onnxruntime finds them itself.
        sound = calibration if kind == 'onnx' else None
        writing.write(path, bundle, kind, precision, sound)
        report = checking.check(path, bundle, kind, precision, *heard)
        checking.write_report(formats.report_path(path), report)
        reports.append(report)
        bar.update()
        tqdm.tqdm.write(text.printable(f'{path} ({report["heard"]})'))
  return reports


def _source(args: argparse.Namespace, bundle: Bundle) -> calibrated.Source:
  """Reads what --temperature names, once for all folds."""
  from sernet_jax.runs.weights import calibrated

  selection = bundle.about.get('selection', args.selection)
  return calibrated.source(args.temperature, selection)


def _calibrated(
  args: argparse.Namespace, temper: calibrated.Source, bundle: Bundle
) -> Bundle:
  """Divides the logits by --temperature; says by how much."""
  import tqdm

  from sernet_jax.runs.weights import calibrated

  fold = bundle.about.get('fold', '')
  own = bool(args.workdir) and (
    pathlib.Path(args.temperature).resolve()
    == pathlib.Path(args.workdir).resolve()
  )
  found = temper(fold if own else '', bundle)
  tqdm.tqdm.write(
    f'temperature {found.temperature:.3f} ({found.source})', file=sys.stderr
  )
  return calibrated.calibrate(bundle, found)


def _write_folder(
  kind: str, path: pathlib.Path, bundle: Bundle, args: argparse.Namespace
) -> str:
  """Writes a folder; returns what to do with it."""
  writer = importlib.import_module(targets.FOLDERS[kind])
  if kind == targets.WEB:
    return writer.write(path, bundle, args.runtime)
  return writer.write(path, bundle)


def _corpus(args: argparse.Namespace) -> tuple[Corpus | None, str]:
  """Opens the run's corpus, or says why there is none."""
  if args.model:
    return None, 'compared on made-up sound, because a file has no corpus'
  from sernet_jax.export import recordings

  try:
    return recordings.Corpus(args.workdir), ''
  except InputError as error:
    return None, f'compared on made-up sound, because {error}'


def _test_segments(
  corpus: Corpus | None, fold: str, bundle: Bundle
) -> Segments:
  from sernet_jax.export import recordings

  if corpus is None:
    return recordings.made_up(bundle.audio)
  return corpus.test(fold, bundle.classes)


def _calibration(
  args: argparse.Namespace,
  corpus: Corpus | None,
  bundle: Bundle,
  pairs: list[tuple[str, str]],
) -> Segments | None:
  """Recordings to find ranges with; None if none are needed."""
  from sernet_jax.export import recordings
  from sernet_jax.nn import network

  in_8_bits = {kind for kind, precision in pairs if precision == 'int8'}
  # onnxruntime finds its ranges itself; a bundle keeps its ranges for others.
  needed = 'onnx' in in_8_bits or (bool(in_8_bits) and not bundle.ranges)
  keeps = 'safetensors' in dict(pairs) and bool(
    network.exports(bundle.model, ('tflite',))
  )
  wanted = bool(in_8_bits) or keeps
  if args.calibration:
    folder = pathlib.Path(args.calibration)
    return recordings.of_folder(folder, bundle.audio)
  if corpus is not None and wanted:
    return corpus.calibration(bundle.about.get('fold', ''), bundle.classes)
  require(
    not needed,
    'int8 needs recordings to find its ranges with; give --calibration=FOLDER '
    'of speech such as the model will hear',
  )
  return None


if __name__ == '__main__':
  sys.exit(main())
