"""Mel bands of a corpus, kept on disk."""

from __future__ import annotations

import concurrent.futures
import json
import threading

import numpy as np
import tiny

from sernet_jax.audio import reading
from sernet_jax.corpora.cache import mel_store
from sernet_jax.corpora.readers import manifest
from sernet_jax.features.spec import MfccSpec

SPEC = MfccSpec(num_coefficients=8)


def test_two_runs_that_start_at_once_share_one_store(tmp_path, monkeypatch):
  corpus = manifest.manifest(tiny.write_corpus(tmp_path / 'corpus'))
  alone = mel_store.load(corpus, SPEC, tmp_path / 'alone')
  meet = threading.Barrier(2, timeout=60)
  key = mel_store.feature_cache.key

  def both_find_nothing(*args):
    found = key(*args)
    meet.wait()  # both ask for the store before either has made it
    return found

  monkeypatch.setattr(mel_store.feature_cache, 'key', both_find_nothing)
  with concurrent.futures.ThreadPoolExecutor(2) as pool:
    jobs = [
      pool.submit(mel_store.load, corpus, SPEC, tmp_path / 'cache')
      for _ in range(2)
    ]
    stores = [job.result() for job in jobs]
  for store in stores:
    np.testing.assert_array_equal(store.mels, alone.mels)
    np.testing.assert_array_equal(store.rows, alone.rows)


def test_what_is_odd_about_recordings_is_kept(tmp_path):
  path = tmp_path / 'corpus' / 'ann_high_0.wav'
  corpus = manifest.manifest(tiny.write_corpus(path.parent))
  narrow = np.random.default_rng(0).uniform(-0.5, 0.5, 4000)
  reading.write_wav(path, narrow, 8000)
  for _ in range(2):  # made, then read
    notes = mel_store.load(corpus, SPEC, tmp_path / 'cache').notes
    assert 'has no sound above 4.0 kHz' in notes[str(path)][0]


def test_a_store_of_an_older_version_is_made_anew(tmp_path):
  corpus = manifest.manifest(tiny.write_corpus(tmp_path / 'corpus'))
  before = mel_store.load(corpus, SPEC, tmp_path / 'cache')
  mels = np.array(before.mels)
  (about,) = (tmp_path / 'cache').glob('*.json')
  old = json.loads(about.read_text())
  del old['notes']
  about.write_text(json.dumps(old))
  after = mel_store.load(corpus, SPEC, tmp_path / 'cache')
  np.testing.assert_array_equal(after.mels, mels)
  assert json.loads(about.read_text())['notes'] == after.notes == before.notes
