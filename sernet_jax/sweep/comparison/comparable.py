"""Checks that runs may stand in one table: same tests, same protocol."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from sernet_jax.common.errors import require


@dataclasses.dataclass(frozen=True)
class Tested:
  """The tests of a run, done or planned.

  Attributes:
    run: how to call it in a sentence.
    setting: its setting without the seed.
    seed: of the run.
    corpus: name.
    protocol: name.
    classes: in the order of the matrices.
    utterances: (name, speaker, label) -> how often it is tested.
  """

  run: str
  setting: str
  seed: int
  corpus: str
  protocol: str
  classes: tuple[str, ...]
  utterances: Mapping[tuple[str, str, str], int]

  @property
  def speakers(self) -> set[str]:
    """Speakers with at least one test."""
    return {speaker for _, speaker, _ in self.utterances}


def require_comparable(tested: Sequence[Tested]) -> None:
  """Rejects runs that cannot stand in one table.

  Raises:
    InputError: if corpora, protocols, classes or tested utterances differ, or
      a setting has a seed twice.
  """
  first = tested[0]
  for other in tested[1:]:
    for field, why in (
      ('corpus', 'figures on different recordings say nothing about settings'),
      ('protocol', 'a figure means something else under each protocol'),
      ('classes', 'fewer or other classes are another task'),
    ):
      one, two = getattr(first, field), getattr(other, field)
      if field == 'classes':
        one, two = ', '.join(one), ', '.join(two)
      require(
        one == two,
        f'{first.run} and {other.run} cannot be compared: {field} is {one!r} '
        f'in the first and {two!r} in the second, and {why}; compare runs '
        f'with one {field} at a time',
      )
  _require_same_tests(tested)
  seen: dict[tuple[str, int], str] = {}
  for run in tested:
    twin = seen.setdefault((run.setting, run.seed), run.run)
    require(
      twin == run.run,
      f'{twin} and {run.run} have the same settings and seed {run.seed}; name '
      'one of them',
    )


def _require_same_tests(tested: Sequence[Tested]) -> None:
  by_seed: dict[int, Tested] = {}
  for run in tested:
    twin = by_seed.setdefault(run.seed, run)
    _require_same_utterances(twin, run)
  firsts = list(by_seed.values())
  if all(run.utterances == firsts[0].utterances for run in firsts):
    return
  # The protocol draws its tests anew with each seed (paper2021).
  seeds: dict[str, set[int]] = {}
  for run in tested:
    seeds.setdefault(run.setting, set()).add(run.seed)
  names = list(seeds)
  for name in names[1:]:
    require(
      seeds[name] == seeds[names[0]],
      f'{names[0]} has the seeds {_listed(seeds[names[0]])} and {name} the '
      f'seeds {_listed(seeds[name])}, and {tested[0].protocol} draws other '
      'test utterances with each seed; give both the same seeds',
    )
  for run in firsts[1:]:
    odd = run.speakers ^ firsts[0].speakers
    require(
      not odd,
      f'{firsts[0].run} and {run.run} cannot be compared: {tested[0].protocol} '
      f'draws its tests with the seed, and {min(odd, default="")!r} is tested '
      'in one of them alone; compare runs of one seed, or leave out speakers '
      'of very few utterances',
    )


def _require_same_utterances(one: Tested, other: Tested) -> None:
  if one.utterances == other.utterances:
    return
  first, second = (sum(run.utterances.values()) for run in (one, other))
  odd = set(one.utterances.items()) ^ set(other.utterances.items())
  name = min(key[0] for key, _ in odd)
  require(
    False,
    f'{one.run} and {other.run} cannot be compared: they were tested on '
    f'different utterances ({first} and {second} tests; {name} is one that '
    'differs); run both on the same folds of the same recordings',
  )


def _listed(seeds: set[int]) -> str:
  return ', '.join(map(str, sorted(seeds)))
