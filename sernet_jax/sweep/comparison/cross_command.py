"""The command for the matrix of a run across corpora.

python -m sernet_jax.cross runs/cross --within runs/emodb --within runs/savee

What it computes is in `cross`, which is loaded when the command line has been
read.
"""

from __future__ import annotations

import argparse
import pathlib
from collections.abc import Sequence

from sernet_jax.common import command_line


def main(argv: Sequence[str] | None = None) -> int:
  """Runs the command; returns the exit code."""
  parser = command_line.Parser(
    prog='python -m sernet_jax.cross',
    description='The matrix of a run across corpora: table and heat map.',
  )
  parser.add_argument('run', help="folder of a run of protocol.name='cross'")
  parser.add_argument(
    '--within',
    action='append',
    default=[],
    metavar='RUN',
    help="folder of a 'loso' run of one of its corpora; may be given often",
  )
  parser.add_argument(
    '--selection',
    default='last',
    help='whose cells, e.g. last_recomputed (%(default)s)',
  )
  parser.add_argument('--output', default='', help='folder for the files (RUN)')
  # Its name in older versions.
  parser.add_argument('--out', dest='output', help=argparse.SUPPRESS)
  args = parser.parse_args(argv)
  return command_line.run(lambda: _run(args), is_filter=True)


def _run(args: argparse.Namespace) -> None:
  from sernet_jax.results import caveats, crossed
  from sernet_jax.results.run_folder import MADE, RunFolder
  from sernet_jax.sweep.comparison import cross

  folder = RunFolder(args.run, MADE)
  within = [RunFolder(path, MADE) for path in args.within]
  combined = cross.combine(folder, within, args.selection)
  results = folder.read_results()
  out = pathlib.Path(args.output or args.run)
  table, picture = cross.write(combined, results, out)
  _, shows, not_shown = caveats.protocol(results.protocol)
  print('UAR, per cent:')
  print(
    '\n'.join(f'  {line}' for line in crossed.table(combined, args.selection))
  )
  print(f'{shows}\n{not_shown}\nlook at {table} and {picture}')
