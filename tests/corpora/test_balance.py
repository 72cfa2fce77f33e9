"""Part of a corpus, in which no speaker and no corpus outweighs others."""

from __future__ import annotations

import collections
import itertools

import numpy as np
import pytest
import soundfile
import tiny
from open_trees import WHOLE, write_samples

from sernet_jax.common.errors import InputError
from sernet_jax.corpora.protocols.balance import limited
from sernet_jax.corpora.readers import emodb
from sernet_jax.corpora.specs import DataSpec
from sernet_jax.corpora.utterances import Corpus, Utterance
from sernet_jax.runs import config as config_lib
from sernet_jax.runs.data import load_corpus


def made(counts):
  """A corpus from {(corpus, speaker, label): utterances}."""
  utterances = [
    Utterance(f'{c}/{s}{label}{i:03}', '/no', label, s, corpus=c)
    for (c, s, label), count in counts.items()
    for i in range(count)
  ]
  utterances.sort(key=lambda u: u.name)
  return Corpus('made', tuple('wxyz'), tuple(utterances))


def count(corpus, *fields):
  return collections.Counter(
    tuple(getattr(u, field) for field in fields) for u in corpus.utterances
  )


def test_a_speaker_keeps_as_many_of_each_class_as_there_are():
  corpus = made({('', 'a', 'x'): 50, ('', 'a', 'y'): 3, ('', 'b', 'x'): 4})
  found = limited(corpus, most_per_speaker=10)
  assert count(found, 'speaker', 'label') == {
    ('a', 'x'): 7,
    ('a', 'y'): 3,
    ('b', 'x'): 4,
  }
  assert found.remarks == (
    '14 of 57 utterances take part: at most 10 of a speaker.',
  )
  assert found == limited(corpus, most_per_speaker=10)
  assert set(found.utterances) <= set(corpus.utterances)


def test_a_corpus_keeps_as_many_of_each_speaker_as_there_are():
  corpus = made(
    {
      ('one', 'a', 'x'): 50,
      ('one', 'b', 'x'): 50,
      ('one', 'c', 'y'): 2,
      ('two', 'd', 'x'): 5,
    }
  )
  found = limited(corpus, most_per_corpus=12)
  assert count(found, 'corpus', 'speaker') == {
    ('one', 'a'): 5,
    ('one', 'b'): 5,
    ('one', 'c'): 2,
    ('two', 'd'): 5,
  }
  both = limited(corpus, most_per_speaker=4, most_per_corpus=9)
  assert set(count(both, 'speaker').values()) == {2, 3, 4}
  assert count(both, 'corpus') == {('one',): 9, ('two',): 4}


@pytest.mark.parametrize(
  ('speakers', 'each', 'limits'),
  [
    (431, 2, {'most_per_speaker': 60, 'most_per_corpus': 1200}),
    (91, 12, {'most_per_corpus': 300}),
    (91, 12, {'most_per_corpus': 50}),
    (20, 10, {'most_per_speaker': 2}),
    (20, 10, {'most_per_speaker': 7}),
  ],
)
def test_a_corpus_keeps_as_many_of_each_class(speakers, each, limits):
  """Where speakers have more classes than they may give utterances."""
  names, classes = [f's{i:03}' for i in range(speakers)], 'wxyz'
  everything = itertools.product(['one'], names, classes)
  corpus = made(dict.fromkeys(everything, each))
  found = limited(corpus, **limits)
  total = min(
    limits.get('most_per_speaker', 60) * speakers,
    limits.get('most_per_corpus', 1200),
  )
  assert len(found.utterances) == total
  by_class = count(found, 'label').values()
  assert len(by_class) == 4
  assert max(by_class) - min(by_class) <= 2
  by_speaker, both = count(found, 'speaker'), count(found, 'speaker', 'label')
  them = [by_speaker[name,] for name in names]
  assert max(them) - min(them) <= 1
  for name in names:
    own = [both[name, label] for label in classes]
    assert max(own) - min(own) <= 1


def test_nothing_is_taken_away_without_need():
  corpus = made({('', 'a', 'x'): 5, ('', 'b', 'y'): 5})
  assert limited(corpus) is corpus
  assert limited(corpus, 5, 10) is corpus


@pytest.mark.parametrize('field', ['most_per_speaker', 'most_per_corpus'])
def test_limits_are_checked(field):
  with pytest.raises(InputError, match=f'data.{field} is -1; give 0 .*or more'):
    DataSpec(**{field: -1})


def test_all_openly_licensed_corpora_together(tmp_path):
  """configs/open.py on made-up trees, each file with a sound of its own."""
  steps = {'jl': 47, 'subesco': 97, 'mesd': 37, 'emouerj': 23}
  names = {name: list(files())[:: steps[name]] for name, files in WHOLE.items()}
  names['emodb'] = [
    f'wav/{speaker}a01{letter}a.wav'
    for speaker in emodb.SPEAKERS
    for letter in emodb.LABELS
  ]
  names['cremad'] = [
    f'{actor}_DFA_{code}_XX.wav'
    for actor in range(1001, 1008)
    for code in ('ANG', 'DIS', 'FEA', 'HAP', 'NEU', 'SAD')
  ]
  names['oreau'] = [
    f'{i % 9:02}t{i // 9:02}{"CDJNPST"[i % 7]}a.wav' for i in range(80)
  ]
  rows = [
    [f'{i}.wav', f'p{i % 9}', ('anger', 'joy', 'neutrality', 'sadness')[i % 4]]
    for i in range(40)
  ]
  rows += [['x.wav', 'p0', 'fear'], ['y.wav', 'p0', 'disgust']]
  rows.append(['z.wav', 'p0', 'surprise'])
  root = tmp_path / 'emozionalmente'
  write_samples(
    root,
    [[*row, 'Piove.'] for row in rows],
    ['file_name', 'actor', 'emotion_expressed', 'sentence'],
  )
  names['emozionalmente'] = [f'audio/{row[0]}' for row in rows]
  samples = np.arange(1, 3)
  for corpus, files in names.items():
    for file in files:
      path = tmp_path / corpus / file
      path.parent.mkdir(parents=True, exist_ok=True)
      samples = samples + 1
      soundfile.write(path, samples.astype(np.int16), 16_000)
  config = tiny.load_config('open')
  items = config.data.corpora.split(',')
  assert set(items) == set(names)
  config.data.corpora = ','.join(f'{name}:{tmp_path / name}' for name in items)
  config.data.cache_dir = str(tmp_path / 'cache')
  config.data.most_per_speaker = 4
  config.data.most_per_corpus = 15
  corpus = load_corpus(config_lib.experiment(config))
  assert corpus.classes == ('anger', 'happiness', 'neutral', 'sadness')
  by_corpus = count(corpus, 'corpus')
  assert set(by_corpus) == {(name,) for name in names}
  assert max(by_corpus.values()) == 15
  assert max(count(corpus, 'speaker').values()) == 4
  assert 'at most 4 of a speaker and at most 15 of a corpus' in ' '.join(
    corpus.remarks
  )
