"""Compares finished runs, wherever they were made.

python -m sernet_jax.compare runs/one runs/other --output=runs/compared
"""

from absl import flags

from sernet_jax.sweep.comparison import command

flags.adopt_module_key_flags(command)

if __name__ == '__main__':
  command.run()
