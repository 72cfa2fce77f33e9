"""The ladder of protocols for networks."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tiny

from experiments.lib import records
from experiments.related import ladder
from sernet_jax.common import trees
from sernet_jax.common.errors import InputError
from sernet_jax.results import run_folder, summaries
from sernet_jax.results.formats import json_records, results_json
from sernet_jax.runs import config as config_lib
from sernet_jax.runs.weights import history

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
  with pytest.raises(InputError, match="'corpus': 'ravdess'"):
    ladder.settings('acrnn', 'L3', changes={'data.corpus': 'ravdess'})


@pytest.mark.parametrize(
  ('network', 'field', 'text', 'value'),
  [
    ('separable', 'model.shared', 'false', False),
    ('separable', 'train.new_head', 'True', True),
    ('acrnn', 'model.pool', '(2, 4)', (2, 4)),
    ('acrnn', 'protocol.folds', '03,08', ('03', '08')),
  ],
)
def test_switches_and_tuples_are_what_they_say(network, field, text, value):
  """Of Python itself bool('false') is True, tuple('(2, 4)') six letters."""
  config = ladder.settings(network, 'L3', changes={field: text})
  assert trees.flatten(config.to_dict())[field] == value
  with pytest.raises(InputError, match=rf'{field} is a (bool|tuple)'):
    ladder.settings(network, 'L3', changes={field: '(no'})


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
    ('L5=last', 'L5'),
  ],
)
def test_a_record_stands_at_the_level_of_its_run(tmp_path, place, words):
  output = tmp_path / 'results.json'
  with pytest.raises(InputError, match=words):
    ladder.main([f'--record=x/{place}:{RECORD}', f'--output={output}'])
  assert not output.exists()


@pytest.mark.parametrize(
  ('changes', 'words'),
  [
    (
      {'corpus': 'ravdess'},
      'x/L3 is of the 7 classes of emodb, and .* of 7 of r',
    ),
    ({'corpus': 'emodb+ravdess'}, 'of 7 of emodb.ravdess'),
    ({'classes': ['a', 'b', 'c', 'd', 'e', 'f']}, 'no results of a run'),
    ({'selections': {}}, 'no results of a run .*no selection last'),
    ({'cost': {}}, r'no results of a run .*cost\.'),
  ],
)
def test_a_record_is_of_the_corpus_of_the_ladder(tmp_path, changes, words):
  content = json.loads(RECORD.read_text())
  content['results'].update(changes)
  path = tmp_path / 'kept.json'
  path.write_text(json.dumps(content))
  output = tmp_path / 'results.json'
  with pytest.raises(InputError, match=words):
    ladder.main([f'--record=x/L3=last:{path}', f'--output={output}'])
  assert not output.exists()


@pytest.mark.parametrize('record', ['/L3=last:x', 'x/L3=last', 'x/L3=last:'])
def test_a_record_names_its_row_and_its_run(tmp_path, record):
  with pytest.raises(InputError, match='names no row or no run; write ROW'):
    ladder.main([f'--record={record}', f'--output={tmp_path / "results.json"}'])


def test_a_row_is_of_one_network(tmp_path):
  """Its costs would be those of the one, its figures those of the other."""
  output = tmp_path / 'results.json'
  costs = {'parameters': 104_496, 'mflops': 37.7, 'fp16_bytes': 213_984}
  output.write_text(json.dumps({'networks': {'timnet': costs}}))
  arguments = [f'--record=timnet/L3=last:{RECORD}', f'--output={output}']
  with pytest.raises(
    InputError, match=r'timnet is of a network with 104,496 .* one with 461,703'
  ):
    ladder.main(arguments)
  assert json.loads(output.read_text())['networks'] == {'timnet': costs}
  # Counted for the tests that the config hears, not those of one run.
  costs.update(parameters=461_703, mflops=12.0)
  output.write_text(json.dumps({'networks': {'timnet': costs}}))
  ladder.main(arguments)
  assert json.loads(output.read_text())['networks']['timnet']['mflops'] == 12


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


def test_folds_that_began_with_other_weights_are_not_one_run(tmp_path, names):
  """`train.start_from` is a name, behind which a run may be trained again."""
  places = []
  for part, digest in ((names[:4], 'a' * 64), (names[4:], 'b' * 64)):
    kept = json.loads(part_of_record(tmp_path / 'kept.json', part).read_text())
    folder = run_folder.RunFolder(tmp_path / part[0])
    folder.write_config(kept['config'])
    folder.write_results(results_json.decode(kept['results']))
    told = {
      'heard': {},
      'cautions': [],
      'start': {'from': 'x', 'sha256': digest},
    }
    history.write(folder, told)
    places.append(folder.path)
  with pytest.raises(InputError, match='began with other weights, though'):
    records.joined(places)
  history.write(run_folder.RunFolder(places[0]), told)
  assert len(records.joined(places).selections['last'].folds) == 10


def test_runs_of_unlike_selections_are_refused(tmp_path, names):
  one = part_of_record(tmp_path / 'one.json', names[:4])
  other = part_of_record(tmp_path / 'other.json', names[4:])
  content = json.loads(other.read_text())
  del content['results']['selections']['best_on_test']
  other.write_text(json.dumps(content))
  with pytest.raises(InputError, match='report different selections; --mode'):
    records.joined([one, other])
