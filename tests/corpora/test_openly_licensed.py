"""Openly licensed corpora on made-up trees: their names and odd cases."""

from __future__ import annotations

import collections

import pytest
from open_trees import WHOLE, write_samples

from sernet_jax.common.errors import InputError
from sernet_jax.corpora import protocols, registry
from sernet_jax.corpora.protocols import ProtocolSpec
from sernet_jax.corpora.readers import emozionalmente, openly_licensed


def put(root, names):
  """Empty files: their names say all."""
  for name in names:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


@pytest.mark.parametrize('name', WHOLE)
def test_a_whole_corpus_has_the_published_counts(tmp_path, name):
  put(tmp_path, WHOLE[name]())
  corpus = registry.load(name, tmp_path)
  facts = registry.CORPORA[name].published
  assert corpus.problems == (
    ('1200 recordings have a secondary emotion and were left out.',)
    if name == 'jl'
    else ()
  )
  assert len(corpus.remarks) == 1
  counts = collections.Counter(u.label for u in corpus.utterances)
  assert dict(counts) == facts.classes
  assert len(corpus.speakers) == facts.speakers
  assert all(u.text for u in corpus.utterances) == (name != 'emouerj')


def test_what_a_name_says(tmp_path):
  put(
    tmp_path,
    [
      'jl/female2_sad_10a_1.wav',
      'jl/male1_anxious_10a_1.wav',
      'jl/male3_sad_10a_1.wav',
      'subesco/F_02_MONIKA_S_10_HAPPY_5.wav',
      'subesco/F_02_MONIKA_S_2_SURPRISE_3].wav',
      'mesd/Fear_C_B_ahorcado.wav',
      'mesd/Joy_C_B_ahorcado.wav',
      'emouerj/w04a11.wav',
      'emouerj/w05a11.wav',
      'oreau/OréauFR_02/f/sessc/02b03Ta.wav',
      'oreau/OréauFR_01/f/sessc/02b03Ta.wav',
      'oreau/OréauFR_01/m/sessc/31a10C.wav',
    ],
  )

  def read(function, name):
    corpus = function(tmp_path / name)
    return [(u.label, u.speaker, u.text) for u in corpus.utterances], ' '.join(
      corpus.problems
    )

  found, problems = read(openly_licensed.jl, 'jl')
  assert found == [('sadness', 'female2', '10a')]
  assert '1 recordings have a secondary emotion' in problems
  assert 'not named like jl and were left out: male3_sad' in problems
  found, _ = read(openly_licensed.subesco, 'subesco')
  assert found == [('happiness', 'F_02', '10'), ('surprise', 'F_02', '2')]
  found, problems = read(openly_licensed.mesd, 'mesd')
  assert found == [('fear', 'children', 'ahorcado')]
  assert 'Joy_C_B' in problems
  found, problems = read(openly_licensed.emouerj, 'emouerj')
  assert found == [('anger', 'w04', '')]
  assert 'w05a11' in problems
  found, problems = read(openly_licensed.oreau, 'oreau')
  assert found == [('sadness', '02', 'b03'), ('anger', '31', 'a10')]
  assert '1 recordings are duplicates' in problems
  assert 'holds 2 recordings of 2 speakers, the whole corpus has 502 of 32' in (
    problems
  )


def test_oreau_whole_is_as_published(tmp_path):
  names = [
    f'OréauFR_01/m/s/{i % 32 + 1:02}t{i // 32:02}{"CDJNPST"[i % 7]}a.wav'
    for i in range(502)
  ]
  put(tmp_path, names)
  corpus = registry.load('oreau', tmp_path)
  assert corpus.problems == ()
  assert corpus.remarks == ('502 utterances and 32 speakers are as published.',)


def test_mesd_leaves_out_kinds_of_voices(tmp_path):
  put(tmp_path, WHOLE['mesd']())
  corpus = registry.load('mesd', tmp_path)
  folds = protocols.make(corpus, ProtocolSpec('loso'))
  assert [fold.name for fold in folds] == ['children', 'men', 'women']


def test_emozionalmente_follows_its_list(tmp_path):
  root = tmp_path / 'emozionalmente'
  rows = [
    [1, '1.wav', 'anna', 'joy', 'Vorrei, forse, dormire.'],
    [2, '2.wav', 'bruno', 'neutrality', 'Piove.'],
    [3, '3.wav', 'bruno', 'awe', 'Piove.'],
    [4, '4.wav', 'bruno', 'fear', 'Piove.'],  # no recording
  ]
  write_samples(root, rows)
  put(root / 'audio', ['1.wav', '2.wav', '3.wav', '9.wav'])
  for folder in (root, tmp_path):
    corpus = emozionalmente.emozionalmente(folder)
    assert [(u.label, u.speaker, u.text) for u in corpus.utterances] == [
      ('happiness', 'anna', 's02'),
      ('neutral', 'bruno', 's01'),
    ]
    assert (
      '2 recordings are not named like emozionalmente' in (corpus.problems[0])
    )


def test_emozionalmente_with_another_list(tmp_path):
  write_samples(tmp_path, [], ['file', 'actor'])
  with pytest.raises(InputError, match=r'no column file_name, emotion_expr'):
    emozionalmente.emozionalmente(tmp_path)
  # Lines that are cut short name no recording.
  path = tmp_path / 'metadata/samples.csv'
  path.write_text('actor,file_name,emotion_expressed,sentence\nanna\n')
  put(tmp_path / 'audio', ['1.wav'])
  with pytest.raises(InputError, match='1 have other names, such as audio/1'):
    emozionalmente.emozionalmente(tmp_path)
  with pytest.raises(InputError, match=r'audio has no metadata/samples\.csv'):
    emozionalmente.emozionalmente(tmp_path / 'audio')
  path.write_bytes(b'\xff\xfe')
  with pytest.raises(InputError, match=r'samples.csv cannot be read.*zenodo'):
    emozionalmente.emozionalmente(tmp_path)
