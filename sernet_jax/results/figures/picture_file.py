"""The file of a picture: its format by its name, and what it may replace.

Loads no matplotlib, so that a command can refuse a path before it works.
"""

from __future__ import annotations

import pathlib

from sernet_jax.common import files
from sernet_jax.common.errors import require

FORMATS = ('.png', '.pdf', '.svg')
# How a file of each begins; an SVG may begin with a declaration and comments.
_STARTS = (b'\x89PNG\r\n\x1a\n', b'%PDF-')


def kind(path: pathlib.Path, cure: files.Cure = files.NO_OPTION) -> str:
  """Returns 'png', 'pdf' or 'svg'; `InputError` for any other name."""
  suffix = path.suffix.lower()
  require(
    suffix in FORMATS,
    f'{path} does not name a picture; {cure.elsewhere} that ends in '
    f'{", ".join(FORMATS)}',
  )
  return suffix[1:]


def check(path: pathlib.Path, cure: files.Cure = files.NO_OPTION) -> None:
  """Refuses a path that no picture should be written to.

  Args:
    path: that a picture is going to be written to.
    cure: for the error.

  Raises:
    InputError: if its name is none of a picture, or if it holds something
      else than a picture.
  """
  kind(path, cure)
  head = files.head(path, 'a picture', cure)
  is_svg = head.lstrip().startswith((b'<?xml', b'<svg', b'<!')) and (
    b'<svg' in head
  )
  require(
    not head or head.startswith(_STARTS) or is_svg,
    f'{path} is there and holds no picture, so it is not overwritten; '
    f'{cure.elsewhere}',
  )
