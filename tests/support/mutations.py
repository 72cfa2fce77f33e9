"""Damage as disks, editors and other programs do it, from a fixed seed.

Tests try a few; `SERNET_FUZZ=2000 pytest tests/robustness -n 0 -s` tries that
many of each kind and prints the counts. `SERNET_FIRST=1000` begins with the
thousandth where attempts do not depend on each other (`isolated`).
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal

from sernet_jax.common.errors import InputError

SECONDS = 20
MEMORY_KIB = 2 << 20
# Values that no writer of ours puts where they are put.
STRANGE = (
  None,
  True,
  -1,
  0,
  1e308,
  -1e-308,
  10**30,
  float('nan'),
  float('inf'),
  '',
  'x' * 300,
  '\x1b[2J\u202e',
  '../../x',
  [],
  [[]],
  {},
  {'': {}},
  [None] * 50,
)


def how_many(few: int, large: int) -> int:
  """How many to try: a few, what the issue of a release asks, or a number."""
  wanted = os.environ.get('SERNET_FUZZ', few)
  return large if wanted == 'large' else int(wanted)


def first() -> int:
  """The attempt to begin with, so that a long trial can be made in parts."""
  return int(os.environ.get('SERNET_FIRST', '0'))


def of_bytes(content: bytes, random) -> bytes:
  """Returns a content with a bit, a byte, a piece or its end changed."""
  changed = bytearray(content)
  place = random.randrange(max(1, len(content)))
  length = min(2 ** random.randrange(12), max(1, len(content)))
  how = random.randrange(7)
  if how == 0 and content:
    changed[place] ^= 1 << random.randrange(8)
  elif how == 1 and content:
    changed[place] = random.randrange(256)
  elif how == 2:
    del changed[place:]
  elif how == 3:
    del changed[place : place + length]
  elif how == 4:
    changed[place:place] = random.randbytes(length)
  elif how == 5:
    changed[place : place + length] = bytes(length)
  else:
    changed[place:place] = content[place : place + length]
  return bytes(changed)


def of_json(value, random):
  """Returns a copy of what JSON holds, with one entry changed or gone."""
  places = list(_places(value))
  value = json.loads(json.dumps(value))
  path = random.choice(places)
  inner = value
  for key in path[:-1]:
    inner = inner[key]
  if random.random() < 0.3:
    del inner[path[-1]]
  elif random.random() < 0.1:
    inner[path[-1]] = _deep(random.choice([3, 100, 900]))
  else:
    inner[path[-1]] = random.choice(STRANGE)
  return value


def _deep(levels):
  value = []
  for _ in range(levels):
    value = [value]
  return value


def _places(value, path=()):
  items = value.items() if isinstance(value, dict) else enumerate(value)
  for key, inner in items:
    yield (*path, key)
    if isinstance(inner, dict | list):
      yield from _places(inner, (*path, key))


class Counts:
  """Counts how a reader took damage, and keeps what it should not have done.

  Attributes:
    accepted: inputs that were read, as damage may change nothing of meaning.
    refused: inputs that ended in one sentence.
    failures: (what was tried, what happened) of all others.
  """

  def __init__(self):
    self.accepted = self.refused = 0
    self._peak = _peak_kib()  # of the tests before, in the same process
    self.failures = []

  def attempt(self, what: object, call) -> object:
    """Returns what `call` returns, or None where it was refused."""
    try:
      with time_limit():
        result = call()
    except InputError as error:
      self.refused += 1
      self._sentence(what, str(error))
      return None
    except Exception as error:
      self.failures.append((what, f'{type(error).__name__}: {error}'[:300]))
      return None
    self.accepted += 1
    return result

  def add(self, what: object, outcome: str, text: str) -> None:
    """Counts an attempt that was made elsewhere; see `isolated`."""
    if outcome == 'refused':
      self.refused += 1
      self._sentence(what, text)
    elif outcome == 'read':
      self.accepted += 1
    else:
      self.failures.append((what, text))

  def _sentence(self, what: object, text: str) -> None:
    # Commands write other controls out: `text.printable`.
    if '\n' in text or len(text) > 3000:
      self.failures.append((what, f'no sentence: {text[:300]!r}'))

  def finish(self, name: str) -> None:
    """Prints the counts; fails if something was neither read nor refused."""
    print(
      f'{name}: {self.accepted + self.refused + len(self.failures)} tried, '
      f'{self.refused} refused in a sentence, {self.accepted} read, '
      f'{len(self.failures)} neither'
    )
    assert not self.failures, '\n'.join(map(str, self.failures[:20]))
    assert self.refused, 'nothing was refused, so nothing was damaged'
    grown = _peak_kib() - self._peak
    assert grown < MEMORY_KIB, f'{grown >> 10} MiB'


def _peak_kib() -> int:
  """The most memory that this process has held."""
  return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@contextlib.contextmanager
def time_limit(seconds: float = SECONDS):
  """Raises `TimeoutError` in work that takes longer."""

  def late(number, frame):
    raise TimeoutError(f'longer than {seconds} s')

  before = signal.signal(signal.SIGALRM, late)
  signal.setitimer(signal.ITIMER_REAL, seconds)
  try:
    yield
  finally:
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)
