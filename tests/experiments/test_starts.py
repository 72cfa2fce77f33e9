"""The benchmark of starts: processes in turns, medians, ratios."""

from __future__ import annotations

import json
import sys

import tiny

PLACE = tiny.ROOT / 'experiments' / 'benchmarks'


def test_commands_of_two_checkouts_take_turns(tmp_path, monkeypatch):
  module = tiny.load_script(PLACE / 'starts.py')
  names = ('python', 'predict', 'predict, first', 'sernet --help')
  commands = {name: module.COMMANDS[name] for name in names}
  monkeypatch.setattr(module, 'COMMANDS', commands)
  monkeypatch.setattr(module, 'HERE', tmp_path)
  page = tmp_path / 'page.md'
  page.write_text('<!-- starts -->\n<!-- /starts -->\n')
  monkeypatch.setattr(module, 'PAGE', page)
  beside = f'--beside={tiny.ROOT}'
  monkeypatch.setattr(sys, 'argv', ['starts.py', '--rounds=1', beside])
  module.main()
  found = json.loads((tmp_path / 'starts.json').read_text())
  here, other = found['medians'], found['medians of the other checkout']
  assert [*here] == [*names] and [*other] == [*names[1:]]
  assert here['python']['cpu_s'] < here['predict']['cpu_s']
  # A child's peak includes that of its parent, here of the tests.
  assert 0 < here['python']['peak_mib'] <= here['predict']['peak_mib']
  ratio = here['predict']['cpu_s'] / other['predict']['cpu_s']
  assert abs(found['ratios of CPU seconds']['predict'] - ratio) < 0.01
  assert found['rounds'] == 1 and found['git_commit']
  cells = page.read_text().split('| `predict` |')[1].split('|')
  assert float(cells[0]) == round(here['predict']['cpu_s'], 2)
  (line,) = (tmp_path / 'history.jsonl').read_text().splitlines()
  assert json.loads(line)['benchmark'] == 'starts'
