"""Exit codes of commands and what they print."""

from __future__ import annotations

import io
import pathlib
import signal
import subprocess
import sys

import pytest

from sernet_jax.common import command_line
from sernet_jax.common.errors import InputError
from sernet_jax.common.interrupt import Stopped

HEAD = """
import sys
from sernet_jax.common import command_line
def command():
  while True:
    print('a line', flush=True)
sys.exit(command_line.run(command, is_filter=True))
"""


@pytest.mark.parametrize(
  ('error', 'code', 'printed'),
  [
    (InputError('x is 0; give more'), 2, 'error: x is 0; give more\n'),
    (Stopped(signal.SIGTERM, 'state saved'), 143, 'state saved\n'),
    (KeyboardInterrupt(), 130, 'stopped\n'),
  ],
)
def test_each_end_has_its_code_and_one_sentence(capsys, error, code, printed):
  def command():
    raise error

  assert command_line.run(command) == code
  assert capsys.readouterr() == ('', printed)


def test_an_option_without_a_value_is_one_sentence(capsys):
  parser = command_line.Parser(prog='x')
  parser.add_argument('--model', default='')
  parser.add_argument('--hop_s', type=float, default=0.5)
  parser.add_argument('words', nargs='*')
  found = parser.parse_args(['', '--hop_s=1'])
  assert (found.model, found.hop_s, found.words) == ('', 1.0, [''])
  for given in (['--model='], ['--model', '', 'word']):
    with pytest.raises(SystemExit) as end:
      parser.parse_args(given)
    assert end.value.code == 2
    assert capsys.readouterr().err.endswith(
      'x: error: argument --model: is empty; give a value, or leave the option '
      'out\n'
    )


def test_work_that_is_done_says_its_own_code():
  assert command_line.run(lambda: None) == 0
  assert command_line.run(lambda: 3) == 3


def test_a_bug_stays_a_traceback():
  with pytest.raises(BrokenPipeError):
    command_line.run(lambda: (_ for _ in ()).throw(BrokenPipeError()))


def test_a_filter_ends_quietly_when_its_reader_is_gone():
  with subprocess.Popen(
    [sys.executable, '-c', HEAD],
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
    cwd=pathlib.Path(__file__).parents[2],
  ) as process:
    assert process.stdout.readline() == 'a line\n'
    process.stdout.close()
    assert process.stderr.read() == ''
    assert process.wait(30) == 1


PRINTS = """
import sys
from sernet_jax.common import command_line
def command():
  print('x' * {count})
  sys.stderr.write('note')
  return len(sys.stdin.read())
sys.exit(command_line.run(command))
"""


@pytest.mark.skipif(sys.platform != 'linux', reason='/dev/full')
@pytest.mark.parametrize('count', [1, 100_000])
def test_a_full_disk_is_one_sentence(count):
  program = PRINTS.format(count=count)
  with open('/dev/full', 'w') as full:  # noqa: PTH123
    done = subprocess.run(
      [sys.executable, '-c', program],
      stdin=subprocess.DEVNULL,
      stdout=full,
      stderr=subprocess.PIPE,
      text=True,
    )
  assert done.returncode == command_line.MISTAKE
  (sentence,) = done.stderr.removeprefix('note').splitlines()
  assert sentence.startswith('error: nothing more can be written (No space')


def test_closed_streams_do_no_harm(tmp_path):
  """Nothing of what is printed lands in files, which would take their numbers."""
  script = tmp_path / 'x.py'
  script.write_text(PRINTS.format(count=1))
  for closed in ('<&-', '>&-', '2>&-', '<&- >&- 2>&-'):
    done = subprocess.run(
      ['sh', '-c', f'{sys.executable} {script} {closed}'],
      stdin=subprocess.DEVNULL,
      capture_output=True,
      text=True,
    )
    assert done.returncode == 0
    assert done.stdout == ('' if ' >' in f' {closed}' else 'x\n')
    assert done.stderr == ('' if '2>' in closed else 'note')


def test_a_path_that_cannot_be_is_one_sentence(capsys, tmp_path):
  def look():
    (tmp_path / ('x' * 300)).stat()

  assert command_line.run(look) == 2
  error = capsys.readouterr().err
  assert error.startswith('error: ') and error.count('\n') == 1
  assert 'File name too long' in error


def test_a_backend_that_is_not_there_is_one_sentence(capsys):
  def start():
    raise RuntimeError("Unable to initialize backend 'cuda': not there\nmore")

  assert command_line.run(start) == 2
  assert 'set JAX_PLATFORMS=cpu' in capsys.readouterr().err


@pytest.mark.parametrize(
  'error',
  [
    MemoryError('Unable to allocate 233. GiB for an array'),
    RuntimeError('RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes.'),
  ],
)
def test_too_little_memory_is_one_sentence(capsys, error):
  def ask():
    raise error

  assert command_line.run(ask) == 2
  printed = capsys.readouterr().err
  assert printed.startswith('error: there is not enough memory (')
  assert str(error)[:9] in printed and printed.count('\n') == 1


def test_a_bug_is_no_mistake_of_the_user():
  def bug():
    raise RuntimeError('oops')

  with pytest.raises(RuntimeError):
    command_line.run(bug)


def test_controls_in_a_message_do_not_reach_the_terminal(capsys):
  assert command_line.fail('a\x1b[2J is not there') == 2
  assert '\x1b' not in capsys.readouterr().err


def test_a_terminal_that_is_not_utf8_shows_question_marks(monkeypatch):
  content = io.BytesIO()
  stream = io.TextIOWrapper(content, encoding='ascii', errors='strict')
  monkeypatch.setattr(sys, 'stdout', stream)
  assert command_line.run(lambda: print('größe')) == 0
  stream.flush()
  assert content.getvalue() == b'gr??e\n'


def test_a_list_is_printed_line_by_line_and_a_newline_of_a_name_is_not(capsys):
  def command():
    lines = ['a\nb.csv has wrong lines:', '  line 2 x\ny', '  line 3 \x1b']
    raise InputError('a\nb.csv has wrong lines: line 2 ...', lines)

  assert command_line.run(command) == 2
  assert capsys.readouterr().err.splitlines() == [
    'error: a\\nb.csv has wrong lines:',
    '  line 2 x\\ny',
    '  line 3 \\x1b',
  ]


def test_arguments_are_repeated_without_control_characters(capsys):
  parser = command_line.Parser(prog='command')
  with pytest.raises(SystemExit) as caught:
    parser.parse_args(["run'\x1b[2J", '\u202egnp'])
  assert caught.value.code == command_line.MISTAKE
  printed = capsys.readouterr().err
  assert "unrecognized arguments: run'" in printed
  assert not {'\x1b', '\u202e'} & {*printed}


def test_all_commands_have_that_parser():
  package = pathlib.Path(command_line.__file__).parents[1]
  others = [
    path.name
    for path in package.rglob('*.py')
    if 'argparse.ArgumentParser(' in path.read_text()
  ]
  assert others == []
