"""Addresses and checksums of published corpora, which `download` fetches.

Loads nothing heavy, so that `download --help` is quick.
"""

from __future__ import annotations

import dataclasses
import importlib.resources
import re

_SUM_LINE = re.compile(r'([0-9a-f]{64})[ ][ *]([^/\\]+)')


@dataclasses.dataclass(frozen=True)
class Archive:
  """A ZIP archive of a whole corpus, where it is published.

  Attributes:
    url: its address.
    md5: the sum that is published for it.
    max_bytes: its size, or a little more; nothing longer is taken.
  """

  url: str
  md5: str
  max_bytes: int


# By the name of the corpus. EMO-DB has sums of its recordings instead.
ARCHIVES = {
  'emozionalmente': Archive(
    url='https://zenodo.org/records/12616095/files/emozionalmente.zip',
    md5='398c6502dd2b0e1e810f927c12897547',
    max_bytes=559_000_000,
  ),
  'subesco': Archive(
    url='https://zenodo.org/records/4526477/files/SUBESCO.zip',
    md5='13d702cf944bf54d70d66bffc036ed7a',
    max_bytes=1_664_512_929,
  ),
}
EMODB_URL = 'http://emodb.bilderbar.info/download/download.zip'


def emodb_sums() -> dict[str, str]:
  """Returns the SHA-256 sum of each recording of EMO-DB by file name."""
  folder = importlib.resources.files('sernet_jax.corpora')
  file = folder / 'data' / 'emodb_sha256.txt'
  return parse_sums(file.read_text())


def parse_sums(text: str) -> dict[str, str]:
  """Reads {name: sum} from lines as `sha256sum` writes them."""
  sums = {}
  for line in text.splitlines():
    match = _SUM_LINE.fullmatch(line)
    assert match, f'not a line of sha256sum: {line!r}'
    sums[match[2]] = match[1]
  return sums
