"""The tables hold the numbers of the comparison, in three formats."""

from __future__ import annotations

import copy
import csv

import pytest
from chosen_runs import BAD, FOCAL, GOOD, compare, make_run

from sernet_jax.sweep.comparison import page, tables


@pytest.fixture(scope='module')
def content(tmp_path_factory):
  folder = tmp_path_factory.mktemp('runs')
  return compare(
    make_run(folder / 'a', BAD), make_run(folder / 'b', GOOD, FOCAL)
  )


def test_csv_has_the_scores_unrounded(content):
  rows = list(csv.DictReader(tables.spreadsheet(content).splitlines()))
  assert [row['setting'] for row in rows] == [
    'loss.name=cross_entropy',
    'loss.name=focal',
  ]
  for row, expected in zip(rows, content['settings'], strict=True):
    found = expected['selections']['last']
    assert float(row['uar']) == found['scores']['uar']
    assert float(row['wa_low']) == found['ci95']['wa'][0]
    assert float(row['f1_macro_high']) == found['ci95']['f1_macro'][1]
    assert row['seeds'] == '1'


def test_markdown_and_latex_round_to_a_tenth(content):
  found = content['settings'][1]['selections']['last']
  low, high = (f'{100 * edge:.1f}' for edge in found['ci95']['uar'])
  cell = f'{100 * found["scores"]["uar"]:.1f} [{low}, {high}]'
  text = tables.markdown(content)
  (row,) = [
    line for line in text.splitlines() if line.startswith('| loss.name=focal |')
  ]
  assert [part.strip() for part in row.strip('|').split('|')][
    2
  ] == cell.replace('[', r'\[').replace(']', r'\]')
  for note in content['notes']:
    assert f'- {note}'[:20] in text
  lines = tables.tex(content).splitlines()
  assert f'loss.name=focal & 1 & {cell}' in '\n'.join(lines)
  (pair,) = content['differences']
  assert any(
    f'{100 * pair["difference"]["uar"]:+.1f} [' in line for line in lines
  )
  assert lines.count('\\toprule') == lines.count('\\end{tabular}') == 2
  assert all(line.endswith('\\\\') for line in lines if ' & ' in line)


def test_long_names_are_letters_that_a_table_explains(tmp_path):
  rate = {'optim.learning_rate': 3e-4, 'optim.beta1': 0.93}
  found = compare(
    make_run(tmp_path / 'a', BAD), make_run(tmp_path / 'b', GOOD, FOCAL | rate)
  )
  longest = max(len(row['name']) for row in found['settings'])
  assert longest > 48
  plain = tables.markdown(found).replace('\\', '')
  rows = [
    [cell.strip() for cell in line.strip('|').split('|')]
    for line in plain.splitlines()
    if line.startswith('|')
  ]
  assert [row[0] for row in rows[2:4]] == ['A', 'B']
  assert rows[6][0] == 'B - A'
  assert ['field', 'A', 'B'] in rows
  assert ['loss.name', 'cross_entropy', 'focal'] in rows
  assert ['optim.learning_rate', '0.0001', '0.0003'] in rows
  assert 'B - A & ' in tables.tex(found)
  assert r'loss.name & cross\_entropy & focal' in tables.tex(found)
  for text in (plain, tables.tex(found)):
    assert found['settings'][1]['name'] not in text.replace('\\', '')


def test_names_are_text_in_every_format(content):
  odd = copy.deepcopy(content)
  odd['settings'][0]['name'] = '=a_b|50%\n'
  assert r'=a\_b|50\%\textbackslash{}n & 1' in tables.tex(odd)
  assert r'| =a\_b\|50%\\n | 1 |' in tables.markdown(odd)
  assert "'=a_b" in tables.spreadsheet(odd)


def test_they_stand_beside_the_page(content, tmp_path, monkeypatch):
  monkeypatch.setattr(page, '_draw', lambda folder, content: {})
  monkeypatch.setattr(page.report, 'template', lambda name: Blank())
  page.write(tmp_path, content, 'command')
  for suffix in ('tex', 'md', 'csv'):
    path = tmp_path / f'comparison.{suffix}'
    assert 'loss.name=focal' in path.read_text().replace('\\', '')


class Blank:
  def render(self, **named):
    return ''
