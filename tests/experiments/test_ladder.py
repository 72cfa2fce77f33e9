"""The ladder of protocols for networks."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tiny

from experiments.lib import records
from experiments.related import ladder
from sernet_jax.common.errors import InputError
from sernet_jax.results import run_folder, summaries
from sernet_jax.results.formats import json_records, results_json
from sernet_jax.runs import config as config_lib

RECORD = tiny.ROOT / 'experiments/emodb/loso_300/results.json'


@pytest.mark.parametrize('level', ladder.LEVELS)
def test_each_level_is_an_experiment_that_reports_its_selection(level):
  config = ladder.settings('acrnn', level, epochs=3, folds=('03',))
  made = config_lib.experiment(config)
  assert ladder.LEVELS[level].selection in made.selections
  assert made.train.epochs == 3 and made.protocol.folds == ('03',)
  looks = level in ('L0', 'L2')
  assert made.protocol.best_on_test == looks


def test_fields_are_changed_as_their_type():
  changes = {'model.convolutions': '1', 'optim.learning_rate': '0.001'}
  config = ladder.settings('acrnn', 'L3', changes=changes)
  assert config.model.convolutions == 1
  assert config.optim.learning_rate == 1e-3
  with pytest.raises(InputError, match=r'--set=model\.depth'):
    ladder.settings('acrnn', 'L3', changes={'model.depth': '1'})
  with pytest.raises(InputError, match='name a config'):
    ladder.settings('nothing', 'L3')


def test_a_record_of_a_run_becomes_a_row(tmp_path, capsys):
  output = tmp_path / 'results.json'
  ladder.main(
    [
      f'--record=light_sernet_paper/L3=last:{RECORD}',
      f'--record=light_sernet_paper/L2=best_on_test:{RECORD}',
      f'--output={output}',
    ]
  )
  found = json.loads(output.read_text())['networks']['light_sernet_paper']
  assert list(found['ladder']) == ['L2', 'L3']
  record = json.loads(RECORD.read_text())['results']['selections']
  for level, selection in (('L2', 'best_on_test'), ('L3', 'last')):
    row = found['ladder'][level]
    assert row['uar'] == record[selection]['pooled']['uar']
    assert row['tests'] == np.sum(row['matrix']) == 535
    assert row['uar_by_selection'] == {
      name: each['pooled']['uar'] for name, each in record.items()
    }
    assert (row['epochs'], row['folds'], row['seeds']) == (300, 10, 1)
  assert found['parameters'] == 461_703
  with pytest.raises(InputError, match='the selection'):
    ladder.main([f'--record=x/L3=average:{RECORD}', f'--output={output}'])


@pytest.mark.parametrize(
  ('place', 'words'),
  [
    ('L1=last', 'x/L1 is of ten random folds.* one speaker left out'),
    ('L3=best_on_test', 'best_on_test looks at the answers'),
    ('L2=last', 'last does not look at the answers'),
  ],
)
def test_a_record_stands_at_the_level_of_its_run(tmp_path, place, words):
  output = tmp_path / 'results.json'
  with pytest.raises(InputError, match=words):
    ladder.main([f'--record=x/{place}:{RECORD}', f'--output={output}'])
  assert not output.exists()


def test_a_run_is_recorded_by_its_folder(tmp_path):
  record = json.loads(RECORD.read_text())
  folder = run_folder.RunFolder(tmp_path / 'run')
  folder.write_config(record['config'])
  folder.write_results(results_json.decode(record['results']))
  output = tmp_path / 'results.json'
  ladder.main([f'--record=x/L3=last:{tmp_path / "run"}', f'--output={output}'])
  row = json.loads(output.read_text())['networks']['x']['ladder']['L3']
  assert row['uar'] == record['results']['selections']['last']['pooled']['uar']


def part_of_record(path, names, **changes):
  """Writes the record as a run that trained some of its folds alone."""
  record = json.loads(RECORD.read_text())
  results = results_json.decode(record['results'])

  def kept(found):
    folds = [
      {'name': fold.name, 'epoch': fold.epoch, 'confusion': fold.confusion}
      for fold in found.folds
      if fold.name in names
    ]
    # A fold of this record is a speaker.
    speakers = {s.name: s.confusion for s in found.speakers if s.name in names}
    return json_records.encode(summaries.summarize(folds, speakers))

  for field in ('selections', 'selections_float32'):
    record['results'][field] = {
      name: kept(found) for name, found in getattr(results, field).items()
    }
  record['results']['seconds'] = results.seconds * len(names) / 10
  record['config']['protocol']['folds'] = list(names)
  for field, value in changes.items():
    room, _, name = field.partition('__')
    record['config'][room][name] = value
  path.write_text(json.dumps(record))
  return path


@pytest.fixture(scope='module')
def names():
  found = json.loads(RECORD.read_text())['results']['selections']['last']
  return [fold['name'] for fold in found['folds']]


def test_runs_that_share_the_folds_are_one(tmp_path, names):
  one = part_of_record(tmp_path / 'one.json', names[:4])
  other = part_of_record(tmp_path / 'other.json', names[4:])
  whole = results_json.decode(json.loads(RECORD.read_text())['results'])
  joined = records.joined([one, other])
  assert joined.selections == whole.selections
  assert joined.selections_float32 == whole.selections_float32
  assert joined.seconds == pytest.approx(whole.seconds)
  output = tmp_path / 'results.json'
  ladder.main([f'--record=x/L3=last:{one},{other}', f'--output={output}'])
  row = json.loads(output.read_text())['networks']['x']['ladder']['L3']
  assert row['uar'] == whole.selections['last'].pooled.uar
  assert (row['folds'], row['tests']) == (10, 535)


def test_runs_that_do_not_belong_together_are_refused(tmp_path, names):
  one = part_of_record(tmp_path / 'one.json', names[:4])
  same = part_of_record(tmp_path / 'same.json', names[3:6])
  unlike = part_of_record(
    tmp_path / 'unlike.json', names[4:], optim__learning_rate=0.5
  )
  with pytest.raises(InputError, match=f'all have fold {names[3]}; join'):
    records.joined([one, same])
  with pytest.raises(InputError, match=r'differs .* in optim\.learning_rate'):
    records.joined([one, unlike])
