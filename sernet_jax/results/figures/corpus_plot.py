"""A picture of a corpus: counts by class and speaker, and durations."""

from __future__ import annotations

import pathlib

import matplotlib as mpl
import numpy as np
from matplotlib import axes as mpl_axes, ticker

from sernet_jax.corpora import inspection
from sernet_jax.corpora.utterances import SYNTHETIC_NOTE, Corpus
from sernet_jax.results.figures import style

_MAX_NUMBERED = 24  # speakers up to which the picture has room for counts


def figure(
  corpus: Corpus,
  durations_s: np.ndarray,
  path: pathlib.Path,
  segment_s: float = 3.0,
) -> None:
  """Draws the corpus: counts by class and speaker, and durations.

  Args:
    corpus: the corpus.
    durations_s: (utterances,), NaN where unknown.
    path: PNG to write.
    segment_s: length of a segment as configured.
  """
  table_ = inspection.counts(corpus).T
  num_classes, num_speakers = table_.shape
  width = float(np.clip(3.5 + 0.42 * num_speakers, 7.5, 15.0))
  heights = 0.36 * num_classes + 0.9, 2.3
  known = durations_s[np.isfinite(durations_s)]
  subtitle = (
    f'{len(corpus.utterances)} utterances, {num_classes} classes, '
    f'{num_speakers} speakers, {inspection.clock(known.sum())} of speech'
  )
  with mpl.rc_context(style.STYLE):
    fig = style.new_figure(
      width,
      sum(heights),
      f'Corpus {corpus.name}',
      subtitle,
      SYNTHETIC_NOTE if corpus.synthetic else '',
    )
    upper, lower = fig.subplots(2, 1, height_ratios=heights)
    _draw_counts(upper, table_, corpus)
    _draw_durations(lower, known, segment_s)
    style.save(fig, path)


def _draw_counts(
  axis: mpl_axes.Axes, numbers: np.ndarray, corpus: Corpus
) -> None:
  """Heat map of (classes, speakers) with totals in the labels."""
  top = max(1, numbers.max())
  image = axis.imshow(numbers, cmap='Blues', vmin=0, vmax=top, aspect='auto')
  num_speakers = len(corpus.speakers)
  if num_speakers <= _MAX_NUMBERED:
    for (row, column), value in np.ndenumerate(numbers):
      axis.text(
        column,
        row,
        str(value),
        ha='center',
        va='center',
        color='white' if value > 0.55 * top else 'black',
        fontsize=8,
      )
  else:
    axis.figure.colorbar(
      image,
      ax=axis,
      pad=0.01,
      label='utterances',
      ticks=ticker.MaxNLocator(5, integer=True),
    )
  names = [style.plain(style.short(name)) for name in corpus.speakers]
  # A letter takes about 0.08 inch, an upright line of them 0.15 and more.
  width = 0.8 * axis.figure.get_figure(root=True).get_size_inches()[0]
  upright = 0.08 * (max(map(len, names)) + 1) * num_speakers > width
  every = -(-num_speakers // 60)  # of hundreds of names only some have room
  axis.set_xticks(
    range(0, num_speakers, every),
    names[::every],
    rotation=90 if upright else 0,
    fontsize=8 if upright else 9,
  )
  totals = numbers.sum(1)
  axis.set_yticks(
    range(len(corpus.classes)),
    [
      f'{style.plain(style.short(name))}  {total}'
      for name, total in zip(corpus.classes, totals, strict=True)
    ],
  )
  axis.tick_params(length=0)
  axis.spines[:].set_visible(False)
  axis.set_title('Utterances of each class (with its total) and speaker')
  axis.set_xlabel('speaker')


def _draw_durations(
  axis: mpl_axes.Axes, known: np.ndarray, segment_s: float
) -> None:
  axis.set_title('Durations')
  if not known.size:
    axis.text(0.5, 0.5, 'no recording could be measured', ha='center')
    axis.set_axis_off()
    return
  end = max(float(known.max()), segment_s) * 1.02
  axis.hist(
    known, np.linspace(0, end, 41).tolist(), color=style.COLORS['train']
  )
  axis.axvline(segment_s, color=style.COLORS['test'], linewidth=1.5)
  longer = np.count_nonzero(known > segment_s)
  right = segment_s > 0.6 * end
  axis.annotate(
    f'segment of {segment_s:g} s: {longer} utterances are longer',
    (segment_s, 1),
    xycoords=('data', 'axes fraction'),
    xytext=(-6 if right else 6, -4),
    textcoords='offset points',
    ha='right' if right else 'left',
    va='top',
    color=style.COLORS['test'],
    bbox={'facecolor': 'white', 'alpha': 0.8, 'linewidth': 0, 'pad': 1},
  )
  axis.set_xlim(0, end)
  axis.yaxis.set_major_locator(ticker.MaxNLocator(4, integer=True))
  axis.grid(axis='y')
  axis.set_xlabel('seconds')
  axis.set_ylabel('utterances')
