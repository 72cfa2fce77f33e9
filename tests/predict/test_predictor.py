"""Three lines of Python give what the command gives for the same sound."""

from __future__ import annotations

import functools
import io
import json
import subprocess
import sys

import numpy as np
import pytest
import small_model
import soundfile

import sernet_jax
from sernet_jax.audio.listening import Listening
from sernet_jax.common.errors import InputError
from sernet_jax.predict import __main__ as command, bundle, recordings
from sernet_jax.predict.inference import prediction

RATE_HZ = small_model.RATE_HZ
LONG = small_model.sound(1.3)


@pytest.fixture(scope='module')
def place(tmp_path_factory):
  folder = tmp_path_factory.mktemp('predictor')
  bundle.save(folder / 'm.safetensors', small_model.make(), 'float32')
  soundfile.write(folder / '03.wav', LONG, RATE_HZ)
  (folder / 'bad.wav').write_bytes(b'')
  return folder


@pytest.fixture(scope='module')
def predictor(place):
  return sernet_jax.load(place / 'm.safetensors')


def test_a_sound_is_predicted_as_the_command_does(predictor, place, capsys):
  arguments = [str(place / '03.wav'), '--output=json', '--hop_s=0.25']
  assert command.main([*arguments, f'--model={place / "m.safetensors"}']) == 0
  expected = json.loads(capsys.readouterr().out)
  raw = (LONG * 32_768).astype(np.int16)
  found = predictor.predict(raw, RATE_HZ, hop_s=0.25)
  assert found.label == expected['label']
  # The command computes so few windows in numpy.
  near = functools.partial(pytest.approx, abs=1e-6)
  assert found.probabilities == near(expected['probabilities'])
  assert found.duration_s == expected['duration_s']
  assert len(found.timeline) == len(expected['timeline'])
  for moment, window in zip(found.timeline, expected['timeline'], strict=True):
    shares = window.pop('probabilities')
    assert moment.probabilities == (shares and near(shares))
    same = moment._asdict()
    del same['probabilities']
    assert same == {**window, 'embedding': None, 'dimensions': {}}
  assert (found.error, found.embedding) == ('', None)


def test_rate_and_channels_change_little(predictor):
  """Resampled or doubled, the same sound has nearly the same answer."""
  once = predictor.predict(LONG, RATE_HZ, hop_s=0)
  stereo = np.stack([LONG, LONG], axis=1)
  twice = predictor.predict(stereo, RATE_HZ, hop_s=0)
  assert twice.probabilities == once.probabilities
  assert once.timeline == ()
  high = predictor.predict(small_model.sound(1.3, rate_hz=48_000), 48_000)
  assert high.duration_s == pytest.approx(1.3)
  assert sum(high.probabilities.values()) == pytest.approx(1, abs=1e-5)


def test_settings_reach_the_recognizer(predictor):
  quiet = LONG.copy()
  quiet[: len(quiet) // 2] *= 1e-3
  plain = predictor.predict(quiet, RATE_HZ, hop_s=0.25)
  gateless = predictor.predict(
    quiet, RATE_HZ, hop_s=0.25, listening=Listening(gate_db=np.inf)
  )
  assert plain.timeline[0].label is None
  assert gateless.timeline[0].label is not None
  whole = predictor.predict(quiet, RATE_HZ, hop_s=0.25, whole='timeline')
  heard = [moment for moment in plain.timeline if moment.label]
  rows = [list(moment.probabilities.values()) for moment in heard]
  lengths_s = [moment.end_s - moment.start_s for moment in heard]
  np.testing.assert_allclose(
    list(whole.probabilities.values()),
    np.average(rows, axis=0, weights=lengths_s),
    atol=1e-6,
  )


def test_a_batch_of_unequal_sounds(predictor):
  sounds = [LONG, small_model.sound(0.1), small_model.sound(0.4, 1, 8000)]
  rates = [RATE_HZ, RATE_HZ, 8000]
  found = predictor.predict_batch(sounds, rates, hop_s=0.25)
  for one, samples, rate_hz in zip(found, sounds, rates, strict=True):
    alone = predictor.predict(samples, rate_hz, hop_s=0.25)
    assert one.label == alone.label
    assert len(one.timeline) == len(alone.timeline)
    for name, share in alone.probabilities.items():
      assert one.probabilities[name] == pytest.approx(share, abs=1e-6)
  assert [one.name for one in found] == ['sound 0', 'sound 1', 'sound 2']
  assert predictor.predict_batch([], RATE_HZ) == []


def test_a_path_is_a_sound_too(predictor, place):
  (listed,) = predictor.predict_files([place / '03.wav'])
  for path in (place / '03.wav', str(place / '03.wav')):
    found = predictor.predict(path)
    assert found.name == str(place / '03.wav')
    assert found.probabilities == listed.probabilities
  assert 'load' in dir(sernet_jax)
  assert repr(predictor).startswith("Predictor('m.safetensors', classes=(")


def test_a_channel_of_the_model_is_that_of_its_sounds(predictor, place):
  """Unless what is heard names another."""
  stereo = np.stack([LONG, small_model.sound(1.3, 1)], axis=1)
  second = sernet_jax.load(place / 'm.safetensors', channel='1')
  for channel, heard in (
    (1, None), (1, Listening(gate_db=30)), (0, Listening(channel='0')),
  ):  # fmt: skip
    found = second.predict(stereo, RATE_HZ, hop_s=0, listening=heard)
    alone = predictor.predict(stereo[:, channel], RATE_HZ, hop_s=0)
    assert found.probabilities == alone.probabilities


def test_what_cannot_be_used_is_a_result_where_asked_for(predictor, place):
  sounds = [np.zeros(9), LONG, [1, 2, 3]]
  found = predictor.predict_batch(sounds, RATE_HZ, errors='return')
  assert [one.label is None for one in found] == [True, False, True]
  assert 'sound 0 is silent' in found[0].error
  found = predictor.predict_batch(['a.wav', LONG], RATE_HZ, errors='return')
  assert found[0].error == "'a.wav' is a file; give files to predict_files"
  assert found[1].label
  found = predictor.predict_files([None, place / '03.wav'], errors='return')
  assert [one.error != '' for one in found] == [True, False]
  found = predictor.predict_batch(sounds, RATE_HZ, errors='return')
  assert 'sound 2 is int64' in found[2].error
  with pytest.raises(InputError, match='sound 0 is silent'):
    predictor.predict_batch(sounds[:2], RATE_HZ)
  files = [place / 'bad.wav', place / '03.wav', place / 'none.wav']
  found = predictor.predict_files(files, errors='return')
  assert [bool(one.error) for one in found] == [True, False, True]
  assert 'none.wav does not exist' in found[2].error
  with pytest.raises(InputError, match=r'bad\.wav is empty'):
    predictor.predict_files(files)


@pytest.mark.parametrize(
  ('call', 'match'),
  [
    (lambda p: p.predict(LONG, RATE_HZ, hop_s=9), 'hop_s is 9'),
    (lambda p: p.predict(LONG, RATE_HZ, whole='x'), "whole is 'x'"),
    (lambda p: p.predict(np.zeros((2, 90)), RATE_HZ), 'to predict_batch'),
    (lambda p: p.predict_batch([LONG], [1, 2]), '2 sample rates for 1 sounds'),
    (lambda p: p.predict_batch([LONG], RATE_HZ, errors='x'), "errors is 'x'"),
    (lambda p: p.predict_files('a.wav'), 'one path; give a list'),
    (lambda p: p.predict_files(None), 'paths is None; give a list'),
    (lambda p: p.predict_files([None]), 'recordings is None; give a path'),
    (lambda p: p.predict_batch(None, RATE_HZ), 'sounds is None; give a list'),
    (
      lambda p: p.predict_batch('a.wav', RATE_HZ),
      'give files to predict_files',
    ),
    (
      lambda p: p.predict_batch(LONG, RATE_HZ),
      'sounds is one sound, .* as a li',
    ),
    (lambda p: p.predict_batch([0.5, 0.1], RATE_HZ), 'sounds is one sound'),
    (lambda p: p.predict_batch(['a.wav'], RATE_HZ), "'a.wav' is a file; give"),
    (lambda p: p.predict_batch([None], RATE_HZ), r'not an array \(NoneType'),
    (lambda p: p.predict(None, RATE_HZ), r'is not an array \(NoneType'),
    (lambda p: recordings.recognize('ab', p.model), "paths is 'ab', one path"),
    (lambda p: recordings.recognize(3, p.model), 'paths is 3; give a list'),
    (lambda p: sernet_jax.load(None), 'model is None; give a path'),
    (lambda p: sernet_jax.load(classes='anger'), "'anger', one name; give"),
    (lambda p: p.predict('a.wav', RATE_HZ), "'a.wav' is a file, which says"),
    (lambda p: p.predict('none.wav'), 'none.wav does not exist'),
    (lambda p: p.predict(LONG), 'without a sample rate; give it'),
    (lambda p: p.predict(b'RIFF'), r'a file \(bytes\), .*; decode it'),
    (lambda p: p.predict(io.BytesIO(b'RIFF'), RATE_HZ), r'\(BytesIO\), not'),
    (lambda p: p.predict(['a.wav', 'b.wav']), 'predict_files takes several'),
    (lambda p: p.predict(LONG, RATE_HZ, hop_s='1'), "hop_s is '1'"),
    (lambda p: p.predict(LONG, RATE_HZ, abstain=None), 'abstain is None'),
    (lambda p: p.predict(LONG, RATE_HZ, listening=3), 'listening is 3; give'),
    (lambda p: sernet_jax.load('none'), 'none does not exist'),
    (lambda p: sernet_jax.load(channel=0), 'channel is 0; give a string'),
    (lambda p: sernet_jax.load(channel='left'), "'left'; give mean, or the"),
  ],
)
def test_mistakes_are_one_sentence(predictor, call, match):
  with pytest.raises(InputError, match=match):
    call(predictor)


def test_a_table_of_pandas_is_the_csv(predictor, place):
  pandas = pytest.importorskip('pandas')
  found = predictor.predict_files(
    [place / '03.wav', place / 'bad.wav'], errors='return', hop_s=0.25
  )
  frame = prediction.to_frame(found)
  assert isinstance(frame, pandas.DataFrame)
  assert list(frame['part']) == ['whole', *['window'] * 6, 'whole']
  assert frame['p_high'][0] == found[0].probabilities['high']
  assert list(frame['recording'])[-1] == str(place / 'bad.wav')
  assert np.isnan(frame['p_high'].iloc[-1])
  assert 'is empty' in frame['error'].iloc[-1]
  named = predictor.predict(LONG, RATE_HZ).to_frame()
  assert named['recording'][0] == 'the sound'


def test_without_pandas_a_table_is_one_sentence(predictor, monkeypatch):
  monkeypatch.setitem(sys.modules, 'pandas', None)
  with pytest.raises(InputError, match=r'pip install pandas, or in a clone'):
    predictor.predict(LONG, RATE_HZ).to_frame()


def test_embeddings_are_what_the_head_sees(predictor):
  """The head on top of them gives the probabilities again."""
  head = predictor.model.bundle.folded['head']
  found = predictor.predict(LONG, RATE_HZ, hop_s=0.25, embed=True)
  plain = predictor.predict(LONG, RATE_HZ, hop_s=0.25)
  assert found.embedding.shape == (32,)
  assert found.embedding.dtype == np.float32
  for one, other in zip(
    (found, *found.timeline), (plain, *plain.timeline), strict=True
  ):
    logits = one.embedding @ head['kernel'] + head['bias']
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    # As stored in the file: the head of what was read is the bundle's.
    np.testing.assert_allclose(
      shares, list(one.probabilities.values()), atol=1e-5
    )
    assert one.probabilities == pytest.approx(other.probabilities, abs=1e-6)


def test_models_without_embeddings_say_so():
  one = recordings.recognize  # eager: before the first result is asked for
  from sernet_jax.predict import recognizer

  both = recognizer.Recognizer([small_model.make(0), small_model.make(1)])
  with pytest.raises(InputError, match='give one of them, by --fold'):
    one([], both, embed=True)

  class Alone:
    name, audio = 'm.onnx', both.audio

  with pytest.raises(InputError, match=r'm\.onnx gives probabilities alone'):
    one([], Alone(), embed=True)


def test_the_package_itself_stays_light():
  program = """
import sys
import sernet_jax
assert not {'jax', 'numpy', 'soundfile'} & set(sys.modules)
assert callable(sernet_jax.load)
"""
  subprocess.run([sys.executable, '-c', program], check=True)
