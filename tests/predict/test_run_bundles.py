"""A real run of three folds, its predictions and its bundles."""

from __future__ import annotations

import dataclasses
import pathlib
import shutil

import numpy as np
import pytest
import small_model
import tiny
import tiny_runs

import sernet_jax
from sernet_jax.audio import segments
from sernet_jax.common.errors import InputError
from sernet_jax.predict import (
  __main__ as predict,
  models,
  run_bundles,
)
from sernet_jax.results import run_folder, summaries
from sernet_jax.runs import run

pytestmark = pytest.mark.usefixtures('blank_figures')


@pytest.fixture(scope='module')
def workdir(tmp_path_factory):
  folder = tmp_path_factory.mktemp('predict')
  listing = tiny.write_corpus(folder / 'corpus')
  # Short fast training that leaves no two probabilities alike.
  settings = tiny.config(listing, folder / 'features', **tiny.QUICK)
  run.train(settings, folder / 'run')
  return folder / 'run'


@pytest.mark.parametrize(
  'selection', ['last', 'last_recomputed', 'best_on_test']
)
def test_the_numbers_of_its_evaluation(workdir, selection):
  """float32 rows to 1e-5; fp16 rows to what rounding moves."""
  half = workdir.parent / 'half.safetensors'
  for fold in run_bundles.from_run(workdir, selection):
    found = [*tiny_runs.recognized_again(workdir, selection, fold, half)]
    assert [dtype for dtype, *_ in found] == 8 * ['float32'] + 8 * ['float16']
    for dtype, row, recording, expected in found:
      np.testing.assert_allclose(
        recording.probabilities,
        expected,
        atol=1e-5 if dtype == 'float32' else 5e-3,
      )
      assert recording.label == row['predicted'] or dtype == 'float16'


def test_the_folder_is_an_ensemble(workdir):
  found = models.load(workdir)
  assert found.name == 'run (3 folds)'
  segment = segments.prepare(small_model.sound(0.2), 3200)[None]
  folds = [models.load(workdir, fold=name) for name in ('ann', 'bob', 'cyd')]
  np.testing.assert_allclose(
    found(segment), np.mean([fold(segment) for fold in folds], axis=0),
    atol=1e-6,
  )  # fmt: skip


def test_each_network_of_several_seeds_has_its_own(workdir, tmp_path):
  settings = tiny.config(
    workdir.parent / 'corpus' / 'list.csv',
    workdir.parent / 'features',
    **tiny.QUICK,
    seed=4,
    train__seeds=2,
    train__epochs=1,
    protocol__folds=('ann', 'cyd'),
  )
  run.train(settings, tmp_path / 'run')
  found = [one.about for one in run_bundles.from_run(tmp_path / 'run')]
  assert [(about['fold'], about['seed']) for about in found] == [
    ('ann, seed 4', '4'),
    ('cyd, seed 4', '4'),
    ('ann, seed 5', '5'),
    ('cyd, seed 5', '5'),
  ]


def test_nothing_of_the_run_is_touched(workdir):
  def state():
    return {p: p.stat().st_mtime_ns for p in workdir.rglob('*') if p.is_file()}

  before = state()
  run_bundles.from_run(workdir)
  assert state() == before


def test_recomputed_statistics_are_of_the_newest_checkpoint(workdir, tmp_path):
  """Not of one before: their epochs are compared."""
  copy = pathlib.Path(shutil.copytree(workdir, tmp_path / 'copy'))
  folder = run_folder.RunFolder(copy)
  one, other = (
    run_bundles.weights_of_run(copy, selection)[1][0]
    for selection in ('last', 'last_recomputed')
  )
  assert one.epoch == other.epoch
  blocks, epochs = folder.read_statistics(list(one.stats))
  for name, block in blocks.items():
    for moment, values in block.items():
      np.testing.assert_array_equal(other.stats[name][moment], values[0])
      assert np.abs(values[0] - one.stats[name][moment]).max() > 0
  folder.write_statistics(blocks, epochs - 1)
  with pytest.raises(InputError, match=r'not of the newest.*--mode=evaluate'):
    run_bundles.from_run(copy, 'last_recomputed')
  folder.write_statistics({name: blocks[name] for name in ['joint']}, epochs)
  with pytest.raises(InputError, match=r'statistics\.npz is damaged'):
    run_bundles.from_run(copy, 'last_recomputed')
  folder.statistics.unlink()
  with pytest.raises(InputError, match=r'is missing.*--mode=evaluate'):
    run_bundles.from_run(copy, 'last_recomputed')


def test_what_a_run_can_lack(workdir, tmp_path):
  with pytest.raises(InputError, match="selection is 'best'"):
    run_bundles.from_run(workdir, 'best')
  with pytest.raises(InputError, match=r"--fold is 'an'.*'ann'"):
    models.load(workdir, fold='an')
  with pytest.raises(InputError, match='holds no run'):
    models.load(tmp_path)
  for name in ('config.json', 'folds.json'):
    (tmp_path / name).write_text((workdir / name).read_text())
  with pytest.raises(InputError, match=r'results\.json is missing'):
    models.load(tmp_path)
  (tmp_path / 'results.json').write_text((workdir / 'results.json').read_text())
  with pytest.raises(InputError, match='checkpoints does not exist'):
    models.load(tmp_path)
  (tmp_path / 'checkpoints').mkdir()
  with pytest.raises(InputError, match='holds no checkpoint'):
    models.load(tmp_path)
  broken = tmp_path / 'checkpoints' / '6'
  broken.mkdir()
  for file in (workdir / 'checkpoints').glob('6/*'):
    if file.is_file():
      (broken / file.name).write_bytes(file.read_bytes())
  with pytest.raises(InputError, match='6 cannot be read'):
    models.load(tmp_path)
  assert broken.exists()


def test_the_first_line_says_where_last_is_near_guessing(
  workdir, tmp_path, capsys
):
  """`predict` of a run whose moving statistics lag behind."""
  copy = pathlib.Path(shutil.copytree(workdir, tmp_path / 'copy'))
  folder = run_folder.RunFolder(copy)
  results = folder.read_results()
  right, wrong = np.diag([4, 4]), np.array([[4, 0], [4, 0]])
  names = [fold.name for fold in results.last.folds]
  last, again = (
    summaries.summarize(
      [{'name': name, 'epoch': 1, 'confusion': counts} for name in names],
      dict.fromkeys(names, counts),
    )
    for counts in (wrong, right)
  )
  selections = {**results.selections, 'last': last, 'last_recomputed': again}
  folder.write_results(dataclasses.replace(results, selections=selections))
  sound = str(next((workdir.parent / 'corpus').glob('**/*.wav')))
  assert predict.main([sound, f'--model={copy}']) == 0
  first = capsys.readouterr().err.splitlines()[0]
  assert first.startswith('warning: UAR 50.0 % of `last` is near guessing')
  again_code = predict.main(
    [sound, f'--model={copy}', '--selection=last_recomputed']
  )
  assert again_code == 0
  assert 'near guessing' not in capsys.readouterr().err
  with pytest.warns(UserWarning, match='of `last` is near guessing') as told:
    sernet_jax.load(copy)
  assert told[0].filename == __file__
  sernet_jax.load(copy, 'last_recomputed')  # warns of nothing
