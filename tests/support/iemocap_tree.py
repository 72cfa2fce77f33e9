"""A made-up tree of IEMOCAP's layout, with tones in the place of speech."""

from __future__ import annotations

import pathlib

import numpy as np

from sernet_jax.audio import reading
from sernet_jax.corpora.readers import iemocap

BASE_HZ = {'ang': 2000, 'hap': 1200, 'exc': 1300, 'neu': 500, 'sad': 250}
CODES = (*iemocap.LABELS, *iemocap.OTHER_LABELS)  # all eleven
HEADER = '% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n'


def put_turn(session: pathlib.Path, turn: str, label: str) -> str:
  """Writes the recording; returns the turn's block of the evaluation."""
  random = np.random.default_rng(sum(map(ord, turn)))
  time_s = np.arange(3600) / 16_000
  tone = np.sin(2 * np.pi * BASE_HZ.get(label, 800) * time_s)
  noisy = 0.3 * tone + 0.05 * random.normal(size=time_s.size)
  dialog = turn.rsplit('_', 1)[0]
  path = session / 'sentences/wav' / dialog / f'{turn}.wav'
  path.parent.mkdir(parents=True, exist_ok=True)
  reading.write_wav(path, noisy, 16_000)
  return (
    f'[6.2901 - 8.2357]\t{turn}\t{label}\t[2.5000, 2.5000, 2.5000]\n'
    'C-E2:\tNeutral;\t()\nC-F1:\tNeutral;\t(curious)\n'
    'A-E3:\tval 3; act 2; dom  2;\t()\nA-M1:\tval 3; act 3; dom  3;\t()\n\n'
  )


def put_alignment(
  root: pathlib.Path, turn: str, phonemes: str, total: int = -9_000
) -> pathlib.Path:
  """Writes the alignment of a turn as CMU Sphinx does, each of 10 frames."""
  dialog = turn.rsplit('_', 1)[0]
  place = root / f'Session{int(turn[3:5])}' / 'sentences/ForcedAlignment'
  path = place / dialog / f'{turn}.phseg'
  path.parent.mkdir(parents=True, exist_ok=True)
  lines = ['\t SFrm  EFrm    SegAScr Phone']
  for number, symbol in enumerate(phonemes.split()):
    # Phonemes within words stand with their neighbours.
    context = ' SIL SIL s' if symbol.isalpha() and symbol != 'SIL' else ''
    lines.append(
      f'\t{10 * number:5d} {10 * number + 9:5d} {-500 - number:10d} '
      f'{symbol}{context}'
    )
  path.write_text('\n'.join([*lines, f' Total score: {total:10d}', '']))
  return path


def put_dialog(root: pathlib.Path, dialog: str) -> None:
  """A dialog of both actors with every label, and what lies around it."""
  session = root / f'Session{int(dialog[3:5])}'
  blocks = [
    put_turn(session, f'{dialog}_{letter}{number:03}', label)
    for letter in 'FM'
    for number, label in enumerate(CODES)
  ]
  place = session / 'dialog/EmoEvaluation'
  for folder in ('Categorical', 'Attribute', 'Self-evaluation'):
    (place / folder).mkdir(parents=True, exist_ok=True)
    other = place / folder / f'{dialog}_e2_cat.txt'
    other.write_text(f'{dialog}_F000 :Neutral; ()\n')
  (place / f'{dialog}.txt').write_text(HEADER + ''.join(blocks))
  (place / f'._{dialog}.txt').write_bytes(b'\0\5\x16\7')
  transcript = session / 'dialog/transcriptions' / f'{dialog}.txt'
  transcript.parent.mkdir(exist_ok=True)
  transcript.write_text(f'{dialog}_F000 [006.2901-008.2357]: Excuse me.\n')
