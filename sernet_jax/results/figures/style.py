"""The look of all figures, and their way into a file.

Drawn without a window and without matplotlib's global state of "current"
figures, so that they can be made anywhere, in any order. The colors are those
of Okabe and Ito, which color-blind readers can tell apart.
"""

from __future__ import annotations

import io
import pathlib
import textwrap
import warnings
from typing import Any

from matplotlib import axes as mpl_axes, figure as mpl_figure

from sernet_jax.common import files
from sernet_jax.results.figures import picture_file

COLORS = {
  'train': '#0072B2',
  'validation': '#009E73',
  'test': '#D55E00',
  'wa': '#0072B2',
  'uar': '#E69F00',
}
GREY = '#6b6b6b'
DPI = 130
STYLE: dict[Any, Any] = {
  'font.family': 'DejaVu Sans',  # Comes with matplotlib: the same anywhere.
  'font.size': 9,
  'axes.titlesize': 10,
  'axes.titlelocation': 'left',
  'axes.spines.top': False,
  'axes.spines.right': False,
  'axes.edgecolor': GREY,
  'grid.color': '#e4e4e4',
  'grid.linewidth': 0.8,
  'axes.axisbelow': True,
  'xtick.color': GREY,
  'ytick.color': GREY,
  'xtick.labelcolor': 'black',
  'ytick.labelcolor': 'black',
  'legend.frameon': False,
}


def new_figure(
  width: float,
  height: float,
  title: str,
  subtitle: str,
  footer: str = '',
  note: str = '',
) -> mpl_figure.Figure:
  """Returns a figure with room for its axes below the title.

  Args:
    width: in inches.
    height: of the axes with their labels, in inches.
    title: in bold.
    subtitle: below the title, wrapped.
    footer: last line of the figure, such as what limits its data.
    note: one more line below the subtitle.
  """
  lines = textwrap.wrap(subtitle, int(14 * width))
  lines += [note] if note else []
  top, bottom = 0.5 + 0.18 * len(lines), 0.3 if footer else 0.05
  height += top + bottom
  figure = mpl_figure.Figure(figsize=(width, height), facecolor='white')
  figure.set_layout_engine(
    'constrained',
    rect=(0.01, bottom / height, 0.98, 1 - (top + bottom) / height),
  )
  left = 0.12 / width
  level = 1 - 0.12 / height
  figure.text(left, level, plain(title), va='top', size=13, weight='bold')
  for index, line in enumerate(lines):
    level = 1 - (0.4 + 0.18 * index) / height
    figure.text(left, level, plain(line), va='top', color=GREY)
  if footer:
    figure.text(left, 0.1 / height, footer, style='italic')
  return figure


def legend(figure: mpl_figure.Figure, axis: mpl_axes.Axes) -> None:
  """Puts all entries of `axis` in one line, right of the title."""
  width, height = figure.get_size_inches()
  figure.legend(
    *axis.get_legend_handles_labels(),
    loc='upper right',
    bbox_to_anchor=(1 - 0.1 / width, 1 - 0.03 / height),
    ncols=4,
  )


def short(name: str) -> str:
  """Returns a name cut to what a tick label has room for."""
  return name if len(name) <= 18 else f'{name[:17]}…'


def plain(text: str) -> str:
  """Returns text that is drawn as it is: dollar signs start no formula.

  Bytes of a name that are not text become question marks.
  """
  return files.as_text(str(text)).replace('$', r'\$')


def save(
  figure: mpl_figure.Figure,
  path: pathlib.Path,
  cure: files.Cure = files.NO_OPTION,
) -> None:
  """Writes a picture, whole or not at all, in the format of its name.

  Raises:
    InputError: if its name is none of a picture, something else is there, or
      it cannot be written, with the `cure`.
  """
  picture_file.check(path, cure)
  content = io.BytesIO()
  with warnings.catch_warnings():
    # Names in a script the font lacks are drawn as boxes; no need to tell.
    warnings.filterwarnings('ignore', message='Glyph .* missing from')
    figure.savefig(content, dpi=DPI, format=picture_file.kind(path, cure))
  files.write_bytes(path, content.getvalue(), cure)
