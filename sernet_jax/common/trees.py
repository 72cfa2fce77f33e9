"""Nested mappings, such as configs and weights by block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def flatten(tree: Mapping[str, Any], separator: str = '.') -> dict[str, Any]:
  """Returns the leaves of nested mappings by their full names.

  Args:
    tree: e.g. {'train': {'epochs': 30}, 'seed': 0}; an empty mapping is a leaf.
    separator: between the names of the levels.

  Returns:
    E.g. {'train.epochs': 30, 'seed': 0}, in the order of `tree`.
  """
  leaves: dict[str, Any] = {}
  for key, value in tree.items():
    if isinstance(value, Mapping) and value:
      below = flatten(value, separator)
      leaves |= {
        f'{key}{separator}{name}': leaf for name, leaf in below.items()
      }
    else:
      leaves[key] = value
  return leaves
