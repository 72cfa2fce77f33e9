"""Flash and memory of the C sources, as the command and the page say them."""

from __future__ import annotations

import subprocess

import c_sources
import pytest
import tiny

from sernet_jax.export.device import c_folder
from sernet_jax.nn import sizes
from sernet_jax.predict import bundle as bundle_lib

_SIZES = """
#include <stdio.h>
#include "network.h"

int main(void) {
  printf("%d", (int)(sizeof(sernet_front_end) + sizeof(sernet_network)));
  return 0;
}
"""


@pytest.mark.parametrize('pooling', ['mean', 'statistics'])
def test_the_sizes_that_are_said_are_those_of_the_compiler(tmp_path, pooling):
  bundle = c_sources.small_bundle(pooling=pooling)
  content = c_folder.sources(bundle)
  tables, state = c_folder.sizes(content)
  said = c_folder.write(tmp_path, bundle)
  assert f'{tables / 1024:.0f} KiB of constants' in said
  (tmp_path / 'main.c').write_text(_SIZES)
  assert (
    int(subprocess.check_output([c_sources.build(tmp_path, 'app')])) == state
  )
  library = tmp_path / 'library.so'
  sources = [str(tmp_path / name) for name in ('front_end.c', 'network.c')]
  command = [c_sources.compiler(), '-Os', '-shared', '-fPIC', *sources]
  subprocess.run([*command, '-lm', '-o', str(library)], check=True)
  # The file also has code, names and what the loader needs.
  assert tables < library.stat().st_size < tables + 60_000


def in_kib(bundle):
  tables, state = c_folder.sizes(c_folder.sources(bundle))
  return f'{tables / 1024:.0f}', f'{state / 1024:.1f}'


def test_the_page_says_them_of_every_size():
  text = (tiny.ROOT / 'docs' / 'export.md').read_text()
  rows = {
    line.split('`')[1]: line
    for line in text.split('\n## Sizes')[1].splitlines()
    if line.startswith('| `')
  }
  for size in sizes.SIZES:
    tables, state = in_kib(c_sources.bundle_of_size(size))
    assert f'| {tables} KiB, {state} KiB |' in rows[size]
  small, least = (
    in_kib(bundle_lib.load(bundle_lib.release_path(name)))
    for name in ('emodb_small', 'emodb_tiny')
  )
  said = ' '.join(text.split())
  assert f'{small[0]} and {least[0]} KiB of constants' in said
  assert f'{small[1]} and {least[1]} KiB of state' in said
