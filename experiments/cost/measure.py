"""Measures the cost of the network: counted, by XLA, and on this machine.

  python -m experiments.cost.measure

Writes results.json, cost.png and the tables of README.md beside this file;
--model takes other weights, --repeats fewer runs, --output another folder.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
import tempfile

import matplotlib as mpl

from experiments.lib import (
  assemble,
  cost_measured,
  cost_probe,
  energy,
  markdown,
  published,
  receptive,
)
from sernet_jax.common import command_line, machine
from sernet_jax.common.errors import require
from sernet_jax.nn import cost
from sernet_jax.predict import bundle as bundle_lib
from sernet_jax.results.figures import style

HERE = pathlib.Path(__file__).parent
DURATIONS_S = (3.0, 7.0)
THREADS = (1, 2)


def at_length(model, duration_s: float, repeats: int) -> dict:
  """Every figure of one length."""
  model = cost_probe.at_duration(model, duration_s)
  programs = cost_measured.programs(model)
  _, frames, coefficients, _ = programs['network'].shape.shape
  layers = cost.list_layers(model.model, frames, coefficients)
  threads = [n for n in THREADS if n <= machine.num_cores()]
  return {
    'duration_s': duration_s,
    'frames': frames,
    'counted': cost.cost(model.model, frames, coefficients),
    'published': published.LIGHT_SERNET_COST.get(duration_s),
    'layers': [
      {
        'name': each.layer.name,
        'map': each.size,
        'weights': each.layer.num_weights,
        'multiply_adds': each.multiply_adds,
        'multiply_adds_inside': each.multiply_adds_inside,
      }
      for each in layers
    ],
    'xla': {
      name: cost_measured.analyze(program) for name, program in programs.items()
    },
    'measured': {str(n): cost_probe.probe(model, n, repeats) for n in threads},
    'energy_estimate': energy.estimate(model.model, frames, coefficients),
  }


def seen(model) -> list[dict]:
  """Receptive fields with their spans."""
  return [
    {
      'path': field.path,
      'layer': field.layer,
      'stage': field.stage,
      'frames': field.size[0],
      'coefficients': field.size[1],
      'step_frames': field.step[0],
      'step_coefficients': field.step[1],
      'span_ms': 1e3 * field.span_s(model.mfcc),
      'step_ms': 1e3 * field.step_s(model.mfcc),
    }
    for field in receptive.fields(model.model)
  ]


def cost_table(lengths: list[dict], file_bytes: dict) -> str:
  """One column for each length."""

  def row(name, of, form='{:.1f}'):
    values = [of(length) for length in lengths]
    shown = [v if v is None else form.format(v) for v in values]
    return [name, *shown]

  def latency(program, n, what):
    return lambda x: (
      x['measured'][n][what][program] if n in x['measured'] else None
    )

  def paper(name):
    return lambda x: x['published'] and x['published'][name]

  rows = [
    row('parameters', lambda x: x['counted']['parameters'], '{:,}'),
    row(
      'weights in fp16, MiB, paper',
      lambda x: published.LIGHT_SERNET_FP16_MIB,
      '{:g}',
    ),
    row(
      'the same, counted',
      lambda x: x['counted']['fp16_bytes'] / 2**20,
      '{:.3f}',
    ),
    row(
      'safetensors file in fp16, with its header, MiB',
      lambda x: file_bytes['float16'] / 2**20,
      '{:.3f}',
    ),
    row('MFLOPs, paper', paper('mflops'), '{:g}'),
    row('MFLOPs, counted: 2 x multiply-adds', lambda x: x['counted']['mflops']),
    row(
      'the same without zeros around the maps',
      lambda x: sum(2e-6 * y['multiply_adds_inside'] for y in x['layers']),
    ),
    row('XLA, plain convolutions', lambda x: x['xla']['plain']['mflops']),
    row('XLA, as run on a CPU', lambda x: x['xla']['network']['mflops']),
    row('XLA, front end and network', lambda x: x['xla']['chain']['mflops']),
    row('peak of the maps, paper, KB', paper('peak_memory_kib'), '{:g}'),
    row(
      'counted, KiB: one full path map and the pooled ones',
      lambda x: x['counted']['peak_memory_kib'],
    ),
    row(
      'XLA, plain convolutions, KiB',
      lambda x: x['xla']['plain']['temporary_kib'],
    ),
    row(
      'XLA, as run on a CPU, KiB',
      lambda x: x['xla']['network']['temporary_kib'],
    ),
    row(
      'measured, KiB: what a run adds to the process',
      lambda x: x['measured']['1']['run_kib'],
      '{:,}',
    ),
    row(
      'measured, MiB: the whole process, with Python, jax and compiling',
      lambda x: x['measured']['1']['process_mib'],
      '{:.0f}',
    ),
  ]
  for n in map(str, THREADS):
    for program, words in (('network', 'network'), ('chain', 'sound to label')):
      rows.append(
        row(
          f'{words}, {n} thread{"s" * (n != "1")}, ms, median / least',
          lambda x, n=n, program=program: (
            (
              n in x['measured']
              and '{:.1f} / {:.1f}'.format(
                *(
                  x['measured'][n][what][program]
                  for what in ('latency_ms', 'least_ms')
                )
              )
            )
            or None
          ),
          '{}',
        )
      )
  for kind in energy.MULTIPLY_ADD_PJ:
    rows.append(
      row(
        f'energy, estimate, {kind}, mJ: arithmetic / with least / with most '
        'traffic',
        lambda x, kind=kind: '{:.2f} / {:.2f} / {:.2f}'.format(
          *(
            x['energy_estimate'][kind][name]
            for name in ('arithmetic_mj', 'least_mj', 'most_mj')
          )
        ),
        '{}',
      )
    )
  return markdown.table(
    ['one input', *(f'{x["duration_s"]:g} s' for x in lengths)], rows
  )


def layer_table(length: dict) -> str:
  """Returns the arithmetic of each layer."""
  total = sum(layer['multiply_adds'] for layer in length['layers'])
  return markdown.table(
    ['layer', 'map', 'weights', 'million multiply-adds', 'share'],
    [
      [
        layer['name'],
        '{} x {}'.format(*layer['map']),
        f'{layer["weights"]:,}',
        f'{layer["multiply_adds"] / 1e6:.3f}',
        f'{100 * layer["multiply_adds"] / total:.1f} %',
      ]
      for layer in length['layers']
    ],
  )


def field_table(rows: list[dict]) -> str:
  """One line for each stage, one column for each path."""
  paths = list(dict.fromkeys(row['path'] for row in rows))
  lines = []
  for place in range(len(rows) // len(paths)):
    line = [
      rows[k * len(rows) // len(paths) + place] for k in range(len(paths))
    ]
    name = line[0]['layer'] if place > 1 else 'path'
    lines.append(
      [
        f'{name}, {line[0]["stage"]}',
        *(
          f'{x["frames"]} x {x["coefficients"]}: {x["span_ms"]:.0f} ms'
          for x in line
        ),
        f'{line[0]["step_frames"]} x {line[0]["step_coefficients"]}: '
        f'{line[0]["step_ms"]:.0f} ms',
      ]
    )
  return markdown.table(['after', *paths, 'step'], lines)


def figure(content: dict, path: pathlib.Path) -> None:
  """Arithmetic of the layers, and what their maps see."""
  with mpl.rc_context(style.STYLE):
    picture = style.new_figure(
      10.0,
      3.4,
      'Where the arithmetic is, and what a value sees',
      'multiply-adds of each layer; span of sound that one value depends on',
    )
    left, right = picture.subplots(1, 2)
    colors = style.COLORS['train'], style.COLORS['test']
    for k, length in enumerate(content['lengths']):
      names = [layer['name'] for layer in length['layers']]
      left.bar(
        [place + 0.4 * k - 0.2 for place in range(len(names))],
        [layer['multiply_adds'] / 1e6 for layer in length['layers']],
        0.38,
        color=colors[k],
        label=f'{length["duration_s"]:g} s',
      )
    left.set_xticks(range(len(names)), names, rotation=45, ha='right')
    left.set_title('million multiply-adds')
    left.legend()
    for line, path_name in zip(
      ('-', '--', ':'), content['paths'], strict=False
    ):
      rows = [
        row for row in content['receptive_fields'] if row['path'] == path_name
      ]
      right.plot([row['span_ms'] / 1e3 for row in rows], line, label=path_name)
    right.set_xticks(
      range(len(rows)),
      [
        f'{row["layer"] if k > 1 else "path"} {row["stage"]}'
        for k, row in enumerate(rows)
      ],
      rotation=45,
      ha='right',
    )
    right.set_title('seconds of sound')
    right.set_ylim(0)
    right.grid(axis='y')
    right.legend()
    style.save(picture, path)


def options(parser: argparse.ArgumentParser) -> None:
  """Adds the arguments of the command."""
  parser.add_argument('--model', default=str(bundle_lib.release_path()))
  parser.add_argument('--repeats', type=int, default=200)


def main(arguments: list[str]) -> None:
  """Runs the command; see the top of the file."""
  assemble.main(
    arguments,
    script=__file__,
    doc=__doc__,
    picture='cost.png',
    options=options,
    content=measured,
    measured_by='experiments.cost.measure',
    figure=figure,
    tables=tables,
  )


def measured(given: argparse.Namespace) -> dict:
  """Returns the content of results.json, but for the environment."""
  require(given.repeats > 0, f'--repeats is {given.repeats}; give 1 or more')
  require(
    pathlib.Path(given.model).suffix == '.safetensors',
    f'--model={given.model} is not a .safetensors file; give one',
  )
  model = bundle_lib.load(given.model)
  return {
    'question': 'What does one pass of the network cost?',
    'repeats': given.repeats,
    'classes': len(model.classes),
    'paths': [path.name for path in model.model.layers('path')],
    'file_bytes': {
      'float32': _file_bytes(model, 'float32'),
      'float16': _file_bytes(model, 'float16'),
    },
    'lengths': [at_length(model, d, given.repeats) for d in DURATIONS_S],
    'receptive_fields': seen(model),
  }


def tables(content: dict) -> dict[str, str]:
  """The tables of the page."""
  return {
    'cost': cost_table(content['lengths'], content['file_bytes']),
    'layers': layer_table(content['lengths'][0]),
    'fields': field_table(content['receptive_fields']),
  }


def _file_bytes(model, dtype: str) -> int:
  with tempfile.TemporaryDirectory() as name:
    path = pathlib.Path(name) / 'model.safetensors'
    bundle_lib.save(path, model, dtype)
    return path.stat().st_size


if __name__ == '__main__':
  sys.exit(command_line.run(lambda: main(sys.argv[1:])))
