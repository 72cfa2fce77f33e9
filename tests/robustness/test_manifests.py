"""Damaged manifests: read as they are meant, or refused in a sentence."""

from __future__ import annotations

import pathlib
import random

import mutations
import pytest
from recordings import put_wav

from sernet_jax.corpora.readers import manifest

FILES = ('a.wav', 'b b.wav', 'ü.wav', 'sub/d.wav')
ROWS = (
  ('path', 'label', 'speaker', 'group', 'text'),
  ('a.wav', 'joy', 'ann', 'g1', 's1'),
  ('b b.wav', 'grief', 'bob', '', 's2'),
  ('ü.wav', 'joy', 'bob', 'g2', ''),
  ('sub/d.wav', 'grief', 'ann', '', ''),
)
# Cells that tables of other people hold.
CELLS = (
  *('', ' ', 'joy', 'Joy', 'ann', 'NaN', '=1+1', '1e308', '-', '"', "'", '""'),
  *('../outside.wav', '/etc/passwd', '/dev/zero', 'a.wav', 'A.WAV', './a.wav'),
  *('C:\\x\\a.wav', 'sub', 'sub\\d.wav', 'u\u0308.wav', 'x' * 5000, '\x1b[2J'),
  *('a\x00b', '\u202egnp.wav', 'http://example.org/a.wav', 'path', 'label'),
)
SEPARATORS = (',', ';', '\t', '|')
CODES = ('utf-8', 'utf-8-sig', 'utf-16', 'latin-1', 'cp1252')


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  """A folder with recordings, beside a file that is not the manifest's."""
  path = tmp_path_factory.mktemp('place') / 'corpus'
  for name in FILES:
    put_wav(path / name)
  put_wav(path.parent / 'outside.wav')
  return path


def table(rows, dice) -> bytes:
  """A table whose cells, columns, rows or writing are changed."""
  rows = [list(row) for row in rows]
  for _ in range(dice.choice((1, 1, 2, 5))):
    row = dice.randrange(len(rows))
    how = dice.randrange(6)
    if how == 0:
      rows[row][dice.randrange(len(rows[row]))] = dice.choice(CELLS)
    elif how == 1:
      rows.insert(row, list(dice.choice(rows)))
    elif how == 2 and len(rows) > 1:
      del rows[row]
    elif how == 3:
      rows[row].append(dice.choice(CELLS))
    elif how == 4 and len(rows[row]) > 1:
      del rows[row][dice.randrange(len(rows[row]))]
    else:
      column = dice.randrange(3)
      for each in rows:
        each[column:column] = [dice.choice(CELLS)]
  separator = dice.choice(SEPARATORS)
  end = dice.choice(('\n', '\r\n', '\r'))
  return end.join(map(separator.join, rows)).encode(
    dice.choice(CODES), 'ignore'
  )


def read(path):
  """Reads a manifest; what it gives must make sense."""
  corpus = manifest.manifest(path)
  assert len(corpus.classes) >= 2 and len(corpus.utterances) >= 2
  assert {u.label for u in corpus.utterances} == set(corpus.classes)
  for utterance in corpus.utterances:
    assert utterance.label.strip() and utterance.speaker.strip()
    assert pathlib.Path(utterance.path).is_file()
  assert len({u.path for u in corpus.utterances}) == len(corpus.utterances)


def test_damaged_manifests_are_refused_in_a_sentence(folder):
  path = folder / 'list.csv'
  whole = '\n'.join(map(','.join, ROWS)).encode()
  before = {p: p.read_bytes() for p in folder.parent.rglob('*.wav')}
  dice = random.Random(1000)
  counts = mutations.Counts()
  for number in range(mutations.how_many(200, large=1000)):
    if number % 3 == 0:
      changed = mutations.of_bytes(whole, dice)
    else:
      changed = table(ROWS, dice)
    path.write_bytes(changed)
    counts.attempt((number, changed[:300]), lambda: read(path))
  path.unlink()
  assert {p: p.read_bytes() for p in folder.parent.rglob('*.wav')} == before
  counts.finish('manifests')


def test_the_undamaged_manifest_is_read(folder):
  path = folder / 'whole.csv'
  path.write_text('\n'.join(map(','.join, ROWS)), encoding='utf-8')
  read(path)
  path.unlink()
