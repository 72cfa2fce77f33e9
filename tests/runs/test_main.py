"""The command line as a stranger uses it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
import tiny
from commands import sernet


@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    (['--config.train.epoch=3'], "did you mean 'train.epochs'?"),
    (['--config.train.epochs=many'], 'give a int such as 300'),
    (['--mode=trian'], "did you mean 'train'?"),
    (['--confg=x'], "Unknown command line flag 'confg'"),
    # Another network has fields of its own, also where a flag chooses it.
    (
      ['--config=acrnn', '--config.model.size=tiny'],
      'model.size is not a field',
    ),
    (['--config=acrnn', '--config.model.bands=x'], 'give a int such as 40'),
    (['--config.model.name=acrnn'], 'which reads log_mel_deltas'),
    (['--config.model.bands=3'], 'it is one of acrnn'),
    (
      ['--config=acrnn', '--config.model.name=light_sernet'],
      'each network has fields of its own, so start from the config of '
      'light_sernet, --config=emodb',
    ),
    (['stray'], "['stray'] is not a flag"),
    (['--workdir='], '--workdir is empty; give a value'),
    (
      ['--mode=inspect', '--workdir=README.md'],
      'README.md is a file; choose a',
    ),
    (['--mode='], '--mode is empty; give a value'),
    (["--config.protocol.folds=('03"], "('a', 'b'), or a,b"),
    (['--config.protocol.folds="03'], 'begins as a tuple does in Python'),
    (['--config=acrnn', '--config.model.pool=(2'], 'one such as (2, 2)'),
    (['--config.train.loggers=x', '--config.protocol.folds', '['], 'folds=['),
    (["--config.model.paths=('joint"], 'model.paths=('),
    (['mine.py'], "['mine.py'] is not a flag; write --config=mine.py"),
    (['docs'], 'the folder of a run, write --workdir=docs'),
    (['--config.data.root=/no/such/folder'], 'sernet_jax.download emodb'),
    (['--connect_s=-1'], '--connect_s is for a training by several'),
    (['--coordinator=a:1', '--connect_s=-1'], '--connect_s is -1; give'),
    (['--coordinator=a:1', '--mode=inspect'], '--mode=inspect has one process'),
  ],
)
def test_a_mistake_is_one_sentence_and_code_2(tmp_path, arguments, message):
  workdir = tmp_path / 'run'
  given = [f'--workdir={workdir}', *arguments]
  if not any(argument.startswith('--config=') for argument in arguments):
    given.insert(0, '--config=configs/emodb.py')
  done = sernet(*given)
  assert done.returncode == 2
  assert message in done.stderr
  assert 'Traceback' not in done.stderr
  assert len(done.stderr.strip().splitlines()) == 1
  assert done.stdout == ''
  assert not workdir.exists()


def parsed(arguments):
  """Prints fields of the config as the command line reads it."""
  return sernet('--config=configs/acrnn.py', '--print_config', *arguments)


def test_folds_are_names_with_commas_beside_fields_of_a_network():
  done = parsed(
    ['--config.model.convolutions=1', '--config.protocol.folds=03,08']
  )
  assert (done.returncode, done.stderr) == (0, '')
  config = json.loads(done.stdout)
  assert config['model']['convolutions'] == 1
  assert config['protocol']['folds'] == ['03', '08']
  for given, expected in (
    (['--config.protocol.folds', '03,08'], ['03', '08']),
    (['--config.protocol.folds=("03", \'08\')'], ['03', '08']),
    (['--config.protocol.folds=[10, 11]'], ['10', '11']),
    (['--config.protocol.folds="03"'], ['03']),
    (['--config.protocol.folds='], []),
  ):
    done = parsed(given)
    assert (done.returncode, done.stderr) == (0, '')
    assert json.loads(done.stdout)['protocol']['folds'] == expected


@pytest.mark.parametrize(
  'words',
  [
    ['main', '--config=emodb', '--print_config'],
    ['sweep', '--config=emodb', '--axis=seed=0:2', '--workdir=x', '--plan'],
  ],
)
def test_what_nobody_reads_to_the_end_is_no_traceback(words):
  """As `head` and `less` leave it."""
  reader, writer = os.pipe()
  os.close(reader)
  done = subprocess.run(
    [sys.executable, '-u', '-m', f'sernet_jax.{words[0]}', *words[1:]],
    stdout=writer,
    stderr=subprocess.PIPE,
    text=True,
    cwd=tiny.ROOT,
  )
  os.close(writer)
  assert (done.returncode, done.stderr) == (1, '')


def test_a_config_of_ones_own_is_run_once(tmp_path):
  notes = tmp_path / 'notes'
  path = tmp_path / 'mine.py'
  path.write_text(
    f'open({str(notes)!r}, "a").write("run ")\n'
    "def get_config():\n  return {'train': {'epochs': 2}}\n"
  )
  done = sernet(f'--config={path}', '--print_config', '--config.seed=3')
  assert (done.returncode, done.stderr) == (0, '')
  assert json.loads(done.stdout)['train']['epochs'] == 2
  assert notes.read_text() == 'run '


def test_the_flag_at_fault_is_named_beside_fields_of_a_network():
  fault = ['--config.model.convolutions=1', '--config.protocol.folds=(03,)']
  done = parsed(fault)
  assert done.returncode == 2
  assert '--config.protocol.folds=(03,) begins as a tuple' in done.stderr
  assert "write ('a', 'b'), or a,b" in done.stderr
  done = parsed(['--config.model.convolution=1'])
  assert "did you mean 'model.convolutions'?" in done.stderr


@pytest.mark.parametrize(
  ('config', 'message'),
  [
    ('configs/emodb', '--config=configs/emodb is not a file'),
    ('emodbb', "did you mean 'emodb'?"),
    ('configs/iemocap.py:7', "'7' after the colon"),
  ],
)
def test_a_wrong_config_is_one_sentence_and_code_2(config, message):
  done = sernet(f'--config={config}')
  assert (done.returncode, message in done.stderr) == (2, True)
  assert 'Traceback' not in done.stderr


def test_report_without_a_run_is_one_sentence(tmp_path):
  done = sernet('--mode=report', f'--workdir={tmp_path}')
  assert done.returncode == 2
  path = tmp_path / 'results.json'
  assert done.stderr == (
    f'error: {path} is missing; check --workdir, or run the training command '
    'with this --workdir again\n'
  )
  done = sernet('--mode=report')
  assert done.returncode == 2
  assert 'name its folder with --workdir=' in done.stderr


def test_train_then_report_from_the_files_alone(tmp_path):
  csv = tiny.write_corpus(tmp_path / 'corpus')
  flags = tiny.flags(
    tiny.config(csv, tmp_path / 'cache', train__epochs=1, **tiny.QUICK)
  )
  workdir = tmp_path / 'run'
  done = sernet(*flags, f'--workdir={workdir}', cache=tmp_path / 'cache')
  assert done.returncode == 0, done.stderr
  assert 'UAR' in done.stdout
  assert 'optimistic' in done.stdout
  assert str(workdir / 'report.html') in done.stdout
  assert tiny.only_progress(done.stderr), done.stderr
  where, what, how, then = done.stderr.splitlines()[:4]
  assert where == f'run: {workdir}'
  assert re.match(r'corpus: .*, 24 utterances, 3 speakers, classes ', what)
  assert how == 'folds: loso, 3 folds of 1 epoch (ann, bob, cyd)'
  assert then.startswith('compiling the training')
  page = (workdir / 'report.html').read_text()
  (workdir / 'report.html').unlink()
  again = sernet('--mode=report', f'--workdir={workdir}')
  assert again.stdout == done.stdout
  assert (workdir / 'report.html').read_text() == page


@pytest.mark.parametrize('module', ['main', 'sweep'])
def test_a_missing_config_is_one_sentence(module):
  done = sernet(module=module)
  assert done.returncode == 2
  assert done.stderr.startswith('error: no --config was given; pass one')
  assert len(done.stderr.splitlines()) == 1
