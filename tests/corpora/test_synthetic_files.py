"""The files of the embedded corpus: whole, repeatable, replaced if damaged."""

from __future__ import annotations

import collections
import errno
import itertools
import pathlib
import signal
import subprocess
import sys
import threading

import hypothesis
import numpy as np
import pytest
import soundfile
from hypothesis import strategies as st

from sernet_jax.audio import reading
from sernet_jax.common.errors import InputError
from sernet_jax.corpora.readers import embedded
from sernet_jax.corpora.synthetic import speech, voice


@pytest.fixture
def clicks(monkeypatch):
  """Short clicks instead of speech, for tests of files alone."""
  click = np.linspace(-0.5, 0.5, 64)
  monkeypatch.setattr(voice, 'speak', lambda *_: click)


@pytest.fixture
def quick(clicks, monkeypatch):
  """A corpus of ten clicks."""
  few = dict(itertools.islice(speech._UTTERANCES.items(), 10))
  monkeypatch.setattr(speech, '_UTTERANCES', few)


def test_the_corpus_is_balanced_and_read_like_any(clicks, tmp_path):
  corpus = embedded.embedded(tmp_path / 'corpus')
  assert corpus.synthetic
  assert corpus.classes == speech.CLASSES
  assert len(corpus.utterances) == 240
  cells = collections.Counter((u.speaker, u.label) for u in corpus.utterances)
  assert set(cells.values()) == {10} and len(cells) == 24
  for utterance in corpus.utterances:
    speaker, label = speech.parse_name(utterance.name)
    assert utterance.name[:2] == speaker == utterance.speaker
    assert utterance.name[5] == speech.LETTERS[label]
  readme = (tmp_path / 'corpus/README.txt').read_text()
  assert 'Synthetic' in readme and 'say\nnothing' in readme


def test_files_are_16_bit_mono_of_the_same_bytes_each_time(
  tmp_path, monkeypatch
):
  few = dict(itertools.islice(speech._UTTERANCES.items(), 0, 240, 60))
  monkeypatch.setattr(speech, '_UTTERANCES', few)
  for name in ('one', 'two'):
    speech.generate(tmp_path / name)
  for name in few:
    one, two = (
      tmp_path / folder / f'wav/{name}.wav' for folder in ('one', 'two')
    )
    assert one.read_bytes() == two.read_bytes()
    info = soundfile.info(one)
    assert (info.samplerate, info.channels) == (16_000, 1)
    assert info.subtype == 'PCM_16'
    samples, _ = soundfile.read(one)
    wanted = speech.synthesize(*few[name])
    assert np.max(np.abs(samples - wanted)) <= 1 / 32768


@hypothesis.given(st.text(max_size=9))
@hypothesis.example('01a02W')
@hypothesis.example('07a02Wa')
@hypothesis.example('01a09Wa')
@hypothesis.example('01a02Xa')
@hypothesis.example('01a02Wc')
@hypothesis.example('01a02Wa\n')
@hypothesis.example('01a02wa')
def test_a_foreign_name_is_refused_by_name(stem):
  with pytest.raises(InputError) as error:
    speech.parse_name(stem)
  assert repr(stem) in str(error.value)


def test_names_say_speaker_and_emotion():
  assert speech.parse_name('01a02Wb') == ('01', 'anger')
  assert speech.parse_name('06b01Ta') == ('06', 'sadness')


def test_a_complete_corpus_is_not_written_again(quick, tmp_path, monkeypatch):
  root = tmp_path / 'deep/er/corpus'
  assert not speech.is_complete(root)
  speech.generate(root)
  assert speech.is_complete(root)
  assert [p.name for p in root.parent.iterdir()] == ['corpus']
  monkeypatch.setattr(speech, '_write', None)  # calling it would fail
  speech.generate(root)


@pytest.mark.parametrize(
  'failure, seen',
  [
    (OSError(errno.ENOSPC, 'No space left on device'), InputError),
    (KeyboardInterrupt(), KeyboardInterrupt),
  ],
)
def test_a_failure_half_way_leaves_nothing(
  quick, tmp_path, monkeypatch, failure, seen
):
  write, calls = reading.write_wav, itertools.count()

  def fail_later(*arguments):
    if next(calls) == 5:
      raise failure
    write(*arguments)

  monkeypatch.setattr(reading, 'write_wav', fail_later)
  root = tmp_path / 'corpus'
  with pytest.raises(seen) as error:
    speech.generate(root)
  assert not list(tmp_path.iterdir())
  if seen is InputError:
    assert str(root) in str(error.value) and 'No space' in str(error.value)
  speech.generate(root)
  assert speech.is_complete(root)


def test_a_killed_process_leaves_nothing_that_looks_complete(tmp_path):
  root = tmp_path / 'corpus'
  code = (
    'import os, signal, sys\n'
    'from sernet_jax.audio import reading as audio\n'
    'from sernet_jax.corpora.synthetic import speech as synthetic\n'
    'write = audio.write_wav\n'
    'def last(*arguments):\n'
    '  write(*arguments)\n'
    '  os.kill(os.getpid(), signal.SIGKILL)\n'
    'audio.write_wav = last\n'
    'synthetic.generate(sys.argv[1])\n'
  )
  done = subprocess.run([sys.executable, '-c', code, root])
  assert done.returncode == -signal.SIGKILL
  assert len(list(tmp_path.rglob('*.wav'))) == 1  # it had begun
  assert not root.exists() and not speech.is_complete(root)


def test_two_at_once_make_one_corpus(quick, tmp_path, monkeypatch):
  """Both have written everything before either puts it in place."""
  write, barrier = speech._write, threading.Barrier(2, timeout=30)

  def write_and_wait(root):
    write(root)
    barrier.wait()

  monkeypatch.setattr(speech, '_write', write_and_wait)
  root, errors = tmp_path / 'corpus', []

  def generate():
    try:
      speech.generate(root)
    except (InputError, threading.BrokenBarrierError) as error:
      errors.append(error)

  threads = [threading.Thread(target=generate) for _ in range(2)]
  for thread in threads:
    thread.start()
  for thread in threads:
    thread.join()
  assert not errors
  assert speech.is_complete(root)
  assert [p.name for p in tmp_path.iterdir()] == ['corpus']


@pytest.mark.parametrize('damage', ['missing', 'empty', 'older', 'bare'])
def test_a_damaged_or_older_corpus_is_replaced(quick, tmp_path, damage):
  root = tmp_path / 'corpus'
  speech.generate(root)
  if damage == 'missing':
    (root / 'wav/01a01Wb.wav').unlink()
  elif damage == 'empty':
    (root / 'wav/01a01Wb.wav').write_bytes(b'')
  elif damage == 'older':
    text = (root / 'README.txt').read_text()
    older = text.replace(f'version {speech.VERSION}', 'version 0')
    (root / 'README.txt').write_text(older)
  else:
    for path in (root / 'wav').iterdir():
      path.unlink()
  assert not speech.is_complete(root)
  speech.generate(root)
  assert speech.is_complete(root)
  assert [p.name for p in tmp_path.iterdir()] == ['corpus']


def plain_file(root):
  root.write_text('mine')
  return root


def other_folder(root):
  root.mkdir()
  return plain_file(root / 'thesis.txt')


def damaged_corpus_with_a_guest(root):
  speech.generate(root)
  (root / 'wav/01a01Wb.wav').unlink()
  return plain_file(root / 'wav/song.wav')


@pytest.mark.parametrize(
  'occupy', [plain_file, other_folder, damaged_corpus_with_a_guest]
)
def test_files_of_others_are_left_alone(quick, tmp_path, occupy):
  root: pathlib.Path = tmp_path / 'corpus'
  theirs = occupy(root)
  with pytest.raises(InputError, match='not of the embedded corpus') as error:
    speech.generate(root)
  assert str(root) in str(error.value)
  assert theirs.read_text() == 'mine'
