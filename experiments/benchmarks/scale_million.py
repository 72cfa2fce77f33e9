"""The arithmetic of `scale` to a million utterances on 8 devices."""

from __future__ import annotations

from typing import Any

MILLION, DEVICES, FOLDS = 1_000_000, 8, 10


def extended(
  sizes: dict[int, Any], sharing: dict[str, Any], batch: int
) -> dict[str, Any]:
  """Extends the two largest sizes to a million utterances, line by line.

  Args:
    sizes: what `scale.measure` gave by size; two at least.
    sharing: what `scale.measure_sharing` gave.
    batch: utterances of a training step.

  Returns:
    Figures, and `arithmetic`, the lines that say how each was reached.
  """
  few, many = sorted(sizes)[-2:]
  low, high = sizes[few], sizes[many]

  def line(name):
    """Seconds or MB at a million, by the straight line through both."""
    slope = (high[name] - low[name]) / (many - few)
    return high[name] + slope * (MILLION - many)

  memory = {name: s['host_memory_mb']['most'] for name, s in sizes.items()}
  low, high = dict(low, memory=memory[few]), dict(high, memory=memory[many])
  features_mb = high['features_mb'] / many * MILLION
  steps = -(-MILLION * (FOLDS - 1) // FOLDS // batch)
  efficiency = min(1.0, sharing['efficiency'])
  epoch_s = steps * high['step_s'] / (DEVICES * efficiency) + line('shuffle_s')
  found = {
    'open_s': line('open_s') + line('folds_s'),
    'features_s': line('features_s'),
    'features_cpu_s': line('features_cpu_s'),
    'features_again_s': line('features_again_s'),
    'host_memory_mb': line('memory'),
    'features_gb': features_mb / 1e3,
    'features_gb_per_device': features_mb / 1e3 / DEVICES,
    'epoch_of_a_fold_s': epoch_s,
  }
  found['arithmetic'] = [
    f'y({MILLION}) = y({many}) + (y({many}) - y({few})) / ({many} - {few}) * '
    f'({MILLION} - {many}) for open, folds, features, again, shuffle, memory',
    f'features_s: {high["features_s"]:.1f} s at {many}, '
    f'{low["features_s"]:.1f} s at {few}: {found["features_s"]:.0f} s = '
    f'{found["features_s"] / 3600:.2f} h on this machine; files are read and '
    'features made by one process, so devices of other processes do not help',
    f'features_cpu_s: {high["features_cpu_s"]:.1f} s at {many}, '
    f'{low["features_cpu_s"]:.1f} s at {few}: {found["features_cpu_s"]:.0f} s '
    'of one core, whatever else the machine was doing',
    f'features_gb: {high["features_mb"]} MB / {many} * {MILLION} = '
    f'{found["features_gb"]:.1f} GB on the disk and, cut over {DEVICES} '
    f'devices, {found["features_gb_per_device"]:.2f} GB on each',
    f'host_memory_mb: {memory[few]} MB at {few}, {memory[many]} MB at {many}: '
    f'{found["host_memory_mb"]:.0f} MB',
    f'steps of an epoch: {MILLION} * {FOLDS - 1} / {FOLDS} / {batch} = {steps}',
    f'epoch_of_a_fold_s: {steps} * {high["step_s"]:.3f} s / ({DEVICES} * '
    f'{efficiency:.2f}) + {line("shuffle_s"):.2f} s = {epoch_s:.0f} s on '
    f'{DEVICES} devices like this machine that share every batch, at the '
    'efficiency measured with 2',
  ]
  return found


def table(sizes: dict[int, Any], sharing, expected) -> str:
  """The figures for reading."""
  names = ('open_s', 'folds_s', 'features_s', 'features_cpu_s')
  names += ('features_again_s', 'shuffle_s', 'step_s')
  lines = [' '.join(f'{n:>16}' for n in ('utterances', *names, 'memory MB'))]
  for size, found in sizes.items():
    cells = [f'{found[name]:.4g}' for name in names]
    cells.append(f'{found["host_memory_mb"]["most"]}')
    lines.append(' '.join(f'{c:>16}' for c in (size, *cells)))
  lines.append(
    f'a batch shared by 2 devices of one core: {sharing["step_s_of_1"]:.3f} s '
    f'to {sharing["step_s_of_2"]:.3f} s a step'
  )
  return '\n'.join([*lines, *expected['arithmetic']])
