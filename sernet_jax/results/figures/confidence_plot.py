"""Reliability diagram, and what abstaining costs and gains."""

from __future__ import annotations

import pathlib

import matplotlib as mpl
from matplotlib import axes as mpl_axes

from sernet_jax.results.confidence.of_run import Confidence
from sernet_jax.results.figures import style

_AS_GIVEN, _TEMPERED = '#0072B2', '#D55E00'
_LARGEST = 500  # area of a marker that stands for all tests, in points


def confidence(
  measured: Confidence,
  path: pathlib.Path,
  subtitle: str = '',
  footer: str = '',
  title: str = 'Confidence',
) -> None:
  """Draws confidence against accuracy, and coverage against accuracy.

  Args:
    measured: of the tests of a selection.
    path: PNG to write.
    subtitle: must name the selection and the weights.
    footer: see `learning_plots.learning_curves`.
    title: tells it from those of other selections.
  """
  with mpl.rc_context(style.STYLE):
    figure = style.new_figure(8.4, 3.4, title, subtitle, footer)
    left, right = figure.subplots(1, 2)
    _reliability(left, measured)
    _coverage(right, measured)
    style.save(figure, path)


def _reliability(axis: mpl_axes.Axes, measured: Confidence) -> None:
  for bins, ece, color, marker, name in (
    (measured.bins, measured.ece, _AS_GIVEN, 'o', 'as given'),
    (
      measured.bins_tempered,
      measured.ece_tempered,
      _TEMPERED,
      's',
      'tempered',
    ),
  ):
    if ece is None:
      continue
    name = f'{name}, ECE {100 * ece:.1f}'
    filled = [one for one in bins if one.count]
    total = sum(one.count for one in filled)
    across = [100 * one.confidence for one in filled]
    up = [100 * one.accuracy for one in filled]
    axis.plot(across, up, color=color, linewidth=0.8, label=name)
    axis.scatter(
      across,
      up,
      s=[_LARGEST * one.count / total for one in filled],
      color=color,
      marker=marker,
      alpha=0.6,
    )
  axis.plot([0, 100], [0, 100], color=style.GREY, linestyle=':')
  axis.set(xlim=(0, 100), ylim=(0, 104), xlabel='confidence, per cent')
  axis.set_ylabel('right, per cent')
  axis.set_title('Tests by confidence (area: how many)')
  axis.grid()
  axis.legend(loc='lower right')


def _coverage(axis: mpl_axes.Axes, measured: Confidence) -> None:
  shares = 100 * measured.curve['coverage']
  color = _AS_GIVEN if measured.ece_tempered is None else _TEMPERED
  axis.plot(shares, 100 * measured.curve['accuracy'], color=color)
  axis.axhline(100 * measured.accuracy, color=style.GREY, linestyle=':')
  axis.set(xlim=(0, 100), xlabel='tests that keep their label, per cent')
  axis.set_ylabel('of these right, per cent')
  axis.set_title('Abstaining where unsure (dotted: all tests)')
  axis.grid()
