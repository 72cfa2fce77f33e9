#!/usr/bin/env bash
# ml_collections reads some names of speakers as texts and others as numbers.
#
# Versions: ml_collections 1.1.0, absl-py 2.3.1, Python 3.11.
# Date: 2026-11-30.
#
# A config has a tuple of texts, the speakers of EMO-DB that are tested:
# folds = ('03',). The command line names others.
#
# Expected: the tuple holds texts, so names stay texts, or are refused.
# Seen: the type of the tuple's members plays no part; what is on the command
# line is read as Python, where 10 is a number and 03 is no number, so it stays:
#   --config.folds=03: ('03',)
#   --config.folds=10: (10,)
#   --config.folds=10,11: (10, 11)
#   --config.folds=03,08: refused
#   --config.folds="03","08": ('03', '08')
# What to do: turn members into texts where the config is read, or compare
# str(name); a test `speaker in folds` finds '03' and never '10'.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ml_collections==1.1.0 absl-py==2.3.1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

from absl import flags
from ml_collections import ConfigDict
from ml_collections.config_flags import config_flags


def read(text):
  sys.argv = ['main', f'--config.folds={text}']
  values = flags.FlagValues()
  start = ConfigDict({'folds': ('03',)})
  config_flags.DEFINE_config_dict('config', start, flag_values=values)
  try:
    values(sys.argv)
  except flags.IllegalFlagValueError:
    return 'refused'
  return values.config.folds


expected = {
  '03': ('03',),
  '10': (10,),
  '10,11': (10, 11),
  '03,08': 'refused',
  '"03","08"': ('03', '08'),
}
for text, seen in expected.items():
  found = read(text)
  print(f'--config.folds={text}: {found}')
  assert found == seen
print('as described')
PYTHON
