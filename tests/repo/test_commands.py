"""`sernet COMMAND` is the module of that name."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import pytest
import tiny

import sernet_jax
from sernet_jax import __main__ as commands


@pytest.fixture
def argv(monkeypatch):
  """The arguments of the process, put back at the end."""
  monkeypatch.setattr(sys, 'argv', ['sernet'])


def test_without_a_command_all_are_listed(argv, capsys):
  assert commands.main() == 0
  text = capsys.readouterr().out
  for name, (_, _, about) in commands.COMMANDS.items():
    assert f'  {name}' in text and about in text
  assert commands.main(['--version']) == 0
  assert sernet_jax.__version__ in capsys.readouterr().out


def test_every_door_has_a_command():
  package = pathlib.Path(sernet_jax.__file__).parent
  doors = {path.stem for path in package.glob('*.py')}
  doors |= {path.parent.name for path in package.glob('*/__main__.py')}
  modules = {module for module, _, _ in commands.COMMANDS.values()}
  assert modules == doors - {'__init__', '__main__'}


def test_a_command_gets_its_arguments_and_gives_its_exit_code():
  done = subprocess.run(
    [sys.executable, '-m', 'sernet_jax', 'predict', 'a.wav', '--model=none'],
    cwd=tiny.ROOT,
    capture_output=True,
    text=True,
    check=False,
  )
  assert done.returncode == 2
  assert '--model=none does not exist' in done.stderr


@pytest.mark.skipif(sys.platform != 'linux', reason='/dev/full')
def test_a_list_that_finds_no_room_is_one_sentence():
  with open('/dev/full', 'w') as full:  # noqa: PTH123
    done = subprocess.run(
      [sys.executable, '-m', 'sernet_jax'],
      cwd=tiny.ROOT,
      stdout=full,
      stderr=subprocess.PIPE,
      text=True,
      check=False,
    )
  assert done.returncode == 2
  assert done.stderr.startswith('error: nothing more can be written (No space')


def test_a_name_that_is_none_is_one_sentence(capsys):
  assert commands.main(['pedict']) == 2
  assert "did you mean 'predict'?" in capsys.readouterr().err


def test_listing_loads_no_library():
  program = """
import sys
from sernet_jax.__main__ import main
main([])
sys.exit(any(name in sys.modules for name in ('jax', 'numpy', 'absl')))
"""
  subprocess.run(
    [sys.executable, '-c', program], check=True, stdout=subprocess.DEVNULL
  )


@pytest.mark.parametrize('command', commands.COMMANDS)
def test_help_loads_no_heavy_library(command):
  """So that it is there at once."""
  module, first, _ = commands.COMMANDS[command]
  program = f"""
import runpy, sys
sys.argv = ['{command}', *{first!r}, '--help']
try:
  runpy.run_module('sernet_jax.{module}', run_name='__main__', alter_sys=True)
except SystemExit as end:
  assert not end.code, end.code
heavy = {{'jax', 'flax', 'optax', 'orbax', 'matplotlib', 'pandas', 'numpy'}}
heavy.add('soundfile')
sys.exit(f'{{found}} loaded' if (found := heavy & set(sys.modules)) else 0)
"""
  done = subprocess.run(
    [sys.executable, '-c', program],
    capture_output=True,
    text=True,
    check=False,
  )
  assert (done.returncode, done.stderr) == (0, '')


def test_a_mode_of_training_and_its_settings_printed(tmp_path):
  """What is printed is a config, and gives the same settings again."""

  def printed(config, *options):
    done = subprocess.run(
      [
        sys.executable, '-m', 'sernet_jax', 'train', f'--config={config}',
        '--print_config', *options,
      ],
      cwd=tiny.ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout

  text = printed('configs/quickstart.py', '--config.train.epochs=9')
  settings = json.loads(text)
  assert settings['train']['epochs'] == 9
  assert settings['data']['corpus'] == 'embedded'
  path = tmp_path / 'config.json'
  path.write_text(text)
  assert printed(path) == text
