"""All commands by name: `sernet COMMAND ...`, or python -m sernet_jax.

`sernet predict a.wav` is `python -m sernet_jax.predict a.wav`; without a command
it lists them. Loads nothing before a command is chosen.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Sequence

import sernet_jax
from sernet_jax.common import command_line
from sernet_jax.common.errors import nearest

# Name -> (module, arguments that come first, what it does).
COMMANDS = {
  'download': ('download', (), 'fetch a corpus, checked file by file'),
  'inspect': ('main', ('--mode=inspect',), 'see what is in a corpus'),
  'train': ('main', (), 'train and test, or resume'),
  'evaluate': ('main', ('--mode=evaluate',), 'results of a run that stopped'),
  'report': ('main', ('--mode=report',), 'draw the report of a run again'),
  'sweep': ('sweep', (), 'train many settings'),
  'compare': ('compare', (), 'compare runs, with intervals and a test'),
  'cross': ('cross', (), 'a matrix of corpora from runs'),
  'predict': ('predict', (), 'recognize recordings'),
  'stream': ('stream', (), 'recognize sound while it comes in'),
  'demo': ('demo', (), 'a page on this machine'),
  'export': ('export', (), 'write a model for other runtimes'),
}


def main(argv: Sequence[str] | None = None) -> int:
  """Runs a command; returns the exit code.

  Args:
    argv: without the name of the program; by default those of the process.
  """
  name, *rest = [*(sys.argv[1:] if argv is None else argv)] or ['--help']
  if name in ('-h', '--help', 'help'):
    return command_line.run(lambda: print(usage()), is_filter=True)
  if name == '--version':
    about = f'sernet_jax {sernet_jax.__version__}'
    return command_line.run(lambda: print(about), is_filter=True)
  if name not in COMMANDS:
    return command_line.fail(
      f'{name!r} is not a command: {nearest(name, COMMANDS)}'
    )
  module, first, _ = COMMANDS[name]
  sys.argv = [f'sernet {name}', *first, *rest]
  # As python -m does, so that a command cannot tell the difference.
  runpy.run_module(f'sernet_jax.{module}', run_name='__main__', alter_sys=True)
  return 0


def usage() -> str:
  """Lists the commands."""
  width = max(map(len, COMMANDS))
  return '\n'.join(
    [
      'usage: sernet COMMAND ...   (or python -m sernet_jax COMMAND ...)',
      '',
      'commands; each explains itself with --help:',
      *(
        f'  {name:<{width}}  {about}'
        for name, (_, _, about) in COMMANDS.items()
      ),
    ]
  )


if __name__ == '__main__':
  sys.exit(main())
