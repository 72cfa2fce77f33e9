r"""Speakers from the paths of recordings, for corpora that do not name them.

`config.data.speaker_from` says how:

  folder          the folder that holds the recording
  ([^/]*)_        a regular expression; its first group, where it first fits
                  in the path from the list or the folder of the corpus
  unknown         nobody knows: only protocols that mix speakers may be used
"""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable

from sernet_jax.common.errors import InputError, require
from sernet_jax.corpora.utterances import UNKNOWN_SPEAKER

REMARK = (
  'Speakers are unknown, so only protocols that mix them can be used, and '
  'their figures hold for voices that were trained on.'
)


def finder(way: str) -> Callable[[str, str], str]:
  """Returns a function from the path of a recording to its speaker.

  It takes the path as it is written, with /, and the whole path, and returns
  '' where they do not say it.

  Args:
    way: `config.data.speaker_from`.

  Raises:
    InputError: if `way` is neither a known word nor a regular expression with
      a group.
  """
  if way == 'unknown':
    return lambda written, whole: UNKNOWN_SPEAKER
  if way == 'folder':
    return lambda written, whole: pathlib.PurePath(whole).parent.name
  try:
    pattern = re.compile(way)
  except re.error as error:
    raise InputError(
      f'data.speaker_from is {way!r}, which is not a regular expression '
      f"({error}); give 'folder', 'unknown' or one such as '([^/]*)_'"
    ) from error
  require(
    pattern.groups >= 1,
    f'data.speaker_from is {way!r}, which has no group in brackets for the '
    "speaker; give 'folder', 'unknown' or one such as '([^/]*)_'",
  )

  def find(written: str, whole: str) -> str:
    del whole  # where the corpus lies says nothing
    match = pattern.search(written)
    return (match[1] or '').strip() if match else ''

  return find
