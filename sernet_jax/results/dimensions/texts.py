"""Figures of dimensions as text, for the terminal and the report."""

from __future__ import annotations

from sernet_jax.results.dimensions.record import DimensionResult


def figure(value: float | None, decimals: int = 3) -> str:
  """Writes a CCC, a correlation or an error; '-' where there is none."""
  return '-' if value is None else f'{value:.{decimals}f}'


def interval(result: DimensionResult) -> str:
  """Writes the interval of a CCC, '' where there is none."""
  if result.ci95 is None:
    return ''
  return f'{figure(result.ci95[0])} to {figure(result.ci95[1])}'


def line(results: tuple[DimensionResult, ...]) -> str:
  """Writes the CCC of all dimensions: 'CCC arousal 0.512 [0.45 to 0.56], ...'."""
  parts = []
  for result in results:
    edges = interval(result)
    between = f' [{edges}]' if edges else ''
    parts.append(f'{result.name} {figure(result.ccc)}{between}')
  return f'CCC {", ".join(parts)}'
