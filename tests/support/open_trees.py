"""Names of the files of openly licensed corpora, whole, and a list."""

from __future__ import annotations

import csv
import itertools

from sernet_jax.corpora.readers import openly_licensed


def whole_jl():
  for speaker, emotion, number, session, take in itertools.product(
    ('female1', 'female2', 'male1', 'male2'),
    (*openly_licensed.JL_LABELS, *openly_licensed.JL_SECONDARY),
    range(1, 16),
    'ab',
    (1, 2),
  ):
    yield f'Raw JL corpus/JL(wav+txt)/{speaker}_{emotion}_{number}{session}_{take}.wav'


def whole_subesco():
  for sex, number, text, emotion, take in itertools.product(
    'FM',
    range(1, 11),
    range(1, 11),
    openly_licensed.SUBESCO_LABELS,
    range(1, 6),
  ):
    name = f'{sex}_{number:02}_NAME_S_{text}_{emotion}_{take}'
    if name == 'F_02_NAME_S_2_SURPRISE_3':  # as one in the archive is named
      name += ']'
    yield f'SUBESCO/{name}.wav'


def whole_mesd():
  for emotion, voice, words, number in itertools.product(
    ('Anger', 'Disgust', 'Fear', 'Happiness', 'Neutral', 'Sadness'),
    'FMC',
    'AB',
    range(24),
  ):
    yield f'MESD/{emotion}_{voice}_{words}_word {number}.wav'


def whole_emouerj():
  counts = {'a': 94, 'h': 91, 'n': 92, 's': 100}
  speakers = [f'{sex}0{number}' for sex in 'mw' for number in range(1, 5)]
  for letter, count in counts.items():
    for index in range(count):
      yield f'{speakers[index % 8]}{letter}{index // 8 + 1:02}.wav'


WHOLE = {
  'jl': whole_jl,
  'subesco': whole_subesco,
  'mesd': whole_mesd,
  'emouerj': whole_emouerj,
}


def write_samples(root, rows, columns=None):
  (root / 'metadata').mkdir(parents=True)
  with (root / 'metadata/samples.csv').open('w', newline='') as file:
    writer = csv.writer(file)
    writer.writerow(
      columns or ['id', 'file_name', 'actor', 'emotion_expressed', 'sentence']
    )
    writer.writerows(rows)
