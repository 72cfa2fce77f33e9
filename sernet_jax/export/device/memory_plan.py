"""Plan of the arena of TensorFlow Lite Micro: the place of each map.

The interpreter's own planner places the largest map first and every next one
where it is free while both live, which leaves holes: the maps of the paths of a
small network then need 1.4 times the memory that lives at once. A file may
bring a plan of its own, as metadata that the interpreter follows:
https://github.com/tensorflow/tflite-micro/blob/main/tensorflow/lite/micro/docs/memory_management.md
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sernet_jax.export.emitters.tflite_graph import Graph, Value

NOTE = 'OfflineMemoryAllocation'
_ALIGNMENT = 16
_VERSION, _SUBGRAPH = 1, 0
_ELSEWHERE = -1  # tables, which stay in the file
_TRIES = 2000


class Life(NamedTuple):
  """A map while the operators run.

  Attributes:
    tensor: its index.
    size: bytes, a multiple of the alignment.
    first: operator that writes it; -1 for an input.
    last: operator that reads it last.
  """

  tensor: int
  size: int
  first: int
  last: int


def note(
  graph: Graph, inputs: Sequence[Value], outputs: Sequence[Value]
) -> bytes:
  """Returns the content of the metadata `NOTE` for a graph.

  Args:
    graph: with all of its operators.
    inputs: of the graph.
    outputs: of the graph, which live until its end.
  """
  lives = _lives(graph, inputs, outputs)
  offsets = np.full(len(graph.tensors), _ELSEWHERE, '<i4')
  for life, offset in zip(lives, plan(lives), strict=True):
    offsets[life.tensor] = offset
  head = np.array([_VERSION, _SUBGRAPH, len(offsets)], '<i4')
  return np.concatenate([head, offsets]).tobytes()


def _lives(
  graph: Graph, inputs: Sequence[Value], outputs: Sequence[Value]
) -> list[Life]:
  first = {value.tensor: -1 for value in inputs}
  last: dict[int, int] = {}
  for number, operator in enumerate(graph.operators):
    first |= dict.fromkeys(operator.outputs, number)
    last |= dict.fromkeys((*operator.inputs, *operator.outputs), number)
  last |= {value.tensor: len(graph.operators) for value in outputs}
  return [
    Life(tensor, _bytes(graph, tensor), number, last[tensor])
    for tensor, number in first.items()
  ]


def _bytes(graph: Graph, tensor: int) -> int:
  """Bytes of a map of int8 or float32, rounded up to the alignment."""
  one = graph.tensors[tensor]
  each = 4 if one.type == graph.schema.TensorType.FLOAT32 else 1
  return -(-each * int(np.prod(one.shape)) // _ALIGNMENT) * _ALIGNMENT


def least(lives: Sequence[Life]) -> int:
  """Bytes that live at once at most, which no plan can go below."""
  return max(
    sum(life.size for life in lives if life.first <= now <= life.last)
    for now in {life.first for life in lives}
  )


def plan(lives: Sequence[Life]) -> list[int]:
  """Finds offsets at which maps that live together do not overlap.

  Places maps one after the other at the lowest free offset, in several orders:
  by time, backwards, by size, then at random from the best one so far, until
  nothing can be better.
  """
  random = np.random.default_rng(0)  # the same file every time
  numbers = range(len(lives))
  orders = [
    list(numbers),
    list(reversed(numbers)),
    sorted(numbers, key=lambda k: -lives[k].size),
    sorted(numbers, key=lambda k: (lives[k].first, -lives[k].size)),
    sorted(numbers, key=lambda k: (-lives[k].last, -lives[k].size)),
  ]
  bound, best = least(lives), orders[0]
  best_top, found = _placed(lives, best)
  for tries in range(_TRIES):
    if best_top == bound:
      break
    order = [*best]
    if tries < len(orders):
      order = orders[tries]
    else:
      # One map at another place of the order. Steps to plans that are only as
      # good are taken too, which leads off plateaus.
      moved = order.pop(random.integers(len(order)))
      order.insert(random.integers(len(order) + 1), moved)
    top, offsets = _placed(lives, order)
    if top <= best_top:
      best_top, best, found = top, order, offsets
  return found


def _placed(
  lives: Sequence[Life], order: Sequence[int]
) -> tuple[int, list[int]]:
  """Bytes and offsets with maps placed in an order."""
  offsets = [0] * len(lives)
  placed: list[int] = []
  for number in order:
    own = lives[number]
    # From the ground up: a map that lives at the same time and begins below
    # the end of this one pushes it above itself.
    offset = 0
    for other in sorted(placed, key=offsets.__getitem__):
      theirs = lives[other]
      apart = theirs.last < own.first or own.last < theirs.first
      if apart or offsets[other] >= offset + own.size:
        continue
      offset = max(offset, offsets[other] + theirs.size)
    offsets[number] = offset
    placed.append(number)
  top = max(offsets[number] + lives[number].size for number in order)
  return top, offsets
