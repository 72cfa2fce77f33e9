"""Corpora by the names of their files: the conventions and their odd cases."""

from __future__ import annotations

import collections
import re

import pytest

from sernet_jax.common.errors import InputError
from sernet_jax.corpora import registry
from sernet_jax.corpora.readers import (
  acted_english,
  acted_other_languages,
  emozionalmente,
  openly_licensed,
)

PUBLISHED = {
  name: entry.published
  for name, entry in registry.CORPORA.items()
  if entry.published
}


def put(root, *names):
  """Empty files: their names say all."""
  for name in names:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def whole_ravdess():
  for actor in range(1, 25):
    for emotion in range(1, 9):
      for strength in (1,) if emotion == 1 else (1, 2):
        for statement in (1, 2):
          for take in (1, 2):
            yield (
              f'Actor_{actor:02}/03-01-{emotion:02}-{strength:02}-'
              f'{statement:02}-{take:02}-{actor:02}.wav'
            )


def whole_savee():
  for speaker in acted_english.SAVEE_SPEAKERS:
    for emotion in acted_english.SAVEE_LABELS:
      for number in range(1, 31 if emotion == 'n' else 16):
        yield f'AudioData/{speaker}/{emotion}{number:02}.wav'


def whole_emovo():
  sentences = [
    'b1',
    'b2',
    'b3',
    'l1',
    'l2',
    'l3',
    'l4',
    'n1',
    'n2',
    'n3',
    'n4',
    'n5',
    'd1',
    'd2',
  ]
  for speaker in ('f1', 'f2', 'f3', 'm1', 'm2', 'm3'):
    for emotion in acted_other_languages.EMOVO_LABELS:
      for sentence in sentences:
        yield f'EMOVO/{speaker}/{emotion}-{speaker}-{sentence}.wav'


def whole_tess():
  folders = [
    'angry',
    'disgust',
    'fear',
    'happy',
    'neutral',
    'Pleasant_surprise',
    'Sad',
  ]
  for speaker in ('OAF', 'YAF'):
    for folder, emotion in zip(folders, acted_english.TESS_LABELS, strict=True):
      for word in range(200):
        name = (
          f'{speaker}_{chr(97 + word // 26)}{chr(97 + word % 26)}_{emotion}'
        )
        if name == 'OAF_cc_neutral':  # as OA_bite_neutral is named
          name = 'OA_cc_neutral'
        yield f'TESS/{speaker}_{folder}/{name}.wav'


@pytest.mark.parametrize(
  ('name', 'files'),
  [
    ('ravdess', whole_ravdess),
    ('savee', whole_savee),
    ('emovo', whole_emovo),
    ('tess', whole_tess),
  ],
)
def test_a_whole_corpus_has_the_published_counts(tmp_path, name, files):
  put(tmp_path, *files())
  corpus = registry.load(name, tmp_path)
  facts = PUBLISHED[name]
  assert corpus.problems == ()
  (remark,) = corpus.remarks
  assert remark.startswith(f'{facts.utterances} utterances')
  assert len(corpus.speakers) == facts.speakers
  counts = collections.Counter(u.label for u in corpus.utterances)
  assert dict(counts) == facts.classes


def test_ravdess_leaves_songs_and_videos_out(tmp_path):
  put(
    tmp_path,
    'Actor_02/03-01-06-01-02-01-02.wav',
    'Actor_02/03-02-06-01-02-01-02.wav',  # a song
    'Actor_02/01-01-06-01-02-01-02.wav',  # the sound of a video
    'Actor_02/03-01-09-01-02-01-02.wav',  # no such emotion
    'Actor_02/03-01-05-01-02-01-25.wav',  # no such actor
    'Actor_02/._03-01-05-01-02-01-02.wav',
    '__MACOSX/Actor_02/03-01-05-01-02-01-02.wav',
    'copy/Actor_02/03-01-06-01-02-01-02.WAV',
    'Actor_02/03-01-01-01-01-02-02.wav',
  )
  corpus = acted_english.ravdess(tmp_path)
  assert [(u.label, u.speaker, u.group) for u in corpus.utterances] == [
    ('neutral', '02', '01'),
    ('fear', '02', '02'),
  ]
  problems = ' '.join(corpus.problems)
  assert '1 recordings are songs' in problems
  assert '1 recordings belong to videos' in problems
  assert '2 recordings are not named like ravdess' in problems
  assert '1 recordings are duplicates' in problems
  assert 'fear 1 of 192' in problems
  assert 'speakers 1 of 24' in problems
  assert corpus.remarks == ()


def test_cremad_reads_the_level_with_one_x(tmp_path):
  put(
    tmp_path / 'AudioWAV',
    '1001_DFA_ANG_XX.wav',
    '1040_ITH_SAD_X.wav',
    '1091_IEO_NEU_HI.wav',
    '1091_IEO_JOY_HI.wav',
  )
  corpus = acted_english.cremad(tmp_path)
  assert [(u.name, u.label, u.speaker, u.group) for u in corpus.utterances] == [
    ('1001_DFA_ANG_XX', 'anger', '1001', 'DFA'),
    ('1040_ITH_SAD_X', 'sadness', '1040', 'ITH'),
    ('1091_IEO_NEU_HI', 'neutral', '1091', 'IEO'),
  ]
  assert '1 recordings are not named like cremad' in corpus.problems[0]


def test_savee_in_one_folder_or_in_four(tmp_path):
  put(tmp_path / 'one', 'DC_sa01.wav', 'KL_su15.wav', 'XY_a01.wav')
  put(tmp_path / 'four', 'DC/sa01.wav', 'KL/su15.wav', 'more/a01.wav')
  one, four = (
    acted_english.savee(tmp_path / 'one'),
    acted_english.savee(tmp_path / 'four'),
  )
  for corpus in (one, four):
    assert [(u.name, u.label, u.speaker) for u in corpus.utterances] == [
      ('DC_sa01', 'sadness', 'DC'),
      ('KL_su15', 'surprise', 'KL'),
    ]
    assert 'not named like savee' in corpus.problems[0]


def test_tess_by_file_names_alone(tmp_path):
  put(
    tmp_path,
    'OAF_neutral/OA_bite_neutral.wav',
    'YAF_pleasant_surprised/YAF_back_ps.wav',
    'OAF_Pleasant_surprise/OAF_back_ps.wav',
    'TESS Toronto emotional speech set data/OAF_Sad/OAF_back_sad.wav',
    'copy/TESS Toronto emotional speech set data/OAF_Sad/OAF_back_sad.wav',
    'OAF_Sad/OAF_back_gloomy.wav',
  )
  corpus = acted_english.tess(tmp_path)
  assert [(u.name, u.label, u.speaker, u.group) for u in corpus.utterances] == [
    ('OAF_back_ps', 'surprise', 'OAF', 'back'),
    ('OAF_back_sad', 'sadness', 'OAF', 'back'),
    ('OAF_bite_neutral', 'neutral', 'OAF', 'bite'),
    ('YAF_back_ps', 'surprise', 'YAF', 'back'),
  ]
  assert '1 recordings are duplicates' in corpus.problems[0]


def test_shemo_tells_the_woman_f_from_the_fear_f(tmp_path):
  put(tmp_path, 'female/F14A09.wav', 'male/M02F01.wav', 'female/F03F110.wav')
  corpus = acted_other_languages.shemo(tmp_path)
  assert [(u.speaker, u.label) for u in corpus.utterances] == [
    ('F03', 'fear'),
    ('F14', 'anger'),
    ('M02', 'fear'),
  ]


def put_nemo(root, rows):
  head = 'file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage'
  lines = [
    f'{name}\t{emotion}\t„Ród "smoka”\tród\t        {speaker}\tmale\t23'
    for name, emotion, speaker in rows
  ]
  (root / 'data.tsv').write_text('\n'.join([head, *lines]) + '\n', 'utf-8')


def test_nemo_follows_its_list(tmp_path):
  rows = [
    ('WR0_surprised_64.wav', 'surprised', 'WR0'),
    ('EB0_neutral_13.wav', 'neutral', 'EB0'),
    ('EB0_fear_1.wav', 'fear', 'EB0'),  # no recording
    ('EB0_joy_1.wav', 'joy', 'EB0'),  # no such emotion
  ]
  put_nemo(tmp_path, rows)
  put(
    tmp_path / 'samples', *(name for name, _, _ in rows if 'fear' not in name)
  )
  corpus = acted_other_languages.nemo(tmp_path)
  assert [(u.speaker, u.label, u.group) for u in corpus.utterances] == [
    ('EB0', 'neutral', '13'),
    ('WR0', 'surprise', '64'),  # the blanks in the list are gone
  ]
  problems = ' '.join(corpus.problems)
  assert '1 recordings of data.tsv are missing: EB0_fear_1.wav' in problems
  assert 'lines of data.tsv could not be understood: line 5' in problems
  assert 'EB0_joy_1.wav' in problems


def test_nemo_without_its_list_or_with_another(tmp_path):
  with pytest.raises(InputError, match=r'no recordings of nemo.*github'):
    acted_other_languages.nemo(tmp_path)
  (tmp_path / 'data.tsv').write_text('file\temotion\n')
  with pytest.raises(InputError, match='no column file_id, speaker_id; take'):
    acted_other_languages.nemo(tmp_path)
  # More than a cell of the reader of tables may have.
  head = 'file_id\temotion\tspeaker_id\n'
  (tmp_path / 'data.tsv').write_text(head + 'x' * (1 << 18))
  with pytest.raises(InputError, match=r'data.tsv cannot be read .*take the'):
    acted_other_languages.nemo(tmp_path)


@pytest.mark.parametrize('root', ['samples', '.', 'nemo/samples', 'nemo'])
def test_nemo_by_its_names_alone(tmp_path, root):
  put(
    tmp_path / root, 'SB0_anger_1.wav', 'WR0_surprised_64.wav', 'WR0_joy_1.wav'
  )
  for folder in (tmp_path / root, tmp_path):
    corpus = acted_other_languages.nemo(folder)
    assert [(u.speaker, u.label, u.text) for u in corpus.utterances] == [
      ('SB0', 'anger', '1'),
      ('WR0', 'surprise', '64'),
    ]
    assert '1 recordings are not named like nemo' in corpus.problems[0]


def test_nemo_finds_its_list_beside_and_below(tmp_path):
  (tmp_path / 'nEMO').mkdir()
  put_nemo(tmp_path / 'nEMO', [('WR0_surprised_64.wav', 'fear', 'SB0')])
  put(tmp_path / 'nEMO/samples', 'WR0_surprised_64.wav')
  for folder in ('nEMO/samples', 'nEMO', '.'):
    (utterance,) = acted_other_languages.nemo(tmp_path / folder).utterances
    assert (utterance.label, utterance.speaker) == ('fear', 'SB0')


@pytest.mark.parametrize('name', sorted(set(PUBLISHED) - {'emodb', 'iemocap'}))
def test_an_empty_folder_says_where_to_get_the_corpus(
  tmp_path, monkeypatch, name
):
  monkeypatch.setenv('SERNET_CACHE', str(tmp_path))
  for root in ('', tmp_path / 'nowhere'):
    with pytest.raises(InputError) as caught:
      registry.load(name, root)
    message = str(caught.value)
    assert PUBLISHED[name].source in message
    assert '--config.data.root=' in message
    assert str(root or tmp_path / name) in message
  put(tmp_path, 'other.wav')
  words = r'1 have other names, such as other|has no metadata/samples\.csv'
  with pytest.raises(InputError, match=words):
    registry.load(name, tmp_path)


def test_a_class_without_a_recording_is_an_error(tmp_path):
  put(tmp_path, 'F14A09.wav', 'M02F01.wav')
  with pytest.raises(InputError, match="no utterance of class 'happiness'"):
    registry.load('shemo', tmp_path)


def test_every_source_and_count_is_in_its_docstring():
  for module, entries in (
    (acted_english, acted_english.ENTRIES),
    (acted_other_languages, acted_other_languages.ENTRIES),
    (openly_licensed, openly_licensed.ENTRIES),
    (emozionalmente, [emozionalmente.ENTRY]),
  ):
    for entry in entries:
      text = re.sub(r'\s+', ' ', getattr(module, entry.name).__doc__)
      assert entry.published.source in text
      assert str(entry.published.utterances) in text
