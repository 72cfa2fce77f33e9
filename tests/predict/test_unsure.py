"""Labels that are left out below a least probability."""

from __future__ import annotations

import csv
import dataclasses
import io
import json

import numpy as np
import pytest
import small_model

from sernet_jax.common.errors import InputError
from sernet_jax.predict import (
  __main__ as predict,
  bundle as bundle_lib,
  demo,
  models,
  recordings,
  stream,
)
from sernet_jax.predict.inference import predictor, unsure
from sernet_jax.predict.inference.result import Recording, Window
from sernet_jax.runs.weights import threshold

RATE_HZ = small_model.RATE_HZ


@pytest.fixture(scope='module')
def sure(place):
  """The recording as it is recognized without a threshold."""
  model = models.load(place / 'm.safetensors')
  (found,) = recordings.recognize([place / 'long.wav'], model)
  return found


def test_a_label_stands_where_its_probability_reaches_the_threshold():
  shares = np.float32([0.6, 0.3, 0.1])
  silence = Window(0, 1, None, None)
  windows = (Window(0, 1, 'a', shares), Window(1, 2, 'b', 1 - shares), silence)
  found = Recording('x.wav', 2.0, 'a', shares, windows)
  assert unsure.leave_out(found, 0) is found
  assert unsure.leave_out(found, 0.6).label == 'a'
  above = unsure.leave_out(found, 0.61)
  assert above.label is None
  assert [window.label for window in above.windows] == [None, 'b', None]
  assert above.probabilities is shares  # nothing else changes
  failure = recordings.Failure('y.wav', 'is silent')
  assert unsure.leave_out(failure, 0.9) is failure


def test_a_command_prints_that_it_is_unsure(say, place, sure):
  path = str(place / 'long.wav')
  highest = max(w.probabilities.max() for w in (sure, *sure.windows))
  above = f'--abstain={(1 + highest) / 2}'
  code, out, _ = say(predict, path, above)
  assert code == 0
  assert out.count('(unsure)') == 1 + len(sure.windows)
  assert say(predict, path)[1].count('(unsure)') == 0
  code, out, _ = say(predict, path, above, '--output=json')
  line = json.loads(out)
  assert line['label'] is None
  assert line['probabilities'] == pytest.approx(
    dict(zip(('high', 'low', 'none'), sure.probabilities, strict=True))
  )
  code, out, _ = say(predict, path, above, '--output=csv')
  rows = list(csv.DictReader(io.StringIO(out)))
  assert {row['label'] for row in rows} == {''}
  assert rows[0]['p_high']


def test_a_picture_and_embeddings_say_so(say, place, tmp_path):
  code, _, err = say(
    predict,
    str(place / 'long.wav'),
    '--abstain=0.999',
    f'--figure={tmp_path / "x.svg"}',
    f'--embeddings={tmp_path / "x.csv"}',
  )
  assert code == 0
  assert err.splitlines()[:2] == [
    f'wrote {tmp_path / "x.svg"}',
    f'wrote {tmp_path / "x.csv"}',
  ]
  rows = list(csv.DictReader((tmp_path / 'x.csv').read_text().splitlines()))
  assert rows[0]['label'] == 'unsure'


def test_a_stream_is_unsure_window_by_window(say, place):
  raw = (place / 'raw.pcm').read_bytes()
  rate = f'--rate_hz={RATE_HZ}'
  _, plain, _ = say(stream, rate, stdin=raw)
  code, out, _ = say(stream, rate, '--abstain=0.999', stdin=raw)
  assert code == 0
  for before, after in zip(
    map(json.loads, plain.splitlines()),
    map(json.loads, out.splitlines()),
    strict=True,
  ):
    assert after == {**before, 'label': None}


def test_python_and_the_page(place, sure, tmp_path):
  own = predictor.load(place / 'm.safetensors')
  (found,) = own.predict_files([place / 'long.wav'], abstain=0.999)
  assert found.label is None
  assert found.probabilities['high'] == pytest.approx(sure.probabilities[0])
  assert own.predict_files([place / 'long.wav'])[0].label == sure.label
  path = str(place / 'long.wav')
  _, notes, _, rows = demo.listen(path, own.model, 0.1, tmp_path, abstain=0.999)
  assert notes.splitlines() == [
    '- The label is of the 0.25 s in its middle alone, as in training; the '
    'timeline shows all of it.',
    '- The model is unsure: no class reaches 0.999.',
  ]
  assert {row[2] for row in rows} == {'unsure'}


@pytest.mark.parametrize('given', [-0.1, 1.0, 60.0, float('nan')])
def test_a_threshold_that_cannot_be(say, place, given):
  code, _, err = say(predict, str(place / 'long.wav'), f'--abstain={given}')
  assert code == 2
  assert 'give the least probability of a label' in err
  code, _, err = say(stream, '--rate_hz=8000', f'--abstain={given}', stdin=b'')
  assert code == 2
  assert '--abstain' in err
  with pytest.raises(InputError, match='--abstain'):
    predictor.load(place / 'm.safetensors').predict_files([], abstain=given)


def test_the_threshold_that_the_weights_keep(say, place, sure, tmp_path):
  """As `export --temperature` leaves it; not for a choice of classes."""
  plain = bundle_lib.load(place / 'm.safetensors')
  path = str(place / 'long.wav')
  code, _, err = say(predict, path, '--abstain=own')
  assert code == 2
  assert 'keeps no threshold; give a number such as 0.6' in err
  assert (
    '--model=emodb_robust, --model=emodb_small, --model=emodb_tiny of the '
    'package'
  ) in err
  highest = max(w.probabilities.max() for w in (sure, *sure.windows))
  about = {**plain.about, **threshold.text((1 + highest) / 2, 0.9, 0.5)}
  kept = tmp_path / 'kept.safetensors'
  bundle_lib.save(kept, dataclasses.replace(plain, about=about), 'float32')
  code, out, _ = say(predict, path, '--abstain=own', f'--model={kept}')
  assert code == 0
  assert out.count('(unsure)') == 1 + len(sure.windows)
  own = predictor.load(kept)
  (found,) = own.predict_files([path], abstain='own')
  assert found.label is None
  raw = (place / 'raw.pcm').read_bytes()
  options = (f'--rate_hz={RATE_HZ}', f'--model={kept}', '--abstain=own')
  code, out, _ = say(stream, *options, stdin=raw)
  assert code == 0
  assert {json.loads(line)['label'] for line in out.splitlines()} == {None}
  for other in ('--classes=high,low', f'--model={place / "m.safetensors"}'):
    code, _, err = say(predict, path, '--abstain=own', f'--model={kept}', other)
    assert (code, 'keeps no threshold' in err) == (2, True)


@pytest.mark.parametrize(
  'damaged', ['', 'high', '1.5: x', '-0.2: x', 'nan: x', '0: x']
)
def test_a_damaged_threshold_is_none(damaged):
  assert threshold.kept({'abstain': damaged}) is None
  assert threshold.kept({}) is None
  assert threshold.kept(threshold.text(0.63, 0.9, 0.7)) == 0.63


@pytest.mark.parametrize(
  ('given', 'kept'),
  [
    (0.63041, 0.63),
    (0.9994, 0.999),
    (0.9997, 0.9997),
    (0.99996, 0.99996),
    (0.999996, 0.999996),
    (1 - 1e-9, 0.9999999),
    (1.0, 0.9999999),
  ],
)
def test_a_threshold_near_one_is_kept(given, kept):
  about = threshold.text(given, 0.9, 0.1)
  assert threshold.kept(about) == kept
  assert 0 < np.float32(threshold.kept(about)) < 1
  assert about['abstain'].startswith(
    f'{kept:.3f}' if kept < 0.9995 else '0.999'
  )


def test_a_threshold_that_was_written_as_one_is_read():
  assert threshold.kept({'abstain': '1.000: 90% of the labels'}) == 0.9995


def test_a_stream_is_silent_without_a_voice(say, place):
  """Steady sound has none; see tests/audio/test_voice_gate.py."""
  random = np.random.default_rng(0)
  noise = (1000 * random.normal(size=3 * RATE_HZ)).astype('<i2').tobytes()
  options = (f'--rate_hz={RATE_HZ}', '--hop_s=0.1')
  for more, silent in (((), False), (('--voice',), True)):
    code, out, _ = say(
      stream, *options, *more, f'--model={place / "m.safetensors"}', stdin=noise
    )
    assert code == 0
    found = [json.loads(line)['probabilities'] for line in out.splitlines()]
    assert len(found) > 3
    assert all((one is None) == silent for one in found)
