"""Numbers beside the classes: their scales, and where corpora have them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from recordings import put_wav

from sernet_jax.common.errors import InputError
from sernet_jax.corpora import dimensions, protocols, registry
from sernet_jax.corpora.dimensions import Dimension, Wanted
from sernet_jax.corpora.protocols import ProtocolSpec
from sernet_jax.corpora.readers import iemocap
from sernet_jax.corpora.specs import DataSpec


def test_names_and_scales_are_read():
  assert dimensions.parse('') == ()
  assert dimensions.parse(' arousal:1:5, valence ') == (
    Wanted('arousal', (1.0, 5.0)),
    Wanted('valence', None),
  )


@pytest.mark.parametrize(
  ('text', 'match'),
  [
    ('arousal:5:1', 'lower number first'),
    ('arousal:1', 'NAME:LEAST:GREATEST'),
    ('arousal:one:5', 'NAME:LEAST:GREATEST'),
    ('arousal:1:inf', 'give numbers'),
    ('arousal:-1e308:1e308', 'beyond what 32 bits tell apart'),
    ('arousal:0:1e-308', 'whose ends 32 bits do not tell apart'),
    ('arousal:100000000:100000001', 'whose ends 32 bits do not'),
    ('a b', 'no usable name'),
    ('1st', 'no usable name'),
    ('arousal,arousal', 'there already'),
    ('arousal,Arousal', 'there already'),
    ('Label', 'a column of another kind'),
    ('label', 'a column of another kind'),
  ],
)
def test_what_makes_no_sense_is_named(text, match):
  with pytest.raises(InputError, match=match):
    DataSpec(corpus='manifest', dimensions=text)


def test_dimensions_are_for_corpora_that_have_them():
  with pytest.raises(InputError, match=r'data\.dimensions .*does nothing here'):
    DataSpec(corpus='emodb', dimensions='arousal')
  with pytest.raises(InputError, match='several scales cannot be joined'):
    DataSpec(corpora='a.csv,b.csv', dimensions='arousal')


def test_a_scale_is_mapped_and_back():
  scale = Dimension('arousal', 1.0, 5.0)
  mapped = scale.to_unit([1, 3, 5, np.nan])
  np.testing.assert_array_equal(mapped, np.float32([-1, 0, 1, np.nan]))
  np.testing.assert_array_equal(
    scale.from_unit(mapped[:3]), np.float32([1, 3, 5])
  )


def test_a_scale_that_nobody_states_is_around_the_values():
  wanted = dimensions.parse('arousal,valence:0:10')
  values = [[1.2, 3.0], [4.4, 9.5], [math.nan, 4.0]]
  found, remarks = dimensions.settle(wanted, values)
  assert found == (Dimension('arousal', 1, 5), Dimension('valence', 0, 10))
  (remark,) = remarks
  assert 'scale of arousal is taken as 1 to 5' in remark
  known, remarks = dimensions.settle(wanted, values, {'arousal': (0, 7)})
  assert known[0] == Dimension('arousal', 0, 7)
  assert not remarks
  with pytest.raises(InputError, match='outside the scale of 2 to 7'):
    dimensions.settle(wanted, values, {'arousal': (2, 7)})
  with pytest.raises(InputError, match='2 values of 3 utterances, none diff'):
    dimensions.settle(wanted[:1], [[2.0], [2.0], [math.nan]])


ROWS = (
  ('a.wav', 'joy', 'ann', '4.5', '3'),
  ('b.wav', 'grief', 'ann', '1.25', ''),
  ('c.wav', 'joy', 'bob', '5', 'NaN'),
  ('d.wav', 'grief', 'bob', '2', '1'),
)


def write(folder, rows=ROWS, head='path,label,speaker,Arousal,act'):
  for row in rows:
    put_wav(folder / row[0])
  path = folder / 'mine.csv'
  path.write_text('\n'.join([head, *map(','.join, rows)]) + '\n')
  return path


def test_columns_of_a_manifest(tmp_path):
  corpus = registry.load(
    'manifest',
    manifest_path=write(tmp_path),
    columns='valence=act',
    dimensions='arousal:1:5,valence:1:3',
  )
  assert corpus.dimensions == (
    Dimension('arousal', 1, 5),
    Dimension('valence', 1, 3),
  )
  assert corpus.utterances[1].values[0] == 1.25
  assert math.isnan(corpus.utterances[1].values[1])
  np.testing.assert_array_equal(
    corpus.values,
    np.float32([[0.75, 1], [-0.875, np.nan], [1, np.nan], [-0.5, -1]]),
  )


def test_a_manifest_without_dimensions_is_as_before(tmp_path):
  corpus = registry.load('manifest', manifest_path=write(tmp_path))
  assert corpus.dimensions == ()
  assert {u.values for u in corpus.utterances} == {()}


@pytest.mark.parametrize('text', ['1e308', '-1e308', '1e16'])
def test_values_beyond_all_scales_are_refused_without_a_scale(tmp_path, text):
  rows = [('a.wav', 'joy', 'ann', text, ''), *ROWS[1:]]
  path = write(tmp_path, rows)
  with pytest.raises(InputError, match='which no scale has') as error:
    registry.load('manifest', manifest_path=path, dimensions='arousal')
  assert f'{path}' in str(error.value) and 'line 2' in str(error.value)


@pytest.mark.parametrize(
  ('text', 'match'),
  [
    ('high', r"line 2 has the arousal 'high', which is not a number"),
    ('"3,5"', r"line 2 has the arousal '3,5'.*a point for the comma"),
    ('6', r'line 2 has the arousal 6, outside its scale of 1 to 5'),
    ('inf', r"line 2 has the arousal 'inf', which is not a number"),
    ('1_0', r"line 2 has the arousal '1_0', which is not a number;"),
    ('-1e308', r"mine.csv.* line 2 has the arousal '-1e308', which no scale"),
  ],
)
def test_faults_of_a_column_are_named_by_line(tmp_path, text, match):
  rows = [('a.wav', 'joy', 'ann', text, ''), *ROWS[1:]]
  with pytest.raises(InputError, match=match):
    registry.load(
      'manifest',
      manifest_path=write(tmp_path, rows),
      dimensions='arousal:1:5',
    )


def test_a_fold_without_values_to_learn_from_is_refused(tmp_path):
  """Its outputs would be of random weights, and nobody would know."""
  rows = [
    (f'{speaker}{label}.wav', label, speaker, arousal, '')
    for speaker in ('ann', 'bob', 'cyd')
    for label, arousal in (('joy', '1'), ('sad', '2'))
  ]

  def folds(changed, name='loso'):
    lines = [(*row[:3], changed(*row), '') for row in rows]
    path = write(tmp_path, lines)
    corpus = registry.load(
      'manifest', manifest_path=path, dimensions='arousal:1:5'
    )
    return protocols.make(corpus, ProtocolSpec(name))

  def of_ann(path, label, speaker, value, _):
    return value if speaker == 'ann' else ''

  assert len(folds(lambda *row: row[3])) == 3
  match = "fold 'ann' of 'loso' trains on 0 values of arousal"
  with pytest.raises(InputError, match=match):
    folds(of_ann)
  with pytest.raises(InputError, match='trains on 4 values of arousal, none'):
    folds(lambda *row: row[3] if row[2] == 'ann' else '3')
  assert len(folds(of_ann, 'all')) == 1


def test_a_column_that_is_not_there_is_named(tmp_path):
  with pytest.raises(InputError, match=r'no column arousel \(did you mean'):
    registry.load(
      'manifest', manifest_path=write(tmp_path), dimensions='arousel:1:5'
    )


def test_iemocap_has_its_annotators_means(tmp_path):
  for session in range(1, 6):
    dialog = f'Ses0{session}F_impro01'
    folder = tmp_path / f'Session{session}'
    lines = []
    for letter in 'FM':
      for number, label in enumerate(('ang', 'hap', 'neu', 'sad')):
        turn = f'{dialog}_{letter}{number:03}'
        values = f'[{1 + number}.5000, 2.{session}000, 3.0000]'
        lines.append(f'[1.0 - 2.0]\t{turn}\t{label}\t{values}')
        put_wav(folder / 'sentences/wav' / dialog / f'{turn}.wav')
    path = folder / 'dialog/EmoEvaluation' / f'{dialog}.txt'
    path.parent.mkdir(parents=True)
    path.write_text('\n'.join(lines).replace('[4.5000, ', '[4.5000; '))
  corpus = registry.load(
    'iemocap', tmp_path, part='improvised', dimensions='arousal,valence'
  )
  assert corpus.dimensions == (
    Dimension('arousal', 1, 5),
    Dimension('valence', 1, 5),
  )
  by_name = {u.name: u for u in corpus.utterances}
  assert by_name['Ses02F_impro01_M001'].values == (2.2, 2.5)
  # Numbers that cannot be read are missing, the turn is not.
  assert all(map(math.isnan, by_name['Ses02F_impro01_M003'].values))
  with pytest.raises(InputError, match='not known: did you mean'):
    iemocap.iemocap(tmp_path, dimensions='arousel')
