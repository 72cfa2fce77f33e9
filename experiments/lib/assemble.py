"""The way from runs to results.json, a figure and the tables of a page.

A script beside a page says what its rows, figure and tables are; all that
such scripts have in common is here.
"""

from __future__ import annotations

import argparse
import pathlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from experiments.lib import markdown, provenance
from sernet_jax.common import files
from sernet_jax.common.errors import require


def main(
  arguments: Sequence[str],
  *,
  script: str,
  doc: str,
  picture: str,
  options: Callable[[argparse.ArgumentParser], None],
  content: Callable[[argparse.Namespace], dict[str, Any]],
  figure: Callable[[dict[str, Any], pathlib.Path], None],
  tables: Callable[[dict[str, Any]], Mapping[str, str]],
  measured_by: str = '',
) -> None:
  """Writes results.json, the picture and the tables of README.md.

  They go to the folder of the script, or to --output, which gets a copy of
  the page if it has none.

  Args:
    arguments: of the command line.
    script: its `__file__`.
    doc: its text, whose first line describes the command.
    picture: name of the PNG.
    options: adds the arguments of the script.
    content: of results.json, from the parsed arguments.
    figure: draws the content to a path.
    tables: from the content; mark in the page -> text.
    measured_by: the module of a script that measures on this machine, whose
      environment is then part of the content.
  """
  here = pathlib.Path(script).parent
  parser = argparse.ArgumentParser(description=doc.splitlines()[0])
  options(parser)
  parser.add_argument('--output', type=pathlib.Path, default=here)
  given = parser.parse_args(arguments)
  made = content(given)
  if measured_by:
    made['environment'] = provenance.record(measured_by, arguments)
  texts = tables(made)
  files.write_json(given.output / 'results.json', made)
  figure(made, given.output / picture)
  page = given.output / 'README.md'
  if not page.exists():
    shutil.copy(here / 'README.md', page)
  for mark, text in texts.items():
    markdown.fill(page, mark, text)
  print('\n\n'.join(texts.values()))


def add_keep(parser: argparse.ArgumentParser) -> None:
  """Adds the option --keep; see `kept_rows`."""
  parser.add_argument(
    '--keep',
    action='store_true',
    help='rows of the results.json there that are not made anew stay',
  )


def kept_rows(given: argparse.Namespace) -> list[dict[str, Any]]:
  """Returns the rows that --keep keeps: those of the results.json there."""
  if not given.keep:
    return []
  path = given.output / 'results.json'
  require(
    path.exists(), f'{path} is not there; leave --keep out to make it anew'
  )
  return files.read_json(path, ('rows',))['rows']
