"""The MFCC where only jax and numpy are installed, as its page promises."""

from __future__ import annotations

import re
import subprocess
import sys

import tiny

SETUP = (tiny.ROOT / 'setup.py').read_text()
# What `pip install jax numpy` brings.
KEPT = {'jax', 'numpy'}
# Distribution -> its module, where they differ.
MODULES = {'absl-py': 'absl', 'orbax-checkpoint': 'orbax'}


def others():
  """Modules of the libraries that the package installs beside these two."""
  listed = re.findall(r'install_requires=\[(.*?)\]', SETUP, re.S)[0]
  names = set(re.findall(r"'([\w-]+)[><=]", listed)) - KEPT
  assert len(names) > 8
  return sorted(MODULES.get(name, name.replace('-', '_')) for name in names)


def test_the_features_work_without_any_other_library():
  text = (tiny.ROOT / 'docs' / 'features.md').read_text()
  section = text.split('## Only the features')[1].split('\n## ')[0]
  (snippet,) = re.findall(r'^```python\n(.*?)^```$', section, re.M | re.S)
  program = '\n'.join(
    [
      'import sys',
      f'sys.modules.update(dict.fromkeys({others()}))',  # none can be imported
      snippet,
      'print(x.shape)',
      'import flax',
    ]
  )
  done = subprocess.run(
    [sys.executable, '-c', program],
    capture_output=True,
    text=True,
    cwd=tiny.ROOT,
    check=False,
  )
  assert done.stdout.split() == ['(2,', '184,', '40)'], done.stderr
  assert 'import of flax halted' in done.stderr
