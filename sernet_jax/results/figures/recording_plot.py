"""A picture of one recording: waveform, features, probabilities over time."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib import axes as mpl_axes

from sernet_jax.common import files
from sernet_jax.results.figures import style

# Okabe and Ito's, then greys: neighbors differ in lightness too.
_COLORS = (
  '#D55E00',
  '#56B4E9',
  '#009E73',
  '#CC79A7',
  '#E69F00',
  '#9a9a9a',
  '#0072B2',
  '#F0E442',
)
_OUTLINED = 60  # steps at most
_HATCHES = ('', '///', '...', 'xxx')


def figure(
  path: pathlib.Path,
  title: str,
  subtitle: str,
  envelope: tuple[np.ndarray, np.ndarray, np.ndarray],
  features: np.ndarray,
  feature_name: str,
  extent_s: tuple[float, float],
  window_s: Sequence[tuple[float, float]],
  shares: np.ndarray,
  classes: Sequence[str],
  footer: str = '',
) -> None:
  """Draws and writes a picture.

  Args:
    path: of the file.
    title: the first line.
    subtitle: the second.
    envelope: times in seconds, lowest and highest samples (columns,).
    features: (columns, coefficients).
    feature_name: of the features: 'MFCC'.
    extent_s: where the first column of the features begins and the last ends.
    window_s: (start, end) of the windows, in order.
    shares: (windows, classes); rows of nan for silence.
    classes: names.
    footer: last line, see `caveats.footer`.
  """
  with mpl.rc_context(style.STYLE):
    drawing = style.new_figure(10.0, 6.2, title, subtitle, footer)
    axes = drawing.subplots(
      3, 1, sharex=True, gridspec_kw={'height_ratios': (1, 1.6, 1.8)}
    )
    time_s, low, high = envelope
    axes[0].fill_between(time_s, low, high, color='#33507a', linewidth=0.3)
    axes[0].set(ylim=(-1.05, 1.05), title='Waveform')
    # The zeroth coefficient is the level and would swallow the scale.
    shown = features[:, 1:] if feature_name == 'MFCC' else features
    axes[1].imshow(
      shown.T,
      origin='lower',
      aspect='auto',
      cmap='magma',
      interpolation='nearest',
      extent=(
        *extent_s,
        features.shape[1] - shown.shape[1] - 0.5,
        features.shape[1] - 0.5,
      ),
    )
    axes[1].set_title(
      f'{feature_name}, coefficients 1 to {features.shape[1] - 1}'
      if feature_name == 'MFCC'
      else feature_name
    )
    _shares(axes[2], window_s, shares, classes)
    handles, labels = axes[2].get_legend_handles_labels()
    axes[2].legend(
      handles[::-1],
      labels[::-1],
      loc='center left',
      bbox_to_anchor=(1.005, 0.5),
    )
    axes[2].set(title='Probabilities, per cent', ylim=(0, 100))
    end_s = max(time_s[-1], extent_s[1])
    axes[2].set_xlim(0, end_s)
    axes[2].set_xlabel('time, seconds')
    style.save(drawing, path, files.Cure('--figure'))


def _shares(
  axis: mpl_axes.Axes,
  window_s: Sequence[tuple[float, float]],
  shares: np.ndarray,
  classes: Sequence[str],
) -> None:
  """Stacked steps, each from its window's left edge to its right one."""
  # Both ends of a step, as fill_between draws nothing of a lone point: a window
  # between two silent ones would be missing.
  edges = np.repeat(_edges(window_s), 2)[1:-1]
  values = 100 * np.repeat(shares, 2, axis=0)
  bottom = np.zeros(len(values))
  for index, name in enumerate(classes):
    top = bottom + values[:, index]
    axis.fill_between(
      edges,
      bottom,
      top,
      label=style.plain(style.short(name)),
      color=_COLORS[index % len(_COLORS)],
      hatch=_HATCHES[index // len(_COLORS) % len(_HATCHES)],
      edgecolor='white',
      # Outlines of many steps would hide what they are around.
      linewidth=0.3 if len(shares) <= _OUTLINED else 0,
    )
    bottom = top


def _edges(window_s: Sequence[tuple[float, float]]) -> np.ndarray:
  """Returns the times at which one window's step ends and the next begins.

  Windows that overlap speak for the time around their middles; others end where
  they end.
  """
  starts, ends = np.array(window_s).T
  middles = (starts + ends) / 2
  between = np.where(
    starts[1:] < ends[:-1], (middles[1:] + middles[:-1]) / 2, starts[1:]
  )
  return np.concatenate([starts[:1], between, ends[-1:]])
