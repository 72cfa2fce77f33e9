"""Notebooks run from their first cell to the last, and keep no output."""

from __future__ import annotations

import json

import pytest
import tiny

NOTEBOOKS = sorted((tiny.ROOT / 'docs' / 'notebooks').glob('*.ipynb'))


@pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(path, capsys):
  cells = json.loads(path.read_text())['cells']
  names = {'__name__': path.stem}
  sources = [
    ''.join(cell['source']) for cell in cells if cell['cell_type'] == 'code'
  ]
  assert len(sources) >= 4
  for number, source in enumerate(sources):
    exec(compile(source, f'{path.name}, cell {number}', 'exec'), names)
  assert capsys.readouterr().out
  assert names['found'].label in names['model'].classes
  assert names['mfcc'].shape[1] == 40


@pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_whole_and_keeps_no_output(path):
  notebook = json.loads(path.read_text())
  assert (notebook['nbformat'], notebook['nbformat_minor']) == (4, 5)
  names = [cell['id'] for cell in notebook['cells']]
  assert len(set(names)) == len(names)
  for cell in notebook['cells']:
    if cell['cell_type'] == 'code':
      assert cell['outputs'] == [] and cell['execution_count'] is None


def test_there_is_a_notebook():
  assert NOTEBOOKS
