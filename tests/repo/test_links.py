"""Links of the pages lead somewhere."""

from __future__ import annotations

import re

import pytest
import tiny

PAGES = sorted(
  page
  for pattern in ('*.md', 'docs/*.md', 'experiments/**/*.md')
  for page in tiny.ROOT.glob(pattern)
)


def anchors(page):
  """Headings as a forge turns them into anchors."""
  titles = re.findall(r'^#+ (.+)$', page.read_text(), re.MULTILINE)
  return {
    re.sub(r'[^\w\- ]', '', title.lower()).replace(' ', '-') for title in titles
  }


@pytest.mark.parametrize(
  'page', PAGES, ids=lambda page: str(page.relative_to(tiny.ROOT))
)
def test_relative_links_lead_to_files_and_headings(page):
  text = re.sub(r'```.*?```', '', page.read_text(), flags=re.DOTALL)
  for target in re.findall(r'\]\(([^)\s]+)\)', text):
    if re.match(r'[a-z]+:', target):
      continue
    name, _, anchor = target.partition('#')
    place = page.parent / name if name else page
    assert place.exists(), f'{page}: {target}'
    if anchor and place.suffix == '.md':
      assert anchor in anchors(place), f'{page}: {target}'


def test_the_pages_are_found():
  assert len(PAGES) > 15
