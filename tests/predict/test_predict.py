"""The doors: predict and stream, their output, exit codes and mistakes."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys

import closed_folders
import numpy as np
import pytest
import small_model
import soundfile
from matplotlib import image

from sernet_jax.audio import segments
from sernet_jax.features import kinds
from sernet_jax.predict import (
  __main__ as predict,
  bundle,
  models,
  recordings,
  stream,
)

RATE_HZ = small_model.RATE_HZ


@pytest.fixture(scope='module')
def place(place):
  """A folder with good and bad files too."""
  folder, samples = place, small_model.sound(1.3)
  many = folder / 'many'
  (many / 'deep').mkdir(parents=True)
  for number in range(5):
    soundfile.write(
      many / f'{number}.wav', small_model.sound(0.2, number), RATE_HZ
    )
  soundfile.write(many / 'deep' / 'x.FLAC', samples, RATE_HZ)
  (many / 'notes.txt').write_text('no recording')
  (many / '.hidden.wav').write_text('no recording')
  (many / '3.wav').write_bytes(b'')
  return folder


def test_a_table(say, place):
  code, out, _ = say(predict, place / 'long.wav', '--hop_s=0.25')
  lines = out.splitlines()
  assert code == 0
  assert lines[0].split() == [
    'recording',
    'seconds',
    'label',
    'high',
    'low',
    'none',
  ]
  assert lines[1].split()[1] == '1.30'
  shares = [float(cell) for cell in lines[1].split()[-3:]]
  assert sum(shares) == pytest.approx(100, abs=0.2)
  assert len(lines) == 2 + 6


def test_a_folder_with_a_bad_file(say, place):
  code, out, err = say(predict, place / 'many', '--output=json', '--hop_s=0.25')
  found = [json.loads(line) for line in out.splitlines()]
  assert code == 1
  assert [os.path.basename(one['recording']) for one in found] == [  # noqa: PTH119
    '0.wav', '1.wav', '2.wav', '4.wav', 'x.FLAC',
  ]  # fmt: skip
  assert [len(one['timeline']) for one in found] == [1, 1, 1, 1, 6]
  assert '3.wav is empty' in err
  assert '1 of 6 recordings' in err
  assert 'many: passed over what is not called as a recording: 1 .txt' in err


def test_names_that_are_no_text_or_look_like_a_formula(say, place, tmp_path):
  sound = (place / 'long.wav').read_bytes()
  names = [b'caf\xe9.wav', b'$\\frac{.wav', b'z.wav']
  for name in names:
    (tmp_path / os.fsdecode(name)).write_bytes(sound)
  for output in ('table', 'json', 'csv'):
    code, out, err = say(predict, tmp_path, f'--output={output}')
    # Of the table, which people read.
    told = 'note: the line of each of 3 recordings is of the 0.25 s in its mid'
    assert (code, err[: len(told)]) == (0, told if output == 'table' else '')
    assert out.encode() and 'z.wav' in out
  for name in names[:2]:
    picture = tmp_path / 'a.png'
    code, _, _ = say(
      predict, tmp_path / os.fsdecode(name), f'--figure={picture}'
    )
    assert code == 0
    assert picture.stat().st_size > 10_000
    picture.unlink()
  code, _, err = say(
    predict, place / 'long.wav', f'--figure={place / "long.wav" / "x.png"}'
  )
  assert code != 0
  assert 'choose another --figure' in err


def test_folders_behind_links_are_searched_once(say, place, tmp_path):
  (tmp_path / 'link').symlink_to(place / 'many' / 'deep')
  (tmp_path / 'back').symlink_to(tmp_path)
  code, out, _ = say(predict, tmp_path, '--output=json')
  assert code == 0
  assert len(out.splitlines()) == 1


def test_a_folder_that_may_not_be_entered_is_named(
  say, place, monkeypatch, capsys
):
  closed_folders.close(monkeypatch, 'deep')
  code, out, err = say(predict, place / 'many')
  assert (code, out) == (2, '')
  assert 'deep cannot be entered (Permission denied)' in err


def test_stdin_is_a_file(say, place):
  content = (place / 'long.wav').read_bytes()
  code, out, _ = say(predict, '-', '--output=json', stdin=content)
  _, expected, _ = say(predict, place / 'long.wav', '--output=json')
  found = json.loads(out)
  assert code == 0
  assert found.pop('recording') == '-'
  assert found == {
    k: v for k, v in json.loads(expected).items() if k != 'recording'
  }
  code, _, err = say(predict, '-', stdin=b'')
  assert (code, '- is empty' in err) == (2, True)


def test_a_stdin_without_end_does_not_fill_the_disk(say, place, monkeypatch):
  content = (place / 'long.wav').read_bytes()
  monkeypatch.setattr(predict, '_MOST_STDIN', len(content))
  assert say(predict, '-', stdin=content)[0] == 0
  code, out, err = say(predict, '-', stdin=content + b'\0')
  assert (code, out) == (2, '')
  assert '- has no end within' in err


def test_what_the_line_of_a_long_recording_is_of_is_said(say, place, tmp_path):
  long = place / 'long.wav'
  _, out, err = say(predict, long)
  assert err == (
    f'note: the line of {long} is of the 0.25 s in its middle alone, as in '
    'training; --whole=timeline takes the mean over all of it\n'
  )
  for words, told in (((), True), (('--whole=timeline',), False)):
    picture = tmp_path / 'a.svg'
    assert say(predict, long, f'--figure={picture}', *words)[0] == 0
    assert ('the label of the middle one' in picture.read_text()) == told
  code, other, err = say(predict, long, '--whole=timeline')
  assert (code, err) == (0, '')
  assert out.splitlines()[1] != other.splitlines()[1]
  short, hollow = tmp_path / 'short.wav', tmp_path / 'hollow.wav'
  soundfile.write(short, small_model.sound(0.5), RATE_HZ)
  samples = small_model.sound(1.3)
  samples[6000:15_000] = 0
  soundfile.write(hollow, samples, RATE_HZ)
  assert say(predict, short)[2] == ''
  # Whose label is not of its middle, as a note in the table says.
  _, out, err = say(predict, hollow)
  assert ('is silent in its middle' in out, err) == (True, '')


def test_a_wav_from_a_pipe_that_never_knew_its_size(say, place):
  """As ffmpeg writes to a pipe: both sizes are the largest number."""
  content = bytearray((place / 'long.wav').read_bytes())
  content[4:8] = content[40:44] = b'\xff' * 4
  assert content[36:40] == b'data'
  code, out, _ = say(predict, '-', '--output=json', stdin=bytes(content))
  assert code == 0
  assert json.loads(out)['duration_s'] == pytest.approx(1.3)


@pytest.mark.parametrize(
  ('arguments', 'match'),
  [
    (['none.wav'], 'none.wav does not exist'),
    (['long.wav', '--hop_s=9'], 'hop_s is 9.0'),
    (['long.wav', '--model=none'], '--model=none does not exist'),
    (
      ['long.wav', '--model=emodb_tinny'],
      'emodb, emodb_robust, emodb_small or emodb_tiny: did you mean '
      "'emodb_tiny'?",
    ),
    (['raw.pcm'], 'not audio'),
    (['empty'], 'holds no recordings'),
    (['long.wav', 'many', '--figure=a.png'], '--figure draws one recording'),
    (['long.wav', '--figure=a.png', '--hop_s=0'], 'leave out --hop_s=0'),
    (['--figure', 'many/0.wav', 'long.wav'], 'many/0.wav does not name a pic'),
    (['--figure', 'new/a.xyz', 'long.wav'], 'another --figure that ends in'),
    (['--figure', 'sound.png', 'long.wav'], 'so it is not overwritten'),
    (['-', '-'], 'given twice'),
    (['long.wav', '--fold=03'], 'leave out --fold'),
    (['long.wav', '--model=emodb', '--fold=zz'], 'leave out --fold'),
    (
      ['long.wav', '--model=emodb', '--selection=zz'],
      'or give --model=RUN_FOLDER',
    ),
  ],
)
def test_mistakes_are_one_sentence(say, place, monkeypatch, arguments, match):
  (place / 'empty').mkdir(exist_ok=True)
  (place / 'sound.png').write_bytes((place / 'long.wav').read_bytes())
  before = {path: path.read_bytes() for path in place.rglob('*.*')}
  monkeypatch.chdir(place)
  code, _, err = say(predict, *arguments)
  assert code == 2
  assert err.startswith('error: ')
  assert err.count('\n') == 1
  assert match in err
  assert {path: path.read_bytes() for path in place.rglob('*.*')} == before
  (place / 'sound.png').unlink()


def test_a_silent_file(say, tmp_path):
  soundfile.write(tmp_path / 'a.wav', np.zeros(9000), RATE_HZ)
  code, _, err = say(predict, tmp_path / 'a.wav')
  assert (code, 'is silent' in err) == (2, True)


@pytest.mark.parametrize('seconds', [0.03, 0.2, 1.3])
@pytest.mark.parametrize('kind', ['mfcc', 'log_mel'])
def test_a_figure(tmp_path, seconds, kind):
  """Lengths from less than a frame on; and silence in between."""
  bundle.save(tmp_path / 'k.safetensors', small_model.make(kind=kind))
  samples = small_model.sound(seconds)
  samples[8000:14_000] = 0
  soundfile.write(tmp_path / 'a.wav', samples, RATE_HZ)
  from sernet_jax.predict import recording_figure

  model = models.load(tmp_path / 'k.safetensors')
  (heard,) = recordings.recognize([tmp_path / 'a.wav'], model, 0.1, 'timeline')
  recording_figure.write(tmp_path / 'a.png', heard, model)
  picture = image.imread(tmp_path / 'a.png')
  assert picture.shape[0] > 500
  assert picture.std() > 0.1


@pytest.mark.parametrize('kind', ['mfcc', 'log_mel', 'log_mel_deltas'])
@pytest.mark.parametrize(
  'changes',
  [
    {},
    {'padding': 'reflect', 'compression': 'db', 'top_db': 20.0},
    {'preemphasis': 0.97, 'preemphasis_over': 'waveform', 'padding': 'zeros'},
  ],
)
def test_a_figure_shows_the_features_of_the_network(
  tmp_path, monkeypatch, kind, changes
):
  """Those of the whole recording, but for frames that reach beyond it."""
  from sernet_jax.predict import recording_figure

  spec = dataclasses.replace(small_model.MFCC, **changes)
  small = dataclasses.replace(small_model.make(kind=kind), mfcc=spec)
  bundle.save(tmp_path / 'k.safetensors', small)
  samples = small_model.sound(1.0)
  samples[:4000] *= 0.01  # below the floor of the rest
  samples[-2000:] *= 0.01  # so that no frame with padding is the loudest
  soundfile.write(tmp_path / 'a.wav', samples, RATE_HZ, 'FLOAT')
  model = models.load(tmp_path / 'k.safetensors')
  (heard,) = recordings.recognize([tmp_path / 'a.wav'], model, 0.25)
  drawn = []
  monkeypatch.setattr(
    recording_figure.recording_plot,
    'figure',
    lambda *given: drawn.extend(given),
  )
  recording_figure.write(tmp_path / 'a.png', heard, model)
  static = kinds.KINDS[kind.removesuffix('_deltas')]
  scaled = segments.scaled(samples, drawn_scale(samples, spec))
  expected = np.asarray(static.compute(scaled, spec))
  edge = spec.frame_samples // 2 // spec.hop_samples
  if spec.padding != 'none':
    expected = expected[edge:-edge]
  assert drawn[5] == static.title
  np.testing.assert_allclose(drawn[4], expected, atol=2e-3)


def drawn_scale(samples, spec):
  """The scale of all frames together, in which most samples are four times."""
  starts = range(0, len(samples) - spec.frame_samples + 1, spec.hop_samples)
  frames = [samples[start : start + spec.frame_samples] for start in starts]
  return segments.scale(np.concatenate(frames))


def test_a_figure_of_a_long_recording_has_bounded_columns(
  tmp_path, monkeypatch
):
  from sernet_jax.predict import recording_figure

  monkeypatch.setattr(recording_figure, 'COLUMNS', 20)
  samples = small_model.sound(2.0)
  starts = recording_figure._starts(len(samples), small_model.MFCC)
  assert 10 <= len(starts) <= 20
  (low, high), frames = recording_figure._gather(
    np.split(samples, [5, 7000, 7003]), len(samples), starts, 1024
  )
  expected = [samples[start : start + 1024] for start in starts]
  np.testing.assert_array_equal(frames, expected)
  buckets = samples.reshape(20, -1)
  np.testing.assert_array_equal(low, buckets.min(1))
  np.testing.assert_array_equal(high, buckets.max(1))


def test_the_stream_is_the_timeline(say, place):
  raw = (place / 'raw.pcm').read_bytes()
  code, out, _ = say(stream, '--hop_s=0.25', stdin=raw)
  _, whole, _ = say(
    predict, place / 'long.wav', '--output=json', '--hop_s=0.25'
  )
  found = [json.loads(line) for line in out.splitlines()]
  expected = json.loads(whole)['timeline']
  assert code == 0
  assert len(found) == len(expected) == 6
  for one, other in zip(found, expected, strict=True):
    assert one['time_s'] == other['end_s']
    assert one['start_s'] == other['start_s']
    assert one['label'] == other['label']
    for name, share in other['probabilities'].items():
      assert one['probabilities'][name] == pytest.approx(share, abs=1e-6)


def test_a_stream_has_the_notes_of_predict(say, tmp_path):
  sound = 9000 * np.random.default_rng(0).normal(size=4000)
  both = np.stack([sound, -sound], 1).clip(-30_000, 30_000).astype('<i2')
  soundfile.write(tmp_path / 'a.wav', both, RATE_HZ)
  _, _, err = say(stream, '--channels=2', stdin=both.tobytes())
  assert 'note: the input has 2 channels that cancel out in their mean' in err
  assert 'note: the input lasts 0.25 s, shorter than 0.5 s' in err
  _, out, err = say(stream, '--channels=2', '--channel=0', stdin=both.tobytes())
  assert 'channels that' not in err
  _, whole, _ = say(predict, tmp_path / 'a.wav', '--channel=0', '--output=json')
  assert json.loads(out)['label'] == json.loads(whole)['label']


@pytest.mark.parametrize(
  ('arguments', 'raw', 'match'),
  [
    ([], b'', 'ended before its first sample'),
    ([], b'RIFF' + bytes(100), 'ffmpeg'),
    (['--channels=0'], bytes(100), '--channels is 0'),
    (['--channel=2', '--channels=2'], bytes(100), 'not one of the 2 channels'),
    (['--gate_db=0'], bytes(100), '--gate_db is 0.0'),
    (['--microphone', '--format=u8'], b'', 'leave out --format'),
    (['--rate_hz=7'], bytes(100), 'rate_hz is 7'),
    (['--hop_s=0'], bytes(100), 'hop_s is 0.0'),
  ],
)
def test_mistakes_in_a_stream(say, arguments, raw, match):
  code, _, err = say(stream, *arguments, stdin=raw)
  assert (code, match in err) == (2, True)


def test_lines_come_while_the_input_is_open(place):
  """An estimate does not wait for the end of the stream."""
  process = subprocess.Popen(
    [
      sys.executable,
      '-m',
      'sernet_jax.stream',
      '--hop_s=0.25',
      f'--model={place / "m.safetensors"}',
    ],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)},
  )
  raw = (place / 'raw.pcm').read_bytes()
  process.stdin.write(raw[:8000])
  process.stdin.flush()
  first = json.loads(process.stdout.readline())
  assert (first['start_s'], first['time_s']) == (0.0, 0.25)
  rest, _ = process.communicate(raw[8000:], timeout=60)
  assert process.returncode == 0
  assert len(rest.splitlines()) == 5
