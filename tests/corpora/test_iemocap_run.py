"""IEMOCAP from the folder to the report, on a made-up tree of its layout.

Tones in the place of speech: nothing here says how the network does on the
real corpus.
"""

from __future__ import annotations

import json

import pytest
import tiny
import two_blocks
from commands import sernet
from iemocap_tree import put_dialog

from sernet_jax.common.errors import InputError
from sernet_jax.corpora import registry
from sernet_jax.corpora.readers import iemocap
from sernet_jax.results import run_folder
from sernet_jax.runs import run
from sernet_jax.sweep import axes as axes_lib, grid, planning

CONFIG = str(tiny.ROOT / 'configs' / 'iemocap.py')
SPEAKERS = [f'Ses0{k}{letter}' for k in range(1, 6) for letter in 'FM']


@pytest.fixture(scope='module')
def root(tmp_path_factory):
  folder = tmp_path_factory.mktemp('iemocap') / 'IEMOCAP_full_release'
  for number in range(1, 6):
    put_dialog(folder, f'Ses0{number}F_impro01')
    put_dialog(folder, f'Ses0{number}M_script01_1')
  (folder / 'Documentation').mkdir()
  (folder / 'README.txt').write_text('Interactive emotional dyadic ...\n')
  first = folder / 'Session1/dialog/EmoEvaluation/Ses01F_impro01.txt'
  first.write_text(
    first.read_text()
    + 'somebody wrote here\n'
    + '[1.0 - ]\tSes01F_impro01_F100\tang\t[2, 2, 2]\n'
    + '[1.0 - 2.0]\tSes01F_impro01_F101\tjoy\t[2, 2, 2]\n'
    + '[1.0 - 2.0]\tSes01F_impro01_F000\tsad\t[2, 2, 2]\n'
    + '[1.0 - 2.0]\tSes01F_impro01_F102\tang\t[2, 2, 2]\n',
    newline='\r\n',
  )
  wav = folder / 'Session2/sentences/wav/Ses02F_impro01'
  broken = next(wav.glob('*_M000.wav'))
  broken.write_bytes(broken.read_bytes()[:20])
  return folder.parent


SMALL = {
  name: value
  for name, value in tiny.SMALL.items()
  if name not in ('name', 'data.duration_s')
} | {'train.epochs': 1, 'model.filters': 6, 'model.paths': ('joint',)}


def settings(root, cache, text='improvised,0.2s', **changes):
  config = tiny.load_config('iemocap', text)
  config.update_from_flattened_dict(
    {**SMALL, 'data.root': str(root), 'data.cache_dir': str(cache), **changes}
  )
  return config


@pytest.mark.parametrize(
  ('part', 'excited', 'happy'),
  [('all', None, 40), ('improvised', None, 10), ('improvised', True, 20)],
)
def test_every_label_lands_where_the_paper_has_it(root, part, excited, happy):
  corpus = registry.load('iemocap', root, part=part, excited=excited)
  dialogs = 10 if part == 'all' else 5
  counts = {
    label: sum(u.label == label for u in corpus.utterances)
    for label in corpus.classes
  }
  others = {
    'anger': 2 * dialogs,
    'neutral': 2 * dialogs,
    'sadness': 2 * dialogs,
  }
  assert counts == {**others, 'happiness': happy}
  assert list(corpus.speakers) == SPEAKERS
  told = ' '.join(corpus.problems)
  assert '1 turns have no recording: Ses01F_impro01_F102.' in told
  assert '1 turns have unknown labels: Ses01F_impro01_F101 joy.' in told
  assert '2 lines could not be understood: Ses01F_impro01.txt line' in told
  assert '1 turns are listed again' in told
  left_out = [code for code in iemocap.OTHER_LABELS if code != 'exc']
  assert all(f'{code} {2 * dialogs}' in told for code in left_out)


def test_a_broken_recording_stops_or_is_counted(root, tmp_path):
  with pytest.raises(InputError) as error:
    run.train(settings(root, tmp_path / 'cache'), tmp_path / 'run')
  assert 'Ses02F_impro01_M000.wav' in str(error.value)
  assert '\n' not in str(error.value)
  assert not (tmp_path / 'run').exists()


def test_from_the_folder_to_the_report(root, tmp_path):
  """What a licence holder runs, but for the sizes that make it tiny."""
  workdir = tmp_path / 'run'
  config = tmp_path / 'iemocap.py'  # CONFIG with a smaller network
  config.write_text(
    'import runpy\n\n\n'
    'def get_config(text):\n'
    f'  config = runpy.run_path({CONFIG!r})["get_config"](text)\n'
    f'  config.model.blocks = {two_blocks.BLOCKS!r}\n'
    '  return config\n'
  )
  done = sernet(
    f'--config={config}:improvised,0.2s',
    f'--config.data.root={root}',
    f'--config.data.cache_dir={tmp_path / "cache"}',
    '--config.data.on_bad_file=skip',
    *(f'--config.{name}={value}' for name, value in SMALL.items()),
    f'--workdir={workdir}',
  )
  assert done.returncode == 0, done.stderr
  assert str(workdir / 'report.html') in done.stdout
  folder = run_folder.RunFolder(workdir)
  results = folder.read_results().to_json()
  assert results['corpus'] == 'iemocap-improvised'
  assert results['protocol'] == 'loso'
  assert results['classes'] == ['anger', 'happiness', 'neutral', 'sadness']
  assert (results['num_utterances'], results['epochs']) == (39, 1)
  (skipped,) = results['skipped_files']
  assert 'Ses02F_impro01_M000.wav' in skipped
  folds = json.loads((workdir / 'folds.json').read_text())['folds']
  assert [fold['name'] for fold in folds] == SPEAKERS
  for fold in folds:
    of = {name: name[:5] + name[-4] for name in fold['test'] + fold['train']}
    assert {of[name] for name in fold['test']} == {fold['name']}
    assert fold['name'] not in {of[name] for name in fold['train']}
  tested = {
    row['utterance']
    for row in folder.read_predictions()
    if row['selection'] == 'last'
  }
  assert len(tested) == 39
  page = (workdir / 'report.html').read_text()
  assert 'iemocap-improvised' in page and 'Ses05M' in page
  assert '1 file could not be used and was left out' in page


def test_the_sweep_of_the_page_is_planned_on_the_tree(root, tmp_path):
  axes = [
    axes_lib.parse_axis(text)
    for text in (
      'data.duration_s=3,7',
      'loss.name=cross_entropy,focal',
      'seed=0:3',
    )
  ]
  for part, tests in (('all', 100), ('improvised', 40)):
    config = tiny.load_config('iemocap', part)
    overrides = {'data.root': str(root)}
    config.update_from_flattened_dict(overrides)
    jobs = grid.jobs(config, axes)
    planned = planning.plan(
      jobs, tmp_path, f'configs/iemocap.py:{part}', overrides
    )
    assert len(planned) == 12
    for job in planned:
      assert job.num_folds == 10
      assert job.arguments[0] == f'--config=configs/iemocap.py:{part}'
      (tested,) = job.tested
      assert sum(tested.utterances.values()) == tests


def test_without_the_corpus_a_run_and_a_sweep_say_where_to_get_it(tmp_path):
  config = tiny.load_config('iemocap', 'all')
  with pytest.raises(
    InputError, match=r'sail\.usc\.edu.*--config\.data\.root='
  ):
    run.train(config, tmp_path / 'run')
  jobs = grid.jobs(config, [axes_lib.parse_axis('seed=0:2')])
  with pytest.raises(
    InputError, match=r'sail\.usc\.edu.*--config\.data\.root='
  ):
    planning.plan(jobs, tmp_path / 'sweep', 'configs/iemocap.py:all', {})
  assert not list(tmp_path.iterdir())
