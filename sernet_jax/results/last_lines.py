"""The lines that end a run on the terminal."""

from __future__ import annotations

from sernet_jax.common import text
from sernet_jax.results import caveats, crossed
from sernet_jax.results.dimensions import texts
from sernet_jax.results.run_folder import RunFolder
from sernet_jax.results.run_results import Results
from sernet_jax.results.selections import SELECTIONS


def summary_text(results: Results, folder: RunFolder | None = None) -> str:
  """Returns the lines that end a run on the terminal.

  Args:
    results: of the run.
    folder: adds the line that says where to look.
  """
  results = results.in_order()
  seeds = f'{len(results.seeds)} seeds, ' if results.seeds else ''
  lines = [
    *filter(None, [caveats.stale(results)]),
    f'{caveats.about(results, len(results.last.folds))}, {seeds}'
    f'{caveats.times(results.num_tests, "test")}, '
    f'{results.weights_dtype} weights:',
  ]
  for name, selection in results.selections.items():
    pooled, ci95 = selection.pooled, selection.ci95
    interval = ''
    if ci95:
      interval = ' [{} to {}]'.format(*map(text.percent, ci95['uar']))
    warning = ''
    if SELECTIONS[name].optimistic:
      warning = (
        f'  (optimistic: epoch with the best {results.choose_by.upper()} on the '
        f'test {caveats.whom(results.protocol)})'
      )
    lines.append(
      f'  {name:<15} UAR {text.percent(pooled.uar)} %{interval}, '
      f'WA {text.percent(pooled.wa)} %, '
      f'macro F1 {text.percent(pooled.f1_macro)} %{warning}'
    )
    if selection.dimensions:
      lines.append(f'  {"":<15} {texts.line(selection.dimensions)}')
    if selection.over_seeds:
      spread, whole = selection.over_seeds, selection.over_seeds.together
      each = ', '.join(
        f'{seed.seed}: {text.percent(seed.pooled.uar)}' for seed in spread.seeds
      )
      lines.append(
        f'  {"":<15} over seeds: UAR mean {text.percent(spread.mean.uar)} %, '
        f'sd {text.percent(spread.sd.uar)} ({each})'
        + (
          f'; as a committee {text.percent(whole.pooled.uar)} %'
          if whole
          else ''
        )
      )
  if results.crossed:
    mean = crossed.headline(results.crossed)['uar']['mean']
    lines += [f'  UAR, per cent, last epoch; {text.percent(mean)} in the mean:']
    lines += [f'    {line}' for line in crossed.table(results.crossed)]
  lines += [f'  note: {note}' for note in caveats.notes(results)]
  if folder is not None:
    lines.append(f'  look at {folder.report}')
  return '\n'.join(map(text.printable, lines))
