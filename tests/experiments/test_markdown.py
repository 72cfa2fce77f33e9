"""A command's table lands between its marks and touches nothing else."""

from __future__ import annotations

import pytest

from experiments.lib import markdown
from sernet_jax.common.errors import InputError


def test_a_table_is_markdown():
  text = markdown.table(['a', 'b'], [[1, None], ['x|y', 2.5]])
  assert text == '| a | b |\n| --- | --- |\n| 1 | - |\n| x\\|y | 2.5 |'


def test_filling_twice_is_filling_once(tmp_path):
  page = tmp_path / 'page.md'
  page.write_text('# Page\n\n<!-- t -->\nold\n<!-- /t -->\nend\n')
  markdown.fill(page, 't', 'new')
  once = page.read_text()
  assert once == '# Page\n\n<!-- t -->\n\nnew\n\n<!-- /t -->\nend\n'
  markdown.fill(page, 't', 'new')
  assert page.read_text() == once


@pytest.mark.parametrize(
  'content', ['', '<!-- t -->\n', '<!-- /t -->\n<!-- t -->\n']
)
def test_a_page_without_its_place_is_left_alone(tmp_path, content):
  page = tmp_path / 'page.md'
  page.write_text(content)
  with pytest.raises(InputError, match=r"has no place for 't'; put the lines"):
    markdown.fill(page, 't', 'new')
  assert page.read_text() == content
