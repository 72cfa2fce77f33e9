"""Compares finished runs, wherever they were made.

python -m sernet_jax.compare runs/one runs/other --output=runs/compared
"""

from __future__ import annotations

import pathlib
import shlex
import sys

from absl import app, flags

from sernet_jax.common import command_line
from sernet_jax.common.errors import require
from sernet_jax.runs import config_flags

_OUTPUT = flags.DEFINE_string(
  'output',
  '',
  'Folder for comparison.html, .json, .tex, .md, .csv and figures.',
)
_BASELINE = flags.DEFINE_string(
  'baseline', '', 'Compare with this setting alone, e.g. loss.name=focal.'
)
_SELECTION = flags.DEFINE_string(
  'selection', 'last', 'Whose scores are compared, e.g. last_recomputed.'
)


def main(argv: list[str]) -> int:
  """Compares the folders that are named; returns the exit code."""

  def command() -> None:
    require(
      len(argv) > 1,
      'no run was named; give the folders of finished runs or sweeps',
    )
    require(
      bool(_OUTPUT.value),
      'no --output was given; pass a folder such as --output=runs/compared',
    )
    from sernet_jax.sweep import final_comparison

    folders = [pathlib.Path(text) for text in argv[1:]]
    words = shlex.join(['python', '-m', 'sernet_jax.compare', *sys.argv[1:]])
    print(
      final_comparison.compare(
        folders,
        pathlib.Path(_OUTPUT.value),
        words,
        _BASELINE.value,
        _SELECTION.value,
      )
    )

  return command_line.run(command, is_filter=True)


def run() -> None:
  """Reads the flags and compares."""
  app.run(main, flags_parser=config_flags.parse)
