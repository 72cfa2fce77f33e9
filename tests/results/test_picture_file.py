"""Pictures are what their names say, and replace nothing but pictures."""

from __future__ import annotations

import pytest
from matplotlib import figure as mpl_figure

from sernet_jax.common.errors import InputError
from sernet_jax.results.figures import style

STARTS = {'.png': b'\x89PNG\r\n', '.pdf': b'%PDF-', '.svg': b'<?xml'}


@pytest.mark.parametrize('suffix', STARTS)
@pytest.mark.parametrize('before', [None, '', *STARTS])
def test_each_is_what_it_is_called_and_may_replace_a_picture(
  tmp_path, suffix, before
):
  path = tmp_path / f'a{suffix.upper() if before else suffix}'
  if before == '':
    path.touch()
  elif before:
    style.save(mpl_figure.Figure(), tmp_path / f'b{before}')
    (tmp_path / f'b{before}').rename(path)
  style.save(mpl_figure.Figure(), path)
  assert path.read_bytes().startswith(STARTS[suffix])
  assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize('name', ['a.wav', 'a', 'new/a.jpeg', 'png', '.png'])
def test_other_names_are_refused(tmp_path, name):
  with pytest.raises(InputError, match=r'that ends in .png, .pdf, .svg'):
    style.save(mpl_figure.Figure(), tmp_path / name)
  assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
  'content', [b'RIFF\x24\0\0\0WAVE', b'\x89PN', b'<?xml?><html></html>', b' ']
)
def test_what_is_no_picture_is_not_overwritten(tmp_path, content):
  path = tmp_path / 'a.png'
  path.write_bytes(content)
  with pytest.raises(InputError, match='so it is not overwritten'):
    style.save(mpl_figure.Figure(), path)
  assert path.read_bytes() == content


def test_a_full_disk_leaves_the_old_picture(tmp_path, monkeypatch):
  path = tmp_path / 'a.png'
  style.save(mpl_figure.Figure(), path)
  before = path.read_bytes()

  def full(_):
    raise OSError(28, 'No space left on device')

  monkeypatch.setattr('os.fsync', full)
  with pytest.raises(InputError, match='No space left'):
    style.save(mpl_figure.Figure(figsize=(1, 1)), path)
  assert path.read_bytes() == before
  assert list(tmp_path.iterdir()) == [path]
