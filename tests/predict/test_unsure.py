"""Labels that are left out below a least probability."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
import small_model

from sernet_jax.common.errors import InputError
from sernet_jax.predict import (
  __main__ as predict,
  demo,
  models,
  recordings,
  stream,
)
from sernet_jax.predict.inference import predictor, unsure
from sernet_jax.predict.inference.result import Recording, Window

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
  assert (code, err) == (0, '')
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
  assert notes == '- The model is unsure: no class reaches 0.999.'
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
