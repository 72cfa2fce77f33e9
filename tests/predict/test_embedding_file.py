"""Files of embeddings read back as they were, and replace nothing else."""

from __future__ import annotations

import csv
import sys

import numpy as np
import pytest
import small_model
import soundfile
from matplotlib import image

import sernet_jax
from sernet_jax.common.errors import InputError
from sernet_jax.predict import __main__ as command, bundle
from sernet_jax.predict.inference import embedding_file, embedding_map


@pytest.fixture(scope='module')
def place(tmp_path_factory):
  """A model, a recording with a pause, a short one, and one that is bad."""
  folder = tmp_path_factory.mktemp('embeddings')
  bundle.save(folder / 'm.safetensors', small_model.make(), 'float32')
  (folder / 'sounds').mkdir()
  samples = small_model.sound(1.25)
  samples[8000:12_000] = 0
  soundfile.write(folder / 'sounds' / '01.wav', samples, small_model.RATE_HZ)
  soundfile.write(
    folder / 'sounds' / '=02.wav', samples[:3000], small_model.RATE_HZ
  )
  (folder / 'bad.wav').write_bytes(b'')
  return folder


@pytest.fixture
def say(place, capsys):
  def run(*arguments):
    model = f'--model={place / "m.safetensors"}'
    code = command.main([model, '--hop_s=0.25', *map(str, arguments)])
    return code, capsys.readouterr().err

  return run


@pytest.fixture(scope='module')
def expected(place):
  """The embeddings of the two recordings and their windows, from Python."""
  predictor = sernet_jax.load(place / 'm.safetensors')
  found = predictor.predict_files(
    sorted((place / 'sounds').iterdir()), hop_s=0.25, embed=True
  )
  rows = []
  for one in found:
    rows.append(one.embedding)
    rows += [
      moment.embedding
      for moment in one.timeline
      if moment.embedding is not None
    ]
  return np.stack(rows)


def test_npz(say, place, tmp_path, expected):
  path = tmp_path / 'new' / 'e.npz'
  code, err = say(place / 'sounds', f'--embeddings={path}')
  assert code == 0
  assert f'wrote {path}\n' in err
  with np.load(path) as file:
    found = dict(file)
  np.testing.assert_allclose(found['embeddings'], expected, atol=1e-5)
  assert found['embeddings'].dtype == np.float32
  assert found['embeddings'].shape == (1 + 4 + 1 + 1, 32)  # one is silent
  assert list(found['classes']) == ['high', 'low', 'none']
  assert list(found['part']) == ['whole', *['window'] * 4, 'whole', 'window']
  assert [name[-6:] for name in found['recording'][[0, -1]]] == [
    '01.wav'[-6:],
    '02.wav',
  ]
  labels = found['classes'][found['probabilities'].argmax(axis=1)]
  np.testing.assert_array_equal(labels, found['label'])


def test_csv_is_exact(say, place, tmp_path, expected):
  path = tmp_path / 'e.csv'
  assert say(place / 'sounds', f'--embeddings={path}')[0] == 0
  assert say(place / 'sounds', f'--embeddings={path}')[0] == 0  # replaced
  rows = list(csv.DictReader(path.read_text().splitlines()))
  found = [[row[f'e{index}'] for index in range(32)] for row in rows]
  np.testing.assert_allclose(np.array(found, np.float32), expected, atol=1e-5)
  assert rows[0]['recording'].endswith('01.wav')


def test_parquet_has_the_columns_of_the_csv(say, place, tmp_path, expected):
  parquet = pytest.importorskip('pyarrow.parquet')
  path = tmp_path / 'e.parquet'
  assert say(place / 'sounds', f'--embeddings={path}')[0] == 0
  table = parquet.read_table(path)
  assert table.column_names[:8] == [
    'recording', 'part', 'start_s', 'end_s', 'label',
    'p_high', 'p_low', 'p_none',
  ]  # fmt: skip
  found = np.stack([table[f'e{index}'].to_numpy() for index in range(32)], 1)
  np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_bad_recording_is_left_out(say, place, tmp_path):
  path = tmp_path / 'e.npz'
  code, err = say(place / 'sounds', place / 'bad.wav', f'--embeddings={path}')
  assert (code, 'bad.wav is empty' in err) == (1, True)
  assert path.is_file()
  path.unlink()
  code, err = say(place / 'bad.wav', f'--embeddings={path}')
  assert (code, path.exists()) == (2, False)


@pytest.mark.parametrize(
  ('name', 'content', 'match'),
  [
    ('a.wav', None, 'does not name a file of embeddings'),
    ('a.npz', b'RIFF', 'holds no embeddings, so it is not overwritten'),
    ('a.csv', b'path,label\n', 'holds no embeddings'),
    ('a.parquet', b'text', 'holds no embeddings'),
  ],
)
def test_nothing_else_is_replaced(say, place, tmp_path, name, content, match):
  path = tmp_path / name
  if content is not None:
    path.write_bytes(content)
  code, err = say(place / 'sounds', f'--embeddings={path}')
  assert (code, match in err, err.count('\n')) == (2, True, 1)
  assert content is None or path.read_bytes() == content


def test_a_folder_and_a_missing_library_are_named(tmp_path, monkeypatch):
  (tmp_path / 'a.npz').mkdir()
  with pytest.raises(InputError, match='cannot be replaced by embeddings'):
    embedding_file.check(tmp_path / 'a.npz')
  monkeypatch.setitem(sys.modules, 'pyarrow', None)
  with pytest.raises(InputError, match='pip install pyarrow'):
    embedding_file.check(tmp_path / 'a.parquet')


def test_a_map_of_recordings_and_of_windows(say, place, tmp_path):
  pytest.importorskip('sklearn')
  samples = small_model.sound(1.0)
  for number in range(6):
    sound = np.roll(samples, 700 * number)[:6000]
    soundfile.write(tmp_path / f'{number}.wav', sound, small_model.RATE_HZ)
  assert say(tmp_path, f'--map={tmp_path / "map.png"}')[0] == 0
  picture = image.imread(tmp_path / 'map.png')
  assert picture.std() > 0.05
  one = tmp_path / '0.wav'
  soundfile.write(one, samples, small_model.RATE_HZ)
  assert say(one, f'--map={tmp_path / "one.svg"}', '--hop_s=0.1')[0] == 0
  assert '9 windows' in (tmp_path / 'one.svg').read_text()
  code, err = say(one, f'--map={tmp_path / "few.png"}', '--hop_s=0.25')
  assert (code, 'there are 4 windows to draw' in err) == (2, True)
  code, err = say(one, f'--map={one}')
  assert (code, 'does not name a picture' in err) == (2, True)


def test_places_are_the_same_again():
  pytest.importorskip('sklearn')
  random = np.random.default_rng(0)
  rows = random.normal(size=(12, 8)).astype(np.float32)
  rows[6:] += 20
  rows[:, 3] = 1.0  # never varies
  found = embedding_map.places(rows)
  np.testing.assert_array_equal(found, embedding_map.places(rows))
  # The two groups stay apart: the nearest neighbor is of the same one.
  apart = np.linalg.norm(found[:, None] - found, axis=-1)
  np.fill_diagonal(apart, np.inf)
  assert ((apart.argmin(axis=1) < 6) == (np.arange(12) < 6)).all()
