"""Figures of `peers.py`: what is kept of them, two tables and a picture."""

from __future__ import annotations

import importlib.metadata
import json
import pathlib
import statistics
import sys
from typing import Any

import history
import peer_modes
import roofline

OURS = peer_modes.OURS
_PACKAGES = 'torch', 'tensorflow_cpu', 'keras', 'onnxruntime', 'ai-edge-litert'
TITLES = {
  'train': 'step of 32, all cores',
  'one_core': 'step of 32 on one core, CPU seconds',
  'infer_32': 'inference, 32 utterances',
  'given_32': 'the same, theirs from features',
  'infer_1': 'inference, one, call after call',
  'asked_1': 'inference, one, after a pause',
  'rested_1': 'inference, one, after its own sleep',
  'start': 'process start to first result',
}
MEMORY = {
  'start': 'peak memory, inference, MiB',
  'train': 'peak memory, training, MiB',
}
# What ours should take at most of the fastest of others: task, their precision
# (None for any), library (None for all), share.
AIMS = [
  ('train', 'float32', 'PyTorch', 0.5),
  ('one_core', 'float32', 'PyTorch', 0.5),
  ('train', 'bfloat16', 'PyTorch', 0.6),
  ('one_core', 'bfloat16', 'PyTorch', 0.6),
  ('given_32', 'bfloat16', 'PyTorch', 1.0),
  ('infer_1', None, None, 0.8),
  ('asked_1', None, None, 0.8),
  ('rested_1', None, None, 0.8),
]


def store(
  found: dict[str, Any], output: pathlib.Path, merge: bool, page: pathlib.Path
) -> None:
  """Writes figures, picture and tables, and prints the latter.

  Args:
    found: what `peers.measure` returns.
    output: of the files, without their suffix.
    merge: whether to keep tasks of the file that were not measured now.
    page: with the marks `peers` and `peer aims`, filled where output is the
      file beside this one.
  """
  from experiments.lib import markdown

  file = output.with_suffix('.json')
  before = json.loads(file.read_text()) if merge else {}
  result = merged(before, summary(found))
  file.write_text(json.dumps(result, indent=1) + '\n')
  draw(result, output.with_suffix('.png'))
  if output.parent == pathlib.Path(__file__).parent:
    markdown.fill(page, 'peers', table(result))
    markdown.fill(page, 'peer aims', aims_table(result))
  print(table(result), aims_table(result), sep='\n\n')


def summary(found: dict[str, Any]) -> dict[str, Any]:
  """Computes medians and ratios, and says where they come from."""
  place = history.where('peers.py')
  for name in _PACKAGES:
    try:
      place['packages'][name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
      continue
  tasks = {
    task: {
      name: {
        'median_s': statistics.median(times),
        'least_s': min(times),
        'ours_to_this': statistics.median(
          # A slow one has taken part once.
          a / b
          for a, b in zip(by_name[OURS], times, strict=False)
        ),
        'rounds': len(times),
      }
      for name, times in by_name.items()
    }
    for task, by_name in found['seconds'].items()
  }
  command = ' '.join(['python', *sys.argv])
  return {
    **place,
    'cores': found['cores'],
    'units': roofline.units(),
    'parts': [
      {
        'command': command,
        'date': place['date'],
        'tasks': list(tasks),
        'cores': found['cores'],
      }
    ],
    'furthest_probability': found['furthest'],
    'peak_memory_mib': found['memory_mib'],
    'tasks': tasks,
  }


def merged(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
  """Figures measured now, and of other tasks before."""
  if before and before['cpu'] != now['cpu']:
    raise SystemExit('the file is of another machine; measure all tasks again')
  parts = []
  for part in before.get('parts', []):
    tasks = [task for task in part['tasks'] if task not in now['tasks']]
    if tasks:
      parts.append({**part, 'tasks': tasks})
  return {
    **now,
    'cores': max(before.get('cores', 0), now['cores']),
    'parts': parts + now['parts'],
    **{
      name: {**before.get(name, {}), **now[name]}
      for name in ('furthest_probability', 'peak_memory_mib', 'tasks')
    },
  }


def fastest(
  result: dict[str, Any], task: str, precision: str | None, library: str | None
) -> str | None:
  """Name of the fastest other mode of a task, or None."""

  def suits(mode: peer_modes.Mode) -> bool:
    return (
      mode.library != peer_modes.MODES[OURS].library
      and precision in (None, mode.precision)
      and library in (None, mode.library)
    )

  rows = result['tasks'].get(task, {})
  able = [name for name in rows if suits(peer_modes.MODES[name])]
  return min(able, key=lambda name: rows[name]['least_s'], default=None)


def table(result: dict[str, Any]) -> str:
  """Ours beside each library's fastest in float32, and in any precision."""
  from experiments.lib import markdown

  columns = [
    ('PyTorch', 'float32'),
    ('PyTorch', None),
    ('Keras, TF', 'float32'),
    ('Keras, TF', None),
    ('ONNX Runtime', 'float32'),
    ('LiteRT', 'float32'),
  ]
  rows = []
  for task, title in TITLES.items():
    figures = result['tasks'].get(task)
    if not figures:
      continue
    ours = figures[OURS]['least_s']
    row = [title, _ms(ours)]
    for library, precision in columns:
      name = fastest(result, task, precision, library)
      if name is None:
        row.append('')
        continue
      mode, figure = peer_modes.MODES[name], figures[name]
      how = f' ({mode.title})' if mode.title else ''
      row.append(
        f'{_ms(figure["least_s"])}, {_share(result, task, name):.2f}{how}'
      )
    rows.append(row)
  for kind, title in MEMORY.items():
    peaks = result['peak_memory_mib'].get(kind)
    if not peaks:
      continue
    row = [title, f'{peaks[OURS]:,.0f}']
    for library, precision in columns:
      able = {
        name: peak
        for name, peak in peaks.items()
        if peer_modes.MODES[name].library == library
        and precision in (None, peer_modes.MODES[name].precision)
      }
      least = min(able, key=able.get, default=None)
      if least is None:
        row.append('')
        continue
      mode = peer_modes.MODES[least]
      how = f' ({mode.title})' if mode.title else ''
      row.append(f'{able[least]:,.0f}, {peaks[OURS] / able[least]:.2f}{how}')
    rows.append(row)
  header = ['task', 'here']
  header += [
    f'{library}, {precision or "any"}' if index < 4 else library
    for index, (library, precision) in enumerate(columns)
  ]
  return markdown.table(header, rows)


def aims_table(result: dict[str, Any]) -> str:
  """Share of ours in the time of the fastest other, beside the aims."""
  from experiments.lib import markdown

  rows = []
  for task, precision, library, aim in AIMS:
    name = fastest(result, task, precision, library)
    if name is None:
      continue
    figure = result['tasks'][task][name]
    rows.append(
      [
        TITLES[task],
        f'{peer_modes.MODES[name].label}, {_ms(figure["least_s"])} ms',
        f'{_share(result, task, name):.2f}',
        f'{aim:.1f}',
      ]
    )
  if 'sernet_jax_bf16' in result['tasks'].get('train', {}):
    share = 1 / _share(result, 'train', 'sernet_jax_bf16')
    rows.append(
      [
        'our step in bfloat16',
        f'ours in float32, {_ms(result["tasks"]["train"][OURS]["least_s"])} ms',
        f'{share:.2f}',
        '0.5',
      ]
    )
  peaks = result['peak_memory_mib'].get('train', {})
  if 'torch' in peaks:
    rows.append(
      [
        MEMORY['train'],
        f'{peer_modes.MODES["torch"].label}, {peaks["torch"]:,.0f}',
        f'{peaks[OURS] / peaks["torch"]:.2f}',
        '1.0',
      ]
    )
  return markdown.table(
    ['task', 'against', 'here takes of it', 'aimed at, at most'], rows
  )


def _share(result: dict[str, Any], task: str, name: str) -> float:
  """Share of ours in the time of another mode."""
  rows = result['tasks'][task]
  return rows[OURS]['least_s'] / rows[name]['least_s']


def _ms(seconds: float) -> str:
  ms = 1e3 * seconds
  return f'{ms:,.0f}' if ms >= 10 else f'{ms:.1f}'


def draw(result: dict[str, Any], path: pathlib.Path) -> None:
  """Bars of the medians, a panel for each task."""
  import matplotlib as mpl

  from sernet_jax.results.figures import style

  tasks = [task for task in TITLES if task in result['tasks']]
  columns = min(len(tasks), 3)
  lines = -(-len(tasks) // columns)
  with mpl.rc_context(style.STYLE):
    figure = style.new_figure(
      5.0 * columns, 3.2 * lines, 'Milliseconds, least of the turns',
      f'3 s, {result["cores"]} cores, {result["cpu"]}, '
      f'{", ".join(result["units"])}; what computes in bfloat16 is lighter',
    )  # fmt: skip
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for axis in axes[len(tasks) :]:
      axis.set_axis_off()
    for axis, task in zip(axes, tasks, strict=False):
      axis.set_title(TITLES[task], fontsize=9)
      rows = result['tasks'][task]
      modes = [peer_modes.MODES[name] for name in rows]
      widths = [1e3 * row['least_s'] for row in rows.values()]
      # A bar many times as long as the others would hide them.
      limit = 6 * statistics.median(widths)
      bars = axis.barh(
        [mode.label for mode in modes],
        [min(width, limit) for width in widths],
        color=style.GREY,
      )
      for bar, mode in zip(bars, modes, strict=True):
        if mode.library == peer_modes.MODES[OURS].library:
          bar.set_color(style.COLORS['uar'])
        if mode.precision == 'bfloat16':
          bar.set_alpha(0.5)
      labels = [
        f'{width:,.0f}{" (cut)" if width > limit else ""}'
        if width >= 10
        else f'{width:.1f}'
        for width in widths
      ]
      axis.bar_label(bars, labels, fontsize=8, padding=2)
      axis.tick_params('y', labelsize=8)
      axis.invert_yaxis()
      axis.margins(x=0.2)
    style.save(figure, path)
