"""Phonemes of IEMOCAP, from the alignments that come with the corpus.

`SessionN/sentences/ForcedAlignment/DIALOG/TURN.phseg` is a table of CMU Sphinx:
first and last frame (10 ms), a score, the phoneme and, where it has any, its
neighbours; a line of titles before and one with the total behind.
"""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

from sernet_jax.common.errors import InputError
from sernet_jax.corpora.utterances import Utterance

# The 47 of the alignments, as many as Yenigalla et al. (2018) read.
_SOUNDS = (
  'AA AE AH AO AW AX AXR AY B CH D DD DH DX EH ER EY F G HH IH IX IY JH K KD L M '
  'N NG OW OY P R S SH T TD TH TS UH UW V W Y Z ZH'
)
SYMBOLS = tuple(_SOUNDS.split())
SILENT = ('SIL', '+BREATHING+', '+GARBAGE+', '+LAUGHTER+', '+LIPSMACK+')


def read(utterances: Sequence[Utterance]) -> list[tuple[str, ...]]:
  """Returns the phonemes of each turn; none where it has no alignment.

  Raises:
    InputError: if an alignment is not such a table.
  """
  return [_of_turn(pathlib.Path(u.path)) for u in utterances]


def _of_turn(recording: pathlib.Path) -> tuple[str, ...]:
  """Reads the alignment beside a recording, SessionN/sentences/wav/DIALOG/."""
  folder = recording.parents[2] / 'ForcedAlignment' / recording.parent.name
  path = folder / f'{recording.stem}.phseg'
  if not path.is_file():
    return ()
  found = []
  text = path.read_text(encoding='utf-8-sig', errors='replace')
  for number, line in enumerate(text.splitlines(), 1):
    words = line.split()
    if not words or words[0] in ('SFrm', 'Total'):
      continue
    if len(words) < 4 or not (words[0].isdigit() and words[1].isdigit()):
      raise InputError(
        f'{path}, line {number}, cannot be read as a line of an alignment (first frame, last '
        'frame, score, phoneme); take the file of the corpus, or set '
        'model.phonemes=0 to read sound alone'
      )
    found.append(words[3])
  return tuple(found)
