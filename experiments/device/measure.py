"""Compares the exports for microcontrollers with JAX on all of EMO-DB.

  python -m experiments.device.measure --data_root=FOLDER

Writes results.json and the table of README.md beside this file. Needs a C
compiler `cc`, tflite-micro and EMO-DB; --model takes other weights, of a name
in the package too, whose results and table bear it, --output another folder.
Networks that look at an utterance's own frames alone are compared in C alone, as
most recordings do not fill the segment.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import tqdm

from experiments.lib import markdown, provenance
from sernet_jax.audio import segments
from sernet_jax.common import command_line, files
from sernet_jax.corpora.readers import emodb
from sernet_jax.export.device import c_folder, micro_folder
from sernet_jax.export.emitters import int8
from sernet_jax.features import kinds
from sernet_jax.predict import bundle as bundle_lib, recordings
from sernet_jax.predict.recognizer import Recognizer
from sernet_jax.results import metrics

HERE = pathlib.Path(__file__).parent
_C = {'C, float32 front end': [], 'C, fixed point front end': ['--fixed']}
_MICRO = 'TensorFlow Lite Micro'


def in_c(folder: pathlib.Path, paths: list[str], options: list[str]):
  """Probabilities (recordings, classes) and seconds of each recording."""
  start = time.perf_counter()
  done = subprocess.run(
    [folder / 'app', '--probabilities', *options, *paths],
    capture_output=True,
    text=True,
    check=True,
  )
  seconds = time.perf_counter() - start
  rows = [
    [text.rpartition('=')[2] for text in line.split('\t')[2:]]
    for line in done.stdout.splitlines()
  ]
  return np.array(rows, float), seconds / len(paths)


def in_micro(content: bytes, report: dict, features: np.ndarray):
  """The same from features (recordings, frames, coefficients)."""
  from tflite_micro import runtime

  interpreter = runtime.Interpreter.from_bytes(
    content, arena_size=report['arena_bytes']
  )
  scale = report['input']['scale'], report['input']['zero_point']
  rows, start = [], time.perf_counter()
  for one in tqdm.tqdm(features, desc=_MICRO):
    interpreter.set_input(int8.quantized(one[None, ..., None], scale), 0)
    interpreter.invoke()
    rows.append(interpreter.get_output(0)[0].astype(float))
  seconds = (time.perf_counter() - start) / len(features)
  out = report['output']
  return (np.array(rows) - out['zero_point']) * out['scale'], seconds


def row_of(name, actual, expected, labels, classes, seconds) -> dict:
  """The figures of one export."""
  counts = [
    metrics.confusion(labels, values.argmax(axis=1), len(classes))
    for values in (expected, actual)
  ]
  ours, theirs = (metrics.scores(count) for count in counts)
  different = np.abs(actual - expected)
  return {
    'name': name,
    'num_recordings': len(labels),
    'same_labels': int((actual.argmax(1) == expected.argmax(1)).sum()),
    'largest_difference': float(different.max()),
    'mean_difference': float(different.mean()),
    'uar_lost': float(ours['uar'] - theirs['uar']),
    'seconds': seconds,
  }


def compiled(folder: pathlib.Path) -> dict[str, int]:
  """Compiles the sources of the page; bytes of code, constants and state."""
  sources = sorted(str(path) for path in folder.glob('*.c'))
  subprocess.run(
    ['cc', '-std=c99', '-O2', *sources, '-lm', '-o', folder / 'app'],
    check=True,
  )
  done = subprocess.run(
    ['size', folder / 'app'], capture_output=True, text=True, check=True
  )
  text, data, bss, *_ = done.stdout.splitlines()[1].split()
  return {'flash_bytes': int(text) + int(data), 'static_bytes': int(bss)}


def table(rows: list[dict]) -> str:
  """One line for each export."""
  return markdown.table(
    [
      'export',
      'same labels',
      'largest difference',
      'mean difference',
      'UAR lost, points',
    ],
    [
      [
        row['name'],
        f'{row["same_labels"]} of {row["num_recordings"]}',
        f'{row["largest_difference"]:.1e}',
        f'{row["mean_difference"]:.1e}',
        f'{100 * row["uar_lost"]:.2f}',
      ]
      for row in rows
    ],
  )


def main(argv: list[str] | None = None) -> int:
  """Runs the command; returns the exit code."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--data_root', required=True, help='folder of EMO-DB')
  parser.add_argument('--model', default=bundle_lib.RELEASES[0])
  parser.add_argument('--output', default=str(HERE))
  args = parser.parse_args(argv)
  return command_line.run(
    lambda: _run(args, sys.argv[1:] if argv is None else argv)
  )


def _run(args: argparse.Namespace, argv: list[str]) -> None:
  name = bundle_lib.released(args.model)
  bundle = bundle_lib.load(
    bundle_lib.release_path(name) if name else args.model
  )
  corpus = emodb.emodb(args.data_root)
  paths = [one.path for one in corpus.utterances]
  labels = np.array([bundle.classes.index(o.label) for o in corpus.utterances])
  heard = np.stack([segments.load_segments(p, bundle.audio)[0] for p in paths])
  # As `predict` hears them: digital silence at the ends is a recording's own.
  expected = np.stack(
    [
      one.probabilities
      for one in recordings.recognize(paths, Recognizer([bundle]), hop_s=0)
    ]
  )
  rows, micro = [], {}
  with tempfile.TemporaryDirectory() as temporary:
    folder = pathlib.Path(temporary)
    c_folder.write(folder / 'c', bundle)
    sizes = compiled(folder / 'c')
    for title, options in _C.items():
      actual, seconds = in_c(folder / 'c', paths, options)
      rows.append(
        row_of(title, actual, expected, labels, bundle.classes, seconds)
      )
    if bundle.light_sernet.pooling == 'mean':
      micro_folder.write(folder / 'micro', bundle)
      micro = json.loads((folder / 'micro' / 'model.json').read_text())
      content = (folder / 'micro' / 'model.tflite').read_bytes()
  if micro:
    compute = kinds.KINDS[bundle.feature_kind].compute
    features = np.concatenate(
      [np.asarray(compute(x[None], bundle.mfcc)) for x in heard]
    )
    actual, seconds = in_micro(content, micro, features)
    rows.append(
      row_of(_MICRO, actual, expected, labels, bundle.classes, seconds)
    )
  output = pathlib.Path(args.output)
  keys = ('operators', 'arena_bytes', 'arena_measured_with', 'file_bytes')
  mark = '' if name == bundle_lib.RELEASES[0] else f'_{name or "other"}'
  files.write_json(
    output / f'results{mark}.json',
    {
      'question': 'Do the exports for microcontrollers decide as JAX does?',
      'model': bundle.about,
      'exports': rows,
      'c': sizes,
      'tflite_micro': {key: micro[key] for key in keys if micro},
      'environment': provenance.record('experiments.device.measure', argv),
    },
  )
  page = output / 'README.md'
  if page.exists() and name:
    markdown.fill(page, f'device{mark}', table(rows))
  print(table(rows))


if __name__ == '__main__':
  sys.exit(main())
