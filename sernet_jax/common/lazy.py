"""Public names of a package that are loaded on first use (PEP 562)."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def loader(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
  """Returns the `__getattr__` of a package.

  Args:
    package: its `__name__`.
    homes: public name -> the module of the package that defines it.
  """

  def load(name: str) -> Any:
    if name not in homes:
      raise AttributeError(f'module {package!r} has no attribute {name!r}')
    return getattr(importlib.import_module(f'{package}.{homes[name]}'), name)

  return load
