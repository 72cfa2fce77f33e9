"""Noise, rooms and lines as they are meant, and a run tested behind them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tiny
import tiny_runs

from experiments.robustness import conditions, evaluate, other_corpora
from sernet_jax.common.errors import InputError
from sernet_jax.predict import bundle, run_bundles
from sernet_jax.results import run_folder
from sernet_jax.runs import run

SECONDS = 2
SPEECH = np.float32(
  0.3
  * np.sin(2 * np.pi * 440 * np.arange(SECONDS * conditions.RATE_HZ) / 16_000)
)


def changed(name, seed=0):
  return conditions.CONDITIONS[name](SPEECH, np.random.default_rng(seed))


@pytest.mark.parametrize('name', conditions.CONDITIONS)
def test_a_condition_keeps_the_length_and_draws_the_same_again(name):
  found, rate_hz = changed(name)
  assert found.dtype == np.float32
  assert len(found) / rate_hz == pytest.approx(SECONDS, abs=1e-3)
  np.testing.assert_array_equal(found, changed(name)[0])
  assert np.isfinite(found).all()


@pytest.mark.parametrize('snr_db', [20, 10, 5, 0])
def test_noise_lies_as_far_below_the_speech_as_it_says(snr_db):
  found, _ = changed(f'noise {snr_db} dB')
  power = np.mean((found - SPEECH) ** 2)
  measured = 10 * np.log10(np.mean(SPEECH**2) / power)
  assert measured == pytest.approx(snr_db, abs=0.01)


@pytest.mark.parametrize(
  ('name', 'direct_db'), [('living room', 3.0), ('hall', -3.0)]
)
def test_a_room_has_the_direct_sound_and_its_share_of_tail(name, direct_db):
  click = np.zeros(2 * conditions.RATE_HZ, np.float32)
  click[0] = 1
  found, _ = conditions.CONDITIONS[name](click, np.random.default_rng(0))
  assert found[0] == pytest.approx(1, abs=1e-5)
  tail_db = -10 * np.log10(np.sum(found[1:] ** 2))
  assert tail_db == pytest.approx(direct_db, abs=0.1)


def test_lines_and_levels():
  telephone, rate_hz = changed('telephone 8 kHz')
  assert rate_hz == 8_000
  assert len(np.unique(np.round(telephone, 6))) <= 255  # 8 bits
  loud, _ = changed('gain +20 dB')
  assert loud.max() == pytest.approx(32_767 / 32_768)
  assert np.mean(np.abs(loud) > 0.99) > 0.5  # clipped
  faint, _ = changed('gain -20 dB')
  np.testing.assert_allclose(faint, SPEECH / 10, atol=1 / 32_768)


def test_scores_of_known_tests():
  shares = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
  found = evaluate.scores_of(
    shares, np.array([0, 0, 1, 1]), np.array(['a', 'b', 'a', 'b'])
  )
  assert found['tests'] == 4
  assert found['uar'] == found['accuracy'] == 0.75
  assert found['confidence'] == pytest.approx(0.75)


def test_runs_stand_beside_those_of_the_same_tests():
  every = {'corpus': 'emodb', 'folds': 'all'}
  evaluate.require_same_tests({'one': every})
  evaluate.require_same_tests({'one': every, 'two': dict(every)})
  for field, value in (('folds', ['03']), ('corpus', 'nemo')):
    with pytest.raises(
      InputError, match=f'two has the {field} .* and one beside'
    ):
      evaluate.require_same_tests(
        {'one': every, 'two': {**every, field: value}}
      )


def test_a_run_and_a_file_become_tables(tmp_path, blank_figures):
  tiny.write_corpus(tmp_path / 'corpus')
  workdir = tmp_path / 'run'
  run.train(tiny_runs.settings(tmp_path, train__epochs=2), workdir)
  (tmp_path / 'README.md').write_text(
    '<!-- conditions -->\n<!-- /conditions -->\n'
    '<!-- corpora -->\n<!-- /corpora -->\n'
  )
  evaluate.main(
    [
      str(workdir),
      '--name=tiny',
      '--conditions=clean,noise 0 dB',
      f'--output={tmp_path}',
    ]
  )
  content = json.loads((tmp_path / 'results.json').read_text())
  found = content['trainings']['tiny']['conditions']
  assert [*found] == ['clean', 'noise 0 dB']
  # What predict hears is what training's own tests heard.
  results = run_folder.RunFolder(workdir).read_results()
  own = results.selections['last'].pooled.uar
  assert found['clean']['uar'] == pytest.approx(own, abs=0.1)
  page = (tmp_path / 'README.md').read_text()
  assert '| noise 0 dB |' in page
  assert 'tmp' not in json.dumps(content['trainings']['tiny']['environment'])
  with pytest.raises(InputError, match="--conditions has 'nosie'"):
    evaluate.main([str(workdir), '--name=x', '--conditions=nosie'])

  (model, *_) = run_bundles.from_run(workdir, 'last')
  bundle.save(tmp_path / 'm.safetensors', model)
  with pytest.raises(InputError, match='embedded_low shares the classes'):
    other_corpora.of_corpus(str(tmp_path / 'm.safetensors'), 'embedded_low', '')
  other_corpora.main(
    ['', '--name=box', '--corpus=embedded_low=', f'--output={tmp_path}']
  )
  content = json.loads((tmp_path / 'results.json').read_text())
  found = content['corpora']['embedded_low']['box']
  assert found['classes'] == ['anger', 'happiness', 'neutral', 'sadness']
  assert 0 <= found['uar'] <= 1 and found['left_out'] == 0
  assert content['trainings']  # stay
  assert '| embedded_low |' in (tmp_path / 'README.md').read_text()
