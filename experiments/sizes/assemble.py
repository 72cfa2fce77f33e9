"""Assembles what networks of three sizes cost and how well they recognize.

  python -m experiments.sizes.assemble --run paper=RUN --run small=RUN ...

Several runs of a size are its seeds; all are runs of EMO-DB under `loso` with
the settings of configs/recipe.py and `model.size`. A RUN may be the results.json
that experiments.collect keeps of one. Costs are measured here, with weights
drawn at random, on which they do not depend: the arena in the interpreter of
TensorFlow Lite Micro, flash and static memory of the compiled C sources. Writes
results.json, sizes.png and the table of README.md; runs that are not named
again stay, and with --add those named are further seeds of theirs. Without one
of `paper` its figures are those of the recipe's page.
"""

from __future__ import annotations

import argparse
import dataclasses
import pathlib
import sys
import tempfile
from typing import Any

import jax
import matplotlib as mpl
import numpy as np

from experiments.device import measure
from experiments.lib import assemble, markdown
from experiments.recipe.assemble import apart, row_of, together
from sernet_jax.common import command_line, files
from sernet_jax.common.errors import require, require_choice
from sernet_jax.export.device import arena, c_folder, micro_folder
from sernet_jax.nn import cost, folded, model, sizes
from sernet_jax.predict import bundle as bundle_lib
from sernet_jax.results.figures import style

FRAMES = 184  # of 3 s
RECIPE = pathlib.Path(__file__).parents[1] / 'recipe' / 'results.json'
AXES = {
  'multiply_adds': ('multiply-adds of 3 s, millions', 1e-6),
  'arena_bytes': ('arena, TensorFlow Lite Micro, KiB', 1 / 1024),
  'flash_bytes': ('flash, C with front end, KiB', 1 / 1024),
}


def costs(size: str) -> dict[str, Any]:
  """Returns what the network of a size costs on a device."""
  release = bundle_lib.load(bundle_lib.release_path())
  spec = sizes.spec(size, num_classes=len(release.classes))
  weights = folded.fold(spec, *model.init(jax.random.key(0), spec))
  some = dict.fromkeys(weights, (0.0, 1.0))
  ranges = some | {f'{name}_input': (0.0, 1.0) for name in weights}
  bundle = dataclasses.replace(
    release, model=spec, folded=weights, ranges=ranges
  )
  card = cost.cost(spec, FRAMES)
  content, _ = micro_folder.convert(bundle)
  with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    (folder / 'model.tflite').write_bytes(content)
    c_folder.write(folder / 'c', bundle)
    return {
      'parameters': card['parameters_folded'],
      'multiply_adds': round(1e6 * card['mflops'] / 2),
      'arena_bytes': arena.measured(folder / 'model.tflite'),
      'tflite_bytes': len(content),
      **measure.compiled(folder / 'c'),
    }


def content(given: argparse.Namespace) -> dict[str, Any]:
  """Content of results.json."""
  path = given.output / 'results.json'
  made: dict[str, Any] = files.read_json(path) if path.exists() else {}
  runs: dict[str, list[dict[str, Any]]] = {}
  for text in given.run:
    size, _, workdir = text.partition('=')
    require_choice('the size of --run', size, sizes.SIZES)
    row = row_of(workdir, 'recipe')
    protocol = row.pop('protocol')
    require(
      protocol == 'loso',
      f'{workdir} is a run of {protocol!r}; name one of loso',
    )
    given_size = row['settings'].get('model.size', 'paper')
    require(
      given_size == size, f'{workdir} has model.size={given_size}, not {size}'
    )
    runs.setdefault(size, []).append(row)
  rows = made.get('sizes', {})
  for size in sizes.SIZES:
    rows.setdefault(size, {})['costs'] = costs(size)
    if size in runs:
      known = rows[size].get('run')
      before = apart(known) if given.add and known else []
      rows[size]['run'] = together([*before, *runs[size]])
  if 'run' not in rows['paper'] and RECIPE.exists():
    recipe = files.read_json(RECIPE, ('emodb',))
    rows['paper']['run'] = recipe['emodb']['loso']['recipe']
  return {
    'question': 'How much smaller may the network be?',
    'sizes': rows,
    'arena_measured_with': f'tflite-micro {arena.version()}',
  }


def tables(made: dict[str, Any]) -> dict[str, str]:
  """The table of the page."""
  lines = []
  for size, row in made['sizes'].items():
    price, run = row['costs'], row.get('run')
    lines.append(
      [
        f'`{size}`',
        f'{price["parameters"]:,}',
        f'{price["multiply_adds"] / 1e6:.1f} M',
        f'{price["arena_bytes"] / 1024:.0f} KiB',
        f'{price["tflite_bytes"] / 1024:.0f} KiB',
        f'{price["flash_bytes"] / 1024:.0f} KiB',
        run['epochs'] if run else None,
        len(run['uar']) if run else None,
        ', '.join(f'{100 * value:.1f}' for value in run['uar'])
        if run
        else None,
        ', '.join(markdown.interval(each) for each in run['ci95'])
        if run
        else None,
      ]
    )
  header = [
    'size',
    'parameters',
    'multiply-adds',
    'arena',
    'file of TensorFlow Lite Micro',
    'flash in C',
    'epochs',
    'seeds',
    'UAR, per cent',
    '95 %',
  ]
  return {'sizes': markdown.table(header, lines)}


def figure(made: dict[str, Any], path: pathlib.Path) -> None:
  """Draws the UAR over what a network costs."""
  trained = {k: row for k, row in made['sizes'].items() if 'run' in row}
  with mpl.rc_context(style.STYLE):
    picture = style.new_figure(
      8.0,
      3.2,
      'Smaller networks, speakers unseen in training',
      'EMO-DB, loso; points: seeds; bars: 95 % over speakers, first seed',
    )
    axes = picture.subplots(1, len(AXES), sharey=True)
    for axis, (name, (title, unit)) in zip(axes, AXES.items(), strict=True):
      for size, row in trained.items():
        place = row['costs'][name] * unit
        values = 100 * np.array(row['run']['uar'])
        edges = 100 * np.array(row['run']['ci95'][0])
        axis.plot([place] * 2, edges, color='0.7')
        axis.plot([place] * len(values), values, '.', color='0.2')
        axis.annotate(size, (place, edges[1]), ha='center', va='bottom')
      axis.set_xscale('log')
      places = [row['costs'][name] * unit for row in trained.values()]
      axis.set_xticks(places, [f'{place:.3g}' for place in places])
      axis.minorticks_off()
      axis.margins(x=0.2, y=0.15)
      axis.set_xlabel(title)
    axes[0].set_ylabel('UAR, per cent')
    style.save(picture, path)


def options(parser: argparse.ArgumentParser) -> None:
  """Adds the arguments of this script."""
  parser.add_argument(
    '--run', action='append', default=[], metavar='SIZE=FOLDER'
  )
  parser.add_argument(
    '--add',
    action='store_true',
    help='the runs are further seeds of those in results.json',
  )


def main(argv: list[str]) -> None:
  """Runs the command."""
  assemble.main(
    argv,
    script=__file__,
    doc=__doc__,
    picture='sizes.png',
    options=options,
    content=content,
    figure=figure,
    tables=tables,
    measured_by='experiments.sizes.assemble',
  )


if __name__ == '__main__':
  sys.exit(command_line.run(lambda: main(sys.argv[1:])))
