"""Who said what with which emotion, read from folders and CSV files."""

from __future__ import annotations

import collections
import csv
import os
import pathlib

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from sernet_jax.audio import reading
from sernet_jax.common import files as files_lib
from sernet_jax.common.errors import InputError
from sernet_jax.corpora import registry
from sernet_jax.corpora.readers import emodb, iemocap, manifest
from sernet_jax.corpora.synthetic import speech
from sernet_jax.corpora.utterances import keep


def put_wav(path):
  """A recording of 10 ms."""
  path.parent.mkdir(parents=True, exist_ok=True)
  reading.write_wav(path, np.full(160, 0.1), 16_000)


# EMO-DB


@pytest.fixture
def emodb_root():
  root = pathlib.Path(
    os.environ.get('SERNET_EMODB') or files_lib.cache_dir() / 'emodb'
  )
  if not (root / 'wav').is_dir():
    pytest.skip('EMO-DB is absent: set SERNET_EMODB or download it')
  return root


def test_emodb_has_the_published_counts(emodb_root):
  corpus = registry.load('emodb', emodb_root)
  assert corpus.problems == ()
  assert len(corpus.utterances) == 535
  assert collections.Counter(u.label for u in corpus.utterances) == {
    'anger': 127,
    'boredom': 81,
    'disgust': 46,
    'fear': 69,
    'happiness': 71,
    'neutral': 79,
    'sadness': 62,
  }
  assert collections.Counter(u.speaker for u in corpus.utterances) == {
    '03': 49,
    '08': 58,
    '09': 43,
    '10': 38,
    '11': 55,
    '12': 35,
    '13': 61,
    '14': 69,
    '15': 56,
    '16': 71,
  }
  assert len({u.group for u in corpus.utterances}) == 10  # texts
  assert corpus.classes == tuple(sorted(corpus.classes))
  first = corpus.utterances[0]
  assert (first.name, first.label, first.speaker) == (
    '03a01Fa',
    'happiness',
    '03',
  )
  assert corpus.classes[corpus.labels[0]] == 'happiness'
  assert corpus == registry.load('emodb', emodb_root / 'wav')


def make_emodb(root, speakers=emodb.SPEAKERS, letters='WLEAFNT'):
  for speaker in speakers:
    for letter in letters:
      put_wav(root / 'wav' / f'{speaker}a01{letter}a.wav')


def test_emodb_says_that_it_is_not_whole(tmp_path):
  make_emodb(tmp_path)
  put_wav(tmp_path / 'wav/._03a01Fa.wav')  # macOS leaves such files
  corpus = registry.load('emodb', tmp_path)
  assert len(corpus.utterances) == 70
  (problem,) = corpus.problems
  assert '70 recordings' in problem
  assert '535' in problem


@pytest.mark.parametrize('root', ['nowhere', 'empty', ''])
def test_without_emodb_the_error_tells_how_to_get_it(
  tmp_path, monkeypatch, root
):
  monkeypatch.setenv('SERNET_CACHE', str(tmp_path))
  (tmp_path / 'empty/wav').mkdir(parents=True)
  with pytest.raises(InputError) as caught:
    registry.load('emodb', tmp_path / root if root else '')
  message = str(caught.value)
  assert str(tmp_path / (root or 'emodb')) in message
  assert 'python -m sernet_jax.download emodb' in message
  assert '--config.data.root=' in message


def test_an_unknown_emotion_letter_is_named(tmp_path):
  make_emodb(tmp_path)
  put_wav(tmp_path / 'wav/03a01Xa.wav')
  with pytest.raises(
    InputError, match=r"03a01Xa.wav has .* letter 'X'.*A fear"
  ):
    registry.load('emodb', tmp_path)


@pytest.mark.parametrize('name', ['03a01F', '3a01Fa', 'speech', '03a01Fa (1)'])
def test_a_name_that_does_not_fit_is_named(tmp_path, name):
  put_wav(tmp_path / f'{name}.wav')
  with pytest.raises(InputError, match='not named like an EMO-DB'):
    emodb.emodb(tmp_path)


def test_a_recording_that_comes_twice_is_an_error(tmp_path):
  put_wav(tmp_path / '03a01Fa.wav')
  put_wav(tmp_path / '03a01Fa.WAV')
  if len(list(tmp_path.iterdir())) < 2:
    pytest.skip('this file system takes both names for one')
  with pytest.raises(InputError, match='03a01Fa twice'):
    emodb.emodb(tmp_path)


@hypothesis.settings(deadline=None)
@hypothesis.given(
  st.from_regex(r'[0-9]{2}[a-z][0-9]{2}', fullmatch=True),
  st.sampled_from('WLEAFNT'),
  st.sampled_from('abcdef'),
)
def test_the_parts_of_an_emodb_name_come_back(start, letter, version):
  path = pathlib.Path(f'/x/{start}{letter}{version}.wav')
  utterance = emodb.parse(path)
  assert utterance.speaker + utterance.group == start
  assert utterance.label == emodb.LABELS[letter]


@hypothesis.settings(deadline=None)
@hypothesis.given(
  st.text(st.characters(exclude_characters='/\0', exclude_categories=['Cs']))
)
def test_any_file_name_is_understood_or_refused_in_words(stem):
  path = pathlib.Path('/x') / f'{stem}.wav'
  try:
    utterance = emodb.parse(path)
  except InputError as error:
    assert str(path) in str(error)
  else:
    assert utterance.label in emodb.LABELS.values()


@pytest.mark.parametrize(
  ('lost', 'words'),
  [
    ({'letters': 'WLAFNT'}, "class 'disgust'"),
    ({'speakers': emodb.SPEAKERS[:-1]}, "speaker '16'"),
  ],
)
def test_a_class_or_speaker_with_no_utterance_is_an_error(
  tmp_path, lost, words
):
  make_emodb(tmp_path, **lost)
  with pytest.raises(InputError, match=f'no utterance of {words};'):
    registry.load('emodb', tmp_path)


def test_keep_drops_bad_recordings_and_counts_them(tmp_path):
  make_emodb(tmp_path)
  corpus = emodb.emodb(tmp_path)
  skipped = {corpus.utterances[3].path: 'is silent'}
  kept = keep(corpus, skipped)
  assert len(kept.utterances) == 69
  assert corpus.utterances[3] not in kept.utterances
  assert '1 recordings could not be used.' in kept.problems
  assert keep(corpus, {}) is corpus


def test_keep_refuses_to_lose_a_class(tmp_path):
  make_emodb(tmp_path)
  corpus = emodb.emodb(tmp_path)
  skipped = [u.path for u in corpus.utterances if u.label == 'fear']
  with pytest.raises(InputError, match="no utterance of class 'fear'"):
    keep(corpus, skipped)


# IEMOCAP

EVALUATION = (
  '\ufeff% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\r\n'
  '\r\n'
  '[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]\r\n'
  'C-E2:\tNeutral;\t()\r\n'
  'C-F1:\tNeutral; Anger;\t(curious)\r\n'
  'A-E3:\tval 3; act 2; dom  2;\t()\r\n'
  'A-M1:\tval 3; act 3; dom  3;\t()\r\n'
  '\r\n'
  '[10.0100 - 11.3925]  Ses01F_impro01_M000  ANG  [2.5, 2.5, 2.5]\r\n'
  'somebody wrote here\r\n'
  '[12.0 - 13.0]\tSes01F_impro01_MXX0\texc\t[2.5, 2.5, 2.5]\r\n'
  '[14.0 - 15.0]\tSes01F_impro01_F001\r\n'
  '[15.0 - ]\tSes01F_impro01_F002\thap\t[2.5, 2.5, 2.5]\r\n'
)


def test_an_evaluation_file_is_read_with_its_odd_lines():
  turns, odd = iemocap.parse_evaluation(EVALUATION)
  assert turns == [
    iemocap.Turn('Ses01F_impro01_F000', 'neu', 'Ses01F'),
    iemocap.Turn('Ses01F_impro01_M000', 'ang', 'Ses01M'),
    iemocap.Turn('Ses01F_impro01_MXX0', 'exc', 'Ses01M'),
  ]
  assert odd == [10, 12, 13]


@hypothesis.settings(deadline=None)
@hypothesis.given(st.text())
def test_any_text_is_an_evaluation_file_of_something(text):
  turns, odd = iemocap.parse_evaluation(text)
  assert len(turns) + len(odd) <= len(text.splitlines())


_turns = st.builds(
  '{}_{}_{}{:03}'.format,
  st.sampled_from(['Ses01F', 'Ses03M', 'Ses05F']),
  st.sampled_from(['impro01', 'script02_2', 'impro05a']),
  st.sampled_from('FM'),
  st.integers(0, 999),
)
_labels = st.sampled_from([*iemocap.LABELS, *iemocap.OTHER_LABELS])
_lines = st.lists(
  st.one_of(
    st.tuples(_turns, _labels),
    st.sampled_from(['', '% comment', 'C-E1:\tAnger;\t()', 'A-M2:\tval 1;']),
  )
)


@hypothesis.settings(deadline=None)
@hypothesis.given(_lines, st.sampled_from(['\n', '\r\n']))
def test_turns_come_back_from_among_other_lines(lines, line_end):
  text = line_end.join(
    line
    if isinstance(line, str)
    else f'[1.5 - 2.25]\t{line[0]}\t{line[1]}\t[2.5, 2.5, 2.5]'
    for line in lines
  )
  turns, odd = iemocap.parse_evaluation(text)
  assert not odd
  expected = [line for line in lines if not isinstance(line, str)]
  assert [(turn.name, turn.label) for turn in turns] == expected
  for turn in turns:
    assert turn.speaker == turn.name[:5] + turn.name[-4]


def put_dialog(root, dialog, turns, recorded=True):
  """A dialog with turns {'F000': 'ang'}, in the layout of the corpus."""
  session = root / f'Session{int(dialog[3:5])}'
  lines = ['% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]', '']
  for number, (turn, label) in enumerate(turns.items()):
    lines.append(
      f'[{number}.0 - {number}.5]\t{dialog}_{turn}\t{label}\t[2, 2, 2]'
    )
    if recorded:
      put_wav(session / 'sentences/wav' / dialog / f'{dialog}_{turn}.wav')
  path = session / 'dialog/EmoEvaluation' / f'{dialog}.txt'
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_text('\n'.join(lines))


def make_iemocap(root):
  every = ('ang', 'hap', 'exc', 'neu', 'sad', 'fru')
  for session in range(1, 6):
    for dialog in (f'Ses0{session}F_impro01', f'Ses0{session}M_script01_1'):
      put_dialog(
        root,
        dialog,
        {
          f'{letter}{number:03}': label
          for letter in 'FM'
          for number, label in enumerate(every)
        },
      )


@pytest.mark.parametrize(
  ('part', 'excited', 'name', 'count', 'happy'),
  [
    ('all', None, 'iemocap-all', 100, 40),
    ('all', False, 'iemocap-all-without-excited', 80, 20),
    ('improvised', None, 'iemocap-improvised', 40, 10),
    ('improvised', True, 'iemocap-improvised-excited', 50, 20),
    ('scripted', None, 'iemocap-scripted', 50, 20),
  ],
)
def test_iemocap_parts_and_excited(tmp_path, part, excited, name, count, happy):
  make_iemocap(tmp_path)
  corpus = registry.load('iemocap', tmp_path, part=part, excited=excited)
  assert corpus.name == name
  assert corpus.classes == ('anger', 'happiness', 'neutral', 'sadness')
  assert len(corpus.utterances) == count
  assert sum(u.label == 'happiness' for u in corpus.utterances) == happy
  assert corpus.speakers == tuple(
    f'Ses0{session}{letter}' for session in range(1, 6) for letter in 'FM'
  )
  problem, *compared = corpus.problems
  assert 'turns have other labels' in problem
  assert 'fru' in problem
  assert bool(compared) == (name == 'iemocap-all')  # to what is published


def test_the_speaker_is_not_the_one_who_wore_the_markers(tmp_path):
  make_iemocap(tmp_path)
  corpus = iemocap.iemocap(tmp_path)
  of = {u.name: u for u in corpus.utterances}
  assert of['Ses01F_impro01_M000'].speaker == 'Ses01M'
  assert of['Ses01F_impro01_M000'].group == 'Ses01F_impro01'
  assert of['Ses01M_script01_1_F000'].speaker == 'Ses01F'


def test_iemocap_lists_what_it_left_out(tmp_path):
  make_iemocap(tmp_path)
  put_dialog(tmp_path, 'Ses01F_impro02', {'F000': 'ang'}, recorded=False)
  put_dialog(tmp_path, 'Ses01F_talk', {'F000': 'ang', 'M000': 'joy'})
  odd = tmp_path / 'Session1/dialog/EmoEvaluation/Ses01F_impro01.txt'
  odd.write_text(
    odd.read_text() + '\nwhat?\n[1 - 2]\tSes01F_impro01_F000\tsad\t[1, 1, 1]\n'
  )
  (odd.parent / '._Ses01F_impro01.txt').write_bytes(b'\0\1\2')
  corpus = iemocap.iemocap(tmp_path)
  problems = ' '.join(corpus.problems)
  assert '1 turns have no recording: Ses01F_impro02_F000.' in problems
  assert '1 turns have unknown labels: Ses01F_talk_M000 joy.' in problems
  assert '1 lines could not be understood: Ses01F_impro01.txt line' in problems
  assert '1 turns are listed again' in problems
  assert '1 dialogs are neither impro nor script: Ses01F_talk.' in problems
  of = {u.name: u for u in corpus.utterances}
  assert of['Ses01F_impro01_F000'].label == 'anger'
  assert of['Ses01F_talk_F000'].speaker == 'Ses01F'


def test_iemocap_may_be_in_the_folder_of_its_archive(tmp_path):
  make_iemocap(tmp_path / 'IEMOCAP_full_release')
  assert len(iemocap.iemocap(tmp_path).utterances) == 100


def test_absent_sessions_are_a_problem_and_an_empty_speaker_an_error(tmp_path):
  turns = {
    f'F{number:03}': label for number, label in enumerate(iemocap.LABELS)
  }
  put_dialog(tmp_path, 'Ses02F_impro01', turns)
  corpus = registry.load('iemocap', tmp_path)
  assert corpus.problems[0].startswith('4 of 5 sessions are missing: Session1')
  put_dialog(tmp_path, 'Ses02F_impro02', {'M000': 'fru'})
  with pytest.raises(InputError, match="no utterance of speaker 'Ses02M'"):
    registry.load('iemocap', tmp_path)


def test_without_iemocap_the_error_tells_what_to_do(tmp_path):
  for root in ('', tmp_path):
    with pytest.raises(InputError, match=r'sail.usc.edu.*--config.data.root='):
      iemocap.iemocap(root)
  (tmp_path / 'Session1').mkdir()
  with pytest.raises(InputError, match='no usable turn in its dialogs'):
    iemocap.iemocap(tmp_path)
  with pytest.raises(InputError, match="did you mean 'scripted'"):
    iemocap.iemocap(tmp_path, 'script')


# Manifests


def write_manifest(folder, text, files=('a.wav', 'b.wav', 'c.wav')):
  for file in files:
    put_wav(folder / file)
  path = folder / 'mine.csv'
  path.write_bytes(text.encode())
  return path


ROWS = 'a.wav,joy,ann\r\nb.wav,grief,bob\r\n\r\nc.wav,joy,bob\r\n'


def test_a_manifest_with_mark_and_windows_line_ends(tmp_path):
  path = write_manifest(tmp_path, '\ufeffPath, label ,speaker\r\n' + ROWS)
  corpus = registry.load('manifest', manifest_path=path)
  assert corpus.name == 'mine'
  assert corpus.classes == ('grief', 'joy')
  assert [(u.name, u.label, u.speaker, u.group) for u in corpus.utterances] == [
    ('a.wav', 'joy', 'ann', ''),
    ('b.wav', 'grief', 'bob', ''),
    ('c.wav', 'joy', 'bob', ''),
  ]
  assert corpus.utterances[0].path == str(tmp_path / 'a.wav')
  assert corpus.problems == ()


def test_columns_in_any_order_with_group_and_others(tmp_path):
  path = write_manifest(
    tmp_path,
    'note,group,speaker,label,path\n'
    '"said, twice",g1,ann,joy,b.wav\n'
    f',,bob,grief,{tmp_path}/a.wav\n',
  )
  corpus = manifest.manifest(path)
  by_label = {u.label: u for u in corpus.utterances}
  assert by_label['joy'].group == 'g1'
  assert by_label['grief'].group == ''
  assert by_label['grief'].path == str(tmp_path / 'a.wav')


def test_relative_paths_start_from_the_root_if_there_is_one(tmp_path):
  (tmp_path / 'lists').mkdir()
  path = write_manifest(tmp_path / 'lists', 'path,label,speaker\n' + ROWS, ())
  for file in ('a.wav', 'b.wav', 'c.wav'):
    put_wav(tmp_path / 'sound' / file)
  corpus = manifest.manifest(path, tmp_path / 'sound')
  assert corpus.utterances[0].path == str(tmp_path / 'sound/a.wav')
  with pytest.raises(InputError, match='3 wrong lines'):
    manifest.manifest(path)
  with pytest.raises(InputError, match='is not a folder'):
    manifest.manifest(path, tmp_path / 'nowhere')


def test_every_wrong_line_is_named(tmp_path):
  path = write_manifest(
    tmp_path,
    'path,label,speaker\n'
    'a.wav,joy,ann\n'  # 2
    'nowhere.wav,joy,ann\n'
    'b.wav,,\n'
    './a.wav,grief,ann\n'  # 5
    'c.wav,joy\n',
  )
  with pytest.raises(InputError) as caught:
    manifest.manifest(path)
  message = str(caught.value)
  assert '4 wrong lines' in message
  assert f"line 3 names '{tmp_path}/nowhere.wav', which is not a" in message
  assert 'line 4 has no label and no speaker' in message
  assert 'line 5 names ./a.wav again, as line 2 does' in message
  assert 'line 6 has another number of fields' in message


def test_inspecting_names_every_wrong_line_with_a_cure(tmp_path, monkeypatch):
  here = tmp_path / 'lists'
  put_wav(tmp_path / 'elsewhere/e.wav')
  put_wav(here / 'sub/d.wav')
  (here / 'link.wav').symlink_to('b.wav')
  path = write_manifest(
    here,
    'path,label,speaker\n'
    'a.wav,joy,ann\n'  # 2
    'b.wav,joy,ann\n'
    'link.wav,joy,bob\n'
    './a.wav,grief,ann\n'  # 5
    'c.wav;joy;ann\n'
    'c.wav,joy,loud,ann\n'
    'sub\\\\d.wav,joy,ann\n'  # 8
    '/mnt/data/sub/d.wav,joy,ann\n'
    'wav/a.wav,joy,ann\n'
    'e.wav,joy,ann\n',  # 11
  )
  monkeypatch.chdir(tmp_path / 'elsewhere')
  with pytest.raises(manifest.WrongLines) as caught:
    manifest.manifest(path)
  title, *lines = caught.value.explained().splitlines()
  assert title == (f'{path} has 8 wrong lines of 10; correct or delete them:')
  for line, words in zip(
    lines,
    [
      "  line  4 names link.wav again for the speaker 'bob', as line 3 does "
      "for 'ann'",
      '  line  5 names ./a.wav again, as line 2 does',
      '  line  6 is separated by semicolons, not by commas',
      '  line  7 has another number of fields than the first line (4, not 3; '
      'a field with a comma in it needs quotes)',
      r'which is not a file (write / where it has \)',
      f'which is not a file (there is sub/d.wav in {here})',
      f'which is not a file (there is a.wav in {here})',
      f'which is not a file (it is in {tmp_path}/elsewhere: give '
      f'--config.data.root={tmp_path}/elsewhere)',
    ],
    strict=True,
  ):
    assert words in line


def test_of_very_many_wrong_lines_fifty_are_explained(tmp_path):
  rows = ''.join(f'{i}.wav,joy,ann\n' for i in range(500))
  path = write_manifest(tmp_path, 'path,label,speaker\n' + rows)
  with pytest.raises(manifest.WrongLines) as caught:
    manifest.manifest(path)
  lines = caught.value.explained().splitlines()
  assert len(lines) == 52
  assert lines[-1] == '  and 450 more'


def test_hard_links_are_one_file(tmp_path):
  path = write_manifest(
    tmp_path, 'path,label,speaker\na.wav,joy,ann\nz.wav,grief,bob\n'
  )
  (tmp_path / 'z.wav').hardlink_to(tmp_path / 'a.wav')
  with pytest.raises(InputError, match=r"line 3 .* for the speaker 'bob'"):
    manifest.manifest(path)


def test_a_column_that_is_nearly_group_is_pointed_out(tmp_path):
  path = write_manifest(
    tmp_path,
    'path,label,speaker,gruop,note\na.wav,joy,ann,1,x\nb.wav,grief,bob,2,y\n',
  )
  (remark,) = manifest.manifest(path).remarks
  assert remark == ("The column 'gruop' is passed over: did you mean 'group'?")


@pytest.mark.parametrize('name', ['a\0b.wav', 'a' * 999, '.', '~'])
def test_a_path_that_can_be_no_file_is_a_wrong_line(tmp_path, name):
  path = write_manifest(tmp_path, f'path,label,speaker\n{name},joy,ann\n')
  with pytest.raises(InputError, match=r'line 2 names .* not a file|NUL'):
    manifest.manifest(path)


def test_of_many_wrong_lines_ten_are_named(tmp_path):
  rows = ''.join(f'{i}.wav,joy,ann\n' for i in range(500))
  path = write_manifest(tmp_path, 'path,label,speaker\n' + rows)
  with pytest.raises(InputError, match='500 wrong lines') as caught:
    manifest.manifest(path)
  assert str(caught.value).count('not a file') == 10
  assert 'and 490 more' in str(caught.value)


@pytest.mark.parametrize(
  ('text', 'words'),
  [
    ('', 'is empty'),
    ('\n\n', 'is empty'),
    ('path;label;speaker\na.wav;joy;ann\n', 'is separated by semicolons'),
    ('path\tlabel\tspeaker\n', 'is separated by tabs'),
    ('pth,label,spaeker\n', "no column path .did you mean 'pth'?.*speaker"),
    ('file,label,speaker\na.wav,joy,ann\n', 'must name the columns'),
    ('path,path,label,speaker\n', 'once each'),
    ('path,label,speaker\n', r'the labels \[\] in 0 lines'),
    ('path,label,speaker\na.wav,joy,ann\n', r"the labels \['joy'\]"),
    ('path,label,speaker\n"a.wav"x,joy,ann\n', 'not CSV at line 2'),
    ('path,label,speaker\n"a.wav,joy,ann\n', 'not CSV at line 2'),
  ],
)
def test_a_manifest_that_cannot_be_used(tmp_path, text, words):
  path = write_manifest(tmp_path, text)
  with pytest.raises(InputError, match=words) as caught:
    manifest.manifest(path)
  assert str(path) in str(caught.value)


def test_a_manifest_that_is_no_text(tmp_path):
  path = tmp_path / 'mine.csv'
  path.write_bytes('path,label,speaker\nü.wav,joy,ann\n'.encode('latin-1'))
  with pytest.raises(InputError, match=r"from line 2 on .* mean 'ü.wav,"):
    manifest.manifest(path)
  path.write_bytes('path,label,speaker\n'.encode('utf-16'))
  with pytest.raises(InputError, match='is UTF-16 text'):
    manifest.manifest(path)
  with pytest.raises(InputError, match='cannot be read'):
    manifest.manifest(tmp_path / 'other.csv')
  with pytest.raises(InputError, match=r'data\.manifest is empty'):
    registry.load('manifest')


def test_labels_that_differ_in_capitals_are_pointed_out(tmp_path):
  path = write_manifest(
    tmp_path, 'path,label,speaker\na.wav,joy,ann\nb.wav,Joy,ann\n'
  )
  assert (
    "'Joy', 'joy' differ only in capitals"
    in (manifest.manifest(path).problems[0])
  )


_field = st.text(
  st.characters(exclude_categories=['C', 'Z']), min_size=1, max_size=8
)


@hypothesis.settings(
  deadline=None,
  suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
@hypothesis.given(
  st.lists(
    st.tuples(_field, _field, st.just('') | _field), min_size=2, max_size=5
  ),
  st.sampled_from(['\n', '\r\n']),
)
def test_what_csv_can_write_comes_back(tmp_path, rows, line_end):
  hypothesis.assume(len({label for label, _, _ in rows}) > 1)
  path = tmp_path / 'mine.csv'
  with path.open('w', encoding='utf-8', newline='') as file:
    writer = csv.writer(file, lineterminator=line_end)
    writer.writerow(['path', 'label', 'speaker', 'group'])
    for number, row in enumerate(rows):
      (tmp_path / f'{number}.wav').touch()
      writer.writerow([f'{number}.wav', *row])
  corpus = manifest.manifest(path)
  read = [(u.label, u.speaker, u.group) for u in corpus.utterances]
  assert read == rows


# All


def test_the_embedded_corpus_is_synthetic_and_says_so(tmp_path, monkeypatch):
  monkeypatch.setenv('SERNET_CACHE', str(tmp_path))
  made = []

  def generate(root):
    made.append(root)
    for name in ('01a01Wa', '02b01Na', '03a01Fa', '03a01Ta'):
      put_wav(root / 'wav' / f'{name}.wav')

  monkeypatch.setattr(speech, 'generate', generate)
  corpus = registry.load('embedded')
  assert made[0].parent == tmp_path
  assert made[0].name == f'embedded-{speech.VERSION}'
  assert corpus.synthetic
  assert corpus.name == 'embedded'
  assert corpus.classes == ('anger', 'happiness', 'neutral', 'sadness')
  assert [(u.speaker, u.label) for u in corpus.utterances] == [
    ('01', 'anger'),
    ('02', 'neutral'),
    ('03', 'happiness'),
    ('03', 'sadness'),
  ]


def test_load_knows_its_names(tmp_path):
  with pytest.raises(InputError, match="did you mean 'iemocap'"):
    registry.load('iemocp')
  with pytest.raises(InputError, match=r'data\.corpus=manifest'):
    registry.load('emodb', manifest_path=tmp_path / 'mine.csv')


def test_the_cache_is_where_the_variable_says(tmp_path, monkeypatch):
  monkeypatch.setenv('SERNET_CACHE', str(tmp_path))
  assert files_lib.cache_dir() == tmp_path
  monkeypatch.delenv('SERNET_CACHE')
  assert files_lib.cache_dir() == pathlib.Path.home() / '.cache/sernet_jax'
