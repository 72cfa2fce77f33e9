"""Runs told apart by the fields that shape their results."""

from __future__ import annotations

import pytest
import tiny

from sernet_jax.corpora import joined
from sernet_jax.runs import config as config_lib, differences


@pytest.mark.parametrize(
  ('name', 'digest'),
  [
    (('cross',), '4c56e1e3'),
    (('emodb',), '2c27650a'),
    (('emodb_release',), 'eadff4d0'),
    (('iemocap',), 'c4377c56'),
    (('iemocap', 'improvised,7s'), 'c4362ebe'),
    (('manifest',), 'e7b720a2'),
    (('quickstart',), 'e458ce11'),
  ],
)
def test_folders_of_the_configs_keep_their_names(name, digest):
  """A run that was begun in runs/NAME-HASH is found there again."""
  settings = config_lib.to_dict(tiny.load_config(*name))
  assert differences.short_hash(settings) == digest


def test_only_fields_that_shape_the_numbers_tell_runs_apart():
  one = config_lib.to_dict(tiny.emodb())
  free = config_lib.to_dict(
    tiny.emodb(train__epochs=5, data__root='/elsewhere')
  )
  assert differences.between(one, free) == []
  assert differences.short_hash(one) == differences.short_hash(free)
  other = config_lib.to_dict(tiny.emodb(seed=1, loss__gamma=1.0))
  assert differences.between(one, other) == [
    ('loss.gamma', 2.0, 1.0),
    ('seed', 0, 1),
  ]
  assert differences.short_hash(one) != differences.short_hash(other)


@pytest.mark.parametrize(
  'fields',
  [
    lambda root: {'data__corpus': 'audformat', 'data__root': root},
    lambda root: {'data__corpora': f'emodb,mine=audformat:{root}'},
    lambda root: {
      'data__corpus': 'folders',
      'data__root': root,
      'data__pattern': '{label}/{speaker}_*',
    },
    lambda root: {
      'data__corpora': f'emodb,mine=folders:{root}',
      'data__pattern': '{label}/{speaker}_*',
    },
  ],
)
def test_own_corpora_are_told_apart_by_the_names_of_their_folders(fields):
  one, moved, other = (
    config_lib.to_dict(tiny.emodb(**fields(root)))
    for root in ('/a/first', '/b/first', '/a/second')
  )
  assert differences.short_hash(one) == differences.short_hash(moved)
  assert differences.short_hash(one) != differences.short_hash(other)
  assert differences.between(one, other)


def test_a_folder_is_named_however_it_is_written(monkeypatch, tmp_path):
  within = tmp_path / 'first' / 'within'
  within.mkdir(parents=True)
  monkeypatch.chdir(within)
  hashes = {
    differences.short_hash(
      config_lib.to_dict(tiny.emodb(data__corpus='audformat', data__root=root))
    )
    for root in ('..', '../', '../../first', '/a/first')
  }
  assert len(hashes) == 1
  monkeypatch.chdir('..')
  assert joined.folder_name('.') == 'first'
  assert joined.folder_name('') == ''


def test_a_field_that_an_older_run_lacks_has_its_default():
  before = {'data': {'corpus': 'ravdess'}}
  now = {'data': {'corpus': 'ravdess', 'most_per_speaker': 12}}
  found = differences.between(now, before)
  assert found == [('data.most_per_speaker', 12, 0)]
  keras = {'data': {'corpus': 'ravdess'}, 'optim': {'epsilon': 1e-7}}
  assert differences.short_hash(keras) == differences.short_hash(before)
  torch = {'data': {'corpus': 'ravdess'}, 'optim': {'epsilon': 1e-8}}
  assert differences.between(torch, before) == [('optim.epsilon', 1e-8, 1e-7)]
