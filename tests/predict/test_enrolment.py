"""A run's networks, adapted to a voice before they recognize it."""

from __future__ import annotations

import json
import shutil
import types

import numpy as np
import pytest
import soundfile
import tiny
import tiny_runs

import sernet_jax
from sernet_jax import features
from sernet_jax.audio import segments
from sernet_jax.audio.listening import Listening
from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common.errors import InputError
from sernet_jax.export import __main__ as export
from sernet_jax.features import kinds
from sernet_jax.predict import __main__ as predict, bundle, models
from sernet_jax.predict.inference import enrolment
from sernet_jax.predict.recognizer import from_first_sample
from sernet_jax.results import run_folder
from sernet_jax.runs import run
from sernet_jax.training import adaptation


@pytest.fixture(scope='module', params=['mean', 'statistics'])
def place(request, tmp_path_factory, blank_figures):
  """A run of `loso_adapted`, and the recordings of one tested speaker."""
  folder = tmp_path_factory.mktemp('enrolment')
  tiny.write_corpus(folder / 'corpus')
  settings = tiny_runs.settings(
    folder,
    train__epochs=2,
    protocol__name='loso_adapted',
    model__pooling=request.param,
    # No recording is cut: a run cuts frames, where predict cuts samples.
    **{'data__test_duration_s': 0.4} if request.param != 'mean' else {},
  )
  run.train(settings, folder / 'run')
  (folder / 'ann').mkdir()
  for path in (folder / 'corpus').glob('ann_*.wav'):
    shutil.copy(path, folder / 'ann')
  return folder


def probabilities(model, paths):
  found = model.predict_files(paths, hop_s=0)
  return np.array([[*one.probabilities.values()] for one in found])


# Of a run so short, moving statistics are near guessing, as loading it says.
@pytest.mark.filterwarnings('ignore:UAR')
def test_it_decides_as_the_protocol_measured(place):
  rows = {
    row['utterance']: row['probabilities']
    for row in run_folder.RunFolder(place / 'run').read_predictions()
    if (row['selection'], row['weights_dtype'], row['fold'])
    == ('last', 'float32', 'ann')
  }
  paths = sorted((place / 'ann').iterdir())
  assert len(rows) == len(paths) == 8
  expected = np.array(
    [next(p for name, p in rows.items() if path.stem in name) for path in paths]
  )
  adapted = sernet_jax.load(place / 'run', fold='ann', enroll=place / 'ann')
  np.testing.assert_allclose(probabilities(adapted, paths), expected, atol=2e-4)
  plain = sernet_jax.load(place / 'run', fold='ann')
  assert np.abs(probabilities(plain, paths) - expected).max() > 0.01


def test_slopes_look_at_the_frames_of_a_recording_alone(tmp_path):
  """As in tests, and not at the padding behind it."""
  random = np.random.default_rng(0)
  sounds = 0.1 * random.normal(size=(17, 4800))  # more than a batch
  for number, sound in enumerate(sounds):
    soundfile.write(tmp_path / f'{number:02}.wav', sound, 16_000, 'FLOAT')
  experiment = types.SimpleNamespace(
    mfcc=features.PRESETS['chen2018'], feature_kind='log_mel_deltas'
  )
  audio = AudioSpec(16_000, 0.6)
  paths = sorted(tmp_path.iterdir())
  heard = enrolment._heard(paths, experiment, True, audio)
  sounds = np.concatenate(
    [segments.load_segments(path, audio) for path in paths]
  )
  sounds, lengths = from_first_sample(sounds)
  assert set(lengths.tolist()) == {4800}
  compute = kinds.KINDS['log_mel_deltas'].compute
  alone = np.asarray(compute(sounds[:, :4800], experiment.mfcc))
  assert (heard.frames == alone.shape[1]).all()
  assert heard.features.shape[1] > alone.shape[1]
  own = heard.features[:, : alone.shape[1]]
  np.testing.assert_allclose(own, alone, atol=1e-4)


@pytest.mark.parametrize('mode', ['center', 'all'])
def test_silence_at_its_ends_is_part_of_a_recording(mode, tmp_path):
  sound = 0.1 * np.random.default_rng(0).normal(size=16_000)
  sound[:4000] = sound[-6000:] = 0
  soundfile.write(tmp_path / 'a.wav', sound, 16_000, 'FLOAT')
  spec = features.PRESETS['paper']
  experiment = types.SimpleNamespace(mfcc=spec, feature_kind='mfcc')
  audio = AudioSpec(16_000, 2.0 if mode == 'center' else 0.75, segments=mode)
  heard = enrolment._heard([tmp_path / 'a.wav'], experiment, True, audio)
  # Side by side: 0.75 s, and a rest too short for a segment.
  own = features.num_frames(16_000 if mode == 'center' else 12_000, spec)
  assert heard.frames.tolist() == [own]
  assert (heard.features[0, own - 1] != 0).any()


def test_segments_count_as_their_recordings(place, tmp_path, monkeypatch):
  workdir = tmp_path / 'run'
  shutil.copytree(place / 'run', workdir)
  config = json.loads((workdir / 'config.json').read_text())
  if config['model']['pooling'] != 'mean':
    pytest.skip('such a network hears an utterance as one')
  config['data'] |= {'segments': 'all', 'duration_s': 0.1}
  (workdir / 'config.json').write_text(json.dumps(config))
  called = []

  def keep(recipe, heard, params, stats, prior, recordings=0):
    called.append((len(heard), recordings))
    return stats

  monkeypatch.setattr(adaptation, 'adapted', keep)
  enrolment.adapter(workdir, place / 'ann')({}, {})
  assert called == [(24, 8)]


def test_commands_and_files_have_it(place, tmp_path, capsys):
  path = tmp_path / 'ann.safetensors'
  enroll = f'--enroll={place / "ann"}'
  code = export.main(
    [
      f'--workdir={place / "run"}',
      '--fold=ann',
      enroll,
      '--precision=fp32',
      f'--output={path}',
    ]
  )
  assert code == 0
  assert bundle.load(path).about['adapted'] == 'to recordings of one speaker'
  recording = str(place / 'ann' / 'ann_low_0.wav')
  capsys.readouterr()
  run_, fold = f'--model={place / "run"}', '--fold=ann'
  assert predict.main([run_, fold, enroll, recording, '--output=csv']) == 0
  first = capsys.readouterr().out
  assert predict.main([f'--model={path}', recording, '--output=csv']) == 0
  shares = [
    [float(cell) for cell in text.splitlines()[1].split(',')[5:7]]
    for text in (first, capsys.readouterr().out)
  ]
  np.testing.assert_allclose(*shares, atol=1e-5)
  assert models.load(
    place / 'run', fold='ann', enroll=place / 'ann'
  ).name.endswith('(fold ann, adapted)')


@pytest.mark.filterwarnings('ignore:UAR')
def test_the_same_channel_is_enrolled_and_recognized(place, tmp_path, capsys):
  (tmp_path / 'both').mkdir()
  random = np.random.default_rng(0)
  for path in sorted((place / 'ann').iterdir()):
    samples, rate_hz = soundfile.read(path)
    noise = random.uniform(-0.9, 0.9, len(samples))
    sound = np.stack([noise, samples], axis=1)
    soundfile.write(tmp_path / 'both' / path.name, sound, rate_hz)
  shares = []
  for folder, channel in ((place / 'ann', 0), (tmp_path / 'both', 1)):
    arguments = [f'--model={place / "run"}', f'--enroll={folder}']
    arguments += ['--fold=ann', f'--channel={channel}', '--output=csv']
    assert predict.main([*arguments, str(folder / 'ann_low_0.wav')]) == 0
    line = capsys.readouterr().out.splitlines()[1]
    shares.append([float(cell) for cell in line.split(',')[5:7]])
    model = sernet_jax.load(
      place / 'run', fold='ann', enroll=folder, channel=str(channel)
    )
    for heard in (None, Listening(gate_db=30), Listening(channel=str(channel))):
      answer = model.predict(folder / 'ann_low_0.wav', listening=heard)
      shares.append([*answer.probabilities.values()])
  # 16 bits again.
  np.testing.assert_allclose(shares, shares[:1] * 8, atol=1e-3)


def test_who_cannot_be_enrolled(place, tmp_path, capsys):
  def refused(*arguments):
    code = predict.main([*arguments, str(place / 'ann' / 'ann_low_0.wav')])
    assert code == 2
    return capsys.readouterr().err

  run_ = f'--model={place / "run"}'
  assert 'is not a folder' in refused(run_, f'--enroll={tmp_path / "no"}')
  assert 'holds no recordings' in refused(run_, f'--enroll={tmp_path}')
  assert 'give --model=RUN_FOLDER' in refused(f'--enroll={place / "ann"}')
  no_run = f'--model={tmp_path}'
  err = refused(no_run, f'--enroll={place / "ann"}')
  assert f'statistics of a run, which {tmp_path} is not' in err
  assert 'give the folder of a training run' in refused(no_run)
  (tmp_path / 'x').mkdir()
  silence = tmp_path / 'x' / 'silent.wav'
  soundfile.write(silence, np.zeros(16_000), 16_000)
  err = refused(run_, f'--enroll={tmp_path / "x"}')
  assert str(silence) in err and 'silen' in err
  with pytest.raises(InputError, match='--enroll'):
    sernet_jax.load(enroll=place / 'ann')
  assert export.main([f'--enroll={place / "ann"}']) == 2
  assert '--workdir=RUN' in capsys.readouterr().err
