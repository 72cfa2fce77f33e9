"""The experiment on fp16 and int8 files, from summaries of exports."""

from __future__ import annotations

import json
import pathlib

import pytest
import tiny

from sernet_jax.common.errors import InputError

FOLDER = tiny.ROOT / 'experiments' / 'precision'
RIGHT, ONE_WRONG = [[6, 0], [0, 4]], [[6, 0], [1, 3]]


@pytest.fixture
def assemble():
  return tiny.load_script(FOLDER / 'assemble.py')


def summary(tmp_path, selection='last_recomputed', protocol='loso'):
  """int8 loses one of ten utterances in each of three folds, fp16 none."""
  folds = [
    {
      'fold': fold,
      'format': 'onnx',
      'precision': precision,
      'file_bytes': 2**20,
      'weights_bytes': 2**19,
      'largest_difference': 0.1,
      'same_labels': 0.9 if precision == 'int8' else 1.0,
      'num_recordings': 10,
      'confusion_jax': RIGHT,
      'confusion_file': ONE_WRONG if precision == 'int8' else RIGHT,
      'jax': {'wa': 1.0},
      'exported': {'wa': 0.9},
    }
    for fold in ('a', 'b', 'c')
    for precision in ('fp16', 'int8')
  ]
  path = tmp_path / 'summary.json'
  content = {
    'model': {'selection': selection, 'protocol': protocol},
    'folds': folds,
    'environment': {
      'command': 'python -m sernet_jax.export --workdir=/some/where',
      'date': 'today',
    },
  }
  path.write_text(json.dumps(content))
  return str(path)


def test_a_row_for_each_file_with_what_it_loses(assemble, tmp_path):
  out = tmp_path / 'out'
  out.mkdir()
  (out / 'results.json').write_text('{"speed": {"rows": [1]}}')
  assemble.main([summary(tmp_path), f'--output={out}'])
  content = json.loads((out / 'results.json').read_text())
  fp16, int8 = content['rows']
  assert (fp16['precision'], int8['precision']) == ('fp16', 'int8')
  assert fp16['difference']['uar'] == 0
  assert int8['num_tests'] == 30
  assert int8['same_labels'] == pytest.approx(0.9)
  assert int8['difference']['wa'] == pytest.approx(-0.1)
  assert int8['difference']['uar'] == pytest.approx(-0.125)
  assert int8['difference_ci95']['uar'] == pytest.approx([-0.125] * 2)
  assert int8['p'] == 2 / 8  # three speakers
  assert content['speed'] == {'rows': [1]}  # timings stay
  assert content['runs'][0]['command'] == 'python -m sernet_jax.export'
  assert '-12.50 [-12.5, -12.5]' in (out / 'README.md').read_text()
  assert (out / 'precision.png').stat().st_size > 10_000


def test_a_speaker_counts_once(assemble, tmp_path):
  path = pathlib.Path(summary(tmp_path))
  content = json.loads(path.read_text())
  for fold in content['folds']:
    fold['fold'] += ', seed 0'
  path.write_text(json.dumps(content))
  with pytest.raises(InputError, match='the fold a, seed 0: a speaker would'):
    assemble.main([str(path), f'--output={tmp_path / "o"}'])


@pytest.mark.parametrize(
  ('changes', 'message'),
  [
    ({'protocol': 'emobox'}, r"'emobox', which are not speakers; export a run"),
    ({'selection': 'best_on_test'}, r"the selection 'best_on_test'; this"),
  ],
)
def test_other_folds_and_selections_are_refused(
  assemble, tmp_path, changes, message
):
  with pytest.raises(InputError, match=message):
    assemble.main([summary(tmp_path, **changes), f'--output={tmp_path / "o"}'])
  assert not (tmp_path / 'o').exists()
