"""A corpus by a CSV file, and every fault such a file can have."""

from __future__ import annotations

import csv

import hypothesis
import pytest
from hypothesis import strategies as st
from recordings import put_wav

from sernet_jax.common.errors import InputError
from sernet_jax.corpora import registry
from sernet_jax.corpora.readers import manifest


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
    'sub\\\\D.wav,joy,ann\n'  # 8
    '/mnt/data/sub/d.wav,joy,ann\n'
    'wav/a.wav,joy,ann\n'
    'e.wav,joy,ann\n',  # 11
  )
  monkeypatch.chdir(tmp_path / 'elsewhere')
  with pytest.raises(manifest.WrongLines) as caught:
    manifest.manifest(path)
  title, *lines = caught.value.lines
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
      "which is not a file (there is 'sub/d.wav', which differs only in how it "
      'is spelt)',
      f'which is not a file (there is sub/d.wav in {here})',
      f'which is not a file (there is a.wav in {here})',
      f'which is not a file (it is in {tmp_path}/elsewhere: give '
      f'--config.data.root={tmp_path}/elsewhere)',
    ],
    strict=True,
  ):
    assert words in line


def test_of_very_many_wrong_lines_the_first_are_explained(tmp_path):
  rows = ''.join(f'{i}.wav,joy,ann\n' for i in range(500))
  path = write_manifest(tmp_path, 'path,label,speaker\n' + rows)
  with pytest.raises(manifest.WrongLines) as caught:
    manifest.manifest(path)
  lines = caught.value.lines
  assert len(lines) == 22
  assert lines[-1] == '  and 480 more'


def test_one_wrong_line_is_not_several(tmp_path):
  (tmp_path / 'z.wav').touch()
  path = write_manifest(
    tmp_path, 'path,label,speaker\nz.wav,joy,ann\n,joy,ann\n'
  )
  with pytest.raises(manifest.WrongLines, match='has 1 wrong line: line 3 '):
    manifest.manifest(path)


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
    ('path;label;speaker\na.wav;joy;ann\n', r"the labels \['joy'\]"),
    ('path\tlabel\tspeaker\n', r'the labels \[\] in 0 lines'),
    ('path,label\na.wav,joy\n', r'speaker_from= \(folder'),
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


@pytest.mark.parametrize('separator', [',', ';', '\t', '|'])
def test_the_separator_is_found_out(tmp_path, separator):
  text = 'path,label,speaker,note\n'.replace(',', separator)
  text += separator.join(['a.wav', 'joy', 'ann', 'a, b']) + '\n'
  if separator == ',':
    text = text.replace('a, b', '"a, b"')
  text += separator.join(['b.wav', 'awe', 'bob', '']) + '\n'
  corpus = manifest.manifest(write_manifest(tmp_path, text))
  assert [(u.label, u.speaker) for u in corpus.utterances] == [
    ('joy', 'ann'),
    ('awe', 'bob'),
  ]


@pytest.mark.parametrize('separator', [',', ';', '\t', '|'])
def test_spaces_around_quotes_are_passed_over(tmp_path, separator):
  text = (
    ' "path" , "label", "speaker" ,text\n'
    'a.wav, "hap,py" ,ann,"a ""b"" , c"  \r\n'
    '  "b.wav" ,"hap,py","bob ", "say" or "no"\n'
    'c.wav,5",bob,"two\n , ""lines"" ,"'
  )
  text = text.replace(',', separator)
  corpus = manifest.manifest(write_manifest(tmp_path, text))
  label = 'hap,py'.replace(',', separator)
  found = [(u.label, u.speaker, u.text) for u in corpus.utterances]
  assert found == [
    (label, 'ann', 'a "b" , c'.replace(',', separator)),
    (label, 'bob', '"say" or "no"'),
    ('5"', 'bob', 'two\n , "lines" ,'.replace(',', separator).strip()),
  ]


def test_columns_under_other_names(tmp_path):
  path = write_manifest(
    tmp_path,
    'id;File_Path;emotion;label;Speaker_ID;sentence\n'
    '1;a.wav;joy;9;ann;s1\n2;b.wav;awe;8;bob;s2\n',
  )
  columns = 'path=file_path, label=emotion,speaker=speaker_id,text=sentence'
  corpus = registry.load('manifest', manifest_path=path, columns=columns)
  assert [(u.label, u.speaker, u.text) for u in corpus.utterances] == [
    ('joy', 'ann', 's1'),
    ('awe', 'bob', 's2'),
  ]
  with pytest.raises(InputError, match=r"'speakers' .*|0 times: did you mean"):
    manifest.manifest(path, columns='path=file_path,speaker=speaker')


def test_columns_of_another_list_are_shown_as_they_are(tmp_path):
  path = write_manifest(tmp_path, 'file_path;emotion\na.wav;joy\n')
  words = r"begins with 'file_path, emotion' and has no column path .did you "
  with pytest.raises(InputError, match=words):
    manifest.manifest(path)
  words = 'must name the columns file_path,emotion,speaker .*speaker_from='
  with pytest.raises(InputError, match=words):
    manifest.manifest(path, columns='path=file_path,label=emotion')


@pytest.mark.parametrize(
  ('columns', 'words'),
  [
    ('file_path', "the item 'file_path'; write OURS=THEIRS"),
    ('path=', "the item 'path='; write OURS=THEIRS"),
    ('lable=emotion', "did you mean 'label'"),
    ('path=a,path=b', "names 'path' twice"),
    ('path=fil', r"path=fil, and .* 0 times: did you mean 'file'"),
  ],
)
def test_columns_that_make_no_sense(tmp_path, columns, words):
  path = write_manifest(tmp_path, 'file,label,speaker\na.wav,joy,ann\n')
  with pytest.raises(InputError, match=words):
    manifest.manifest(path, columns=columns)


def test_paths_of_windows_are_read(tmp_path):
  put_wav(tmp_path / 'sub/d.wav')
  path = write_manifest(
    tmp_path,
    'path,label,speaker\nsub\\d.wav,joy,ann\n.\\a.wav,awe,bob\n',
  )
  corpus = manifest.manifest(path)
  assert {u.name: u.path for u in corpus.utterances} == {
    './a.wav': str(tmp_path / 'a.wav'),
    'sub/d.wav': str(tmp_path / 'sub/d.wav'),
  }
  (remark,) = corpus.remarks
  assert remark.startswith('2 paths are written for Windows and were found')


def test_a_path_of_another_windows_machine_gets_a_hint(tmp_path):
  put_wav(tmp_path / 'sub/d.wav')
  path = write_manifest(
    tmp_path, 'path,label,speaker\nC:\\data\\sub\\d.wav,joy,ann\n'
  )
  with pytest.raises(InputError, match=r'there is sub/d\.wav in'):
    manifest.manifest(path)


def test_a_name_in_another_form_of_unicode_is_read(tmp_path):
  """An accent apart, as macOS writes it, and joined, as others do."""
  put_wav(tmp_path / 'u\u0308ber/a\u0308.wav')
  path = write_manifest(
    tmp_path, 'path,label,speaker\n\u00fcber/\u00e4.wav,joy,ann\na.wav,awe,b\n'
  )
  corpus = manifest.manifest(path)
  assert corpus.utterances[1].path == str(tmp_path / 'u\u0308ber/a\u0308.wav')
  assert 'another form of Unicode' in corpus.remarks[0]


def test_a_name_that_differs_in_capitals_is_pointed_at(tmp_path):
  put_wav(tmp_path / 'Sub/D.WAV')
  path = write_manifest(tmp_path, 'path,label,speaker\nsub/d.wav,joy,ann\n')
  with pytest.raises(
    InputError, match=r"there is 'Sub/D.WAV', which differs only in how"
  ):
    manifest.manifest(path)


@pytest.mark.parametrize(
  ('way', 'speakers'),
  [
    ('folder', ['ann', 'bob']),
    ('unknown', ['unknown', 'unknown']),
    (r'/(\d+)-', ['01', '02']),
  ],
)
def test_speakers_without_a_column(tmp_path, way, speakers):
  put_wav(tmp_path / 'ann/01-x.wav')
  put_wav(tmp_path / 'bob/02-x.wav')
  path = write_manifest(
    tmp_path, 'path,label\nann/01-x.wav,joy\nbob/02-x.wav,awe\n'
  )
  corpus = manifest.manifest(path, speaker_from=way)
  assert [u.speaker for u in corpus.utterances] == speakers
  assert bool(corpus.remarks) == (way == 'unknown')


def test_paths_that_do_not_say_who_speaks(tmp_path):
  path = write_manifest(
    tmp_path, 'path,label\na.wav,joy\nb.wav,awe\nc.wav,\n,joy\n'
  )
  with pytest.raises(manifest.WrongLines) as caught:
    manifest.manifest(path, speaker_from=r'(a)\.')
  title, *lines = caught.value.lines
  assert '3 wrong lines of 4; correct data.speaker_from, or correct' in title
  assert lines == [
    '  line 3 has no speaker: its path does not fit '
    "data.speaker_from='(a)\\\\.'",
    '  line 4 has no label',
    '  line 5 has no path',
  ]
  with pytest.raises(InputError, match='line 5 has no path; correct or delete'):
    manifest.manifest(path, speaker_from='([abc])')


@pytest.mark.parametrize(
  ('way', 'words'),
  [('(', 'is not a regular expression'), ('[a-z]+', 'has no group')],
)
def test_speakers_that_cannot_be_found(tmp_path, way, words):
  path = write_manifest(tmp_path, 'path,label\na.wav,joy\n')
  with pytest.raises(InputError, match=f'data.speaker_from is .*{words}'):
    manifest.manifest(path, speaker_from=way)


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


def test_what_is_not_utf_8_is_shown_with_its_line_however_long(tmp_path):
  """Lines may end in CR alone, which is one line of a terminal's tools."""
  path = tmp_path / 'list.csv'
  text = 'path,label,speaker\r' + 'x' * 5000 + ',Ärger,ann\r'
  path.write_bytes(text.encode('latin-1'))
  with pytest.raises(InputError) as caught:
    manifest.manifest(path)
  assert 'from line 2 on (byte 5020' in str(caught.value)
  assert "xxx,Ärger,ann'" in str(caught.value)
  assert len(str(caught.value)) < 400
