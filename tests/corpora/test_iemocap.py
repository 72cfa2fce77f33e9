"""IEMOCAP, read from its EmoEvaluation files."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import strategies as st
from recordings import put_wav

from sernet_jax.common.errors import InputError
from sernet_jax.corpora import registry
from sernet_jax.corpora.readers import iemocap

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
    iemocap.Turn('Ses01F_impro01_F000', 'neu', 'Ses01F', (2.5, 2.5, 2.5)),
    iemocap.Turn('Ses01F_impro01_M000', 'ang', 'Ses01M', (2.5, 2.5, 2.5)),
    iemocap.Turn('Ses01F_impro01_MXX0', 'exc', 'Ses01M', (2.5, 2.5, 2.5)),
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
  make_iemocap(tmp_path / 'a/IEMOCAP_full_release')
  for folder in (tmp_path / 'a', tmp_path):
    assert len(iemocap.iemocap(folder).utterances) == 100
  make_iemocap(tmp_path / 'a/copy')
  with pytest.raises(InputError, match=r'more than once .*/copy.*root='):
    iemocap.iemocap(tmp_path)


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
