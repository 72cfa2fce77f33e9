"""Features of a run as the network sees them."""

from __future__ import annotations

import math
import pathlib
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import numpy.typing as npt

from sernet_jax.results.figures import style


def feature_examples(
  features: npt.ArrayLike,
  names: Sequence[str],
  labels: Sequence[str],
  path: pathlib.Path,
  frame_step_s: float,
  coefficient_name: str = 'MFCC',
  subtitle: str = '',
  footer: str = '',
) -> None:
  """One utterance of each class as the network sees it.

  Args:
    features: (C, frames, coefficients).
    names: C utterances.
    labels: C class names.
    path: PNG to write.
    frame_step_s: seconds from one frame to the next.
    coefficient_name: what the second axis counts.
    subtitle: see `learning_curves`.
    footer: see `learning_curves`.
  """
  maps = np.asarray(features)
  columns = min(4, len(maps))
  rows = math.ceil(len(maps) / columns)
  # Without the tails: the zeroth cepstrum of silence would take all colors.
  low, high = np.percentile(maps, [3, 97])
  extent = (0, maps.shape[1] * frame_step_s, 0, maps.shape[2])
  with mpl.rc_context(style.STYLE):
    figure = style.new_figure(
      max(6.5, 2.75 * columns),
      0.5 + 1.85 * rows,
      f'{coefficient_name} of one utterance per class',
      subtitle,
      footer,
    )
    axes = figure.subplots(
      rows, columns, sharex=True, sharey=True, squeeze=False
    )
    for axis, feature, name, label in zip(
      axes.flat, maps, names, labels, strict=False
    ):
      image = axis.imshow(
        feature.T,
        aspect='auto',
        origin='lower',
        extent=extent,
        interpolation='nearest',
        cmap='viridis',
        vmin=low,
        vmax=high,
      )
      file = name.replace('\\', '/').rstrip('/').rpartition('/')[-1] or name
      axis.set_title(style.plain(f'{style.short(label)} ({style.short(file)})'))
    for unused in axes.flat[len(maps) :]:
      unused.set_visible(False)
    for column in range(columns):
      last = (len(maps) - 1 - column) // columns
      axes[last, column].set_xlabel('time, s')
      axes[last, column].tick_params(labelbottom=True)
    for axis in axes[:, 0]:
      axis.set_ylabel(coefficient_name)
    figure.colorbar(
      image, ax=axes, shrink=0.6, label='value', pad=0.01, extend='both'
    )
    style.save(figure, path)
