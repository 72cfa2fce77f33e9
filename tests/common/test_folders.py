"""Files below a folder: behind links, once, and none passed over in silence."""

from __future__ import annotations

import closed_folders
import pytest

from sernet_jax.audio import containers
from sernet_jax.common import folders
from sernet_jax.common.errors import InputError
from sernet_jax.corpora.readers import folders as folders_of_classes


@pytest.fixture
def place(tmp_path):
  """Two folders of classes, one of them a link; and a link back."""
  for name in ('in/joy/ann_1.wav', 'out/sad/bob_1.wav', 'in/.old/joy/x_1.wav'):
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b'')
  (tmp_path / 'in/joy/._ann_1.wav').write_bytes(b'')
  (tmp_path / 'in/sad').symlink_to(tmp_path / 'out/sad')
  (tmp_path / 'in/back').symlink_to(tmp_path / 'in')
  return tmp_path / 'in'


def test_links_are_followed_once_and_hidden_files_are_none(place):
  found = [path.relative_to(place).as_posix() for path in folders.below(place)]
  assert found == ['joy/ann_1.wav', 'sad/bob_1.wav']
  assert list(folders.below(place, depth=0)) == []
  assert list(folders.below(place / 'nowhere')) == []


def test_a_corpus_has_the_classes_behind_links(place):
  corpus = folders_of_classes.folders(place, '{label}/{speaker}_*')
  assert corpus.classes == ('joy', 'sad')


def test_recordings_for_enrolment_and_calibration_are_the_same(place):
  names = [path.name for path in containers.below(place)]
  assert names == ['ann_1.wav', 'bob_1.wav']


def test_a_closed_folder_is_named(place, monkeypatch):
  closed_folders.close(monkeypatch, 'joy')
  for read in (
    lambda: folders_of_classes.folders(place, '{label}/{speaker}_*'),
    lambda: containers.below(place),
  ):
    with pytest.raises(InputError, match=r'joy cannot be entered \(Permission'):
      read()
