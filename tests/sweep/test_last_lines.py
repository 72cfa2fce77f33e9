"""What ends a comparison on the terminal: short names, or letters for long ones."""

from __future__ import annotations

import re
import types

import pytest
import tiny
from chosen_runs import BAD, FOCAL, GOOD, compare, make_run

from sernet_jax.common import trees
from sernet_jax.nn import networks
from sernet_jax.results import run_folder
from sernet_jax.sweep import final_comparison
from sernet_jax.sweep.comparison import last_lines, page, tables
from sernet_jax.sweep.settings import setting_name


@pytest.fixture(scope='module')
def paper_and_recipe(tmp_path_factory):
  folder = tmp_path_factory.mktemp('runs')
  recipe = trees.flatten(tiny.load_config('recipe').to_dict())
  return (
    make_run(folder / 'paper', BAD),
    make_run(folder / 'recipe', GOOD, recipe),
  )


def lines_of(content):
  return last_lines.summary_text(content, 'comparison.html').splitlines()


def test_the_summary_names_the_settings_and_the_page(tmp_path):
  content = compare(
    make_run(tmp_path / 'a', BAD), make_run(tmp_path / 'b', GOOD, FOCAL)
  )
  text = last_lines.summary_text(content, tmp_path / 'x.html')
  assert re.search(r'loss\.name=focal +UAR 83\.3 \[.*\], WA 83\.3', text)
  assert 'loss.name=focal - loss.name=cross_entropy: UAR +25.0, p 0.031' in text
  assert text.endswith(f'look at {tmp_path / "x.html"}')


def test_long_names_are_letters_and_a_table(paper_and_recipe):
  content = compare(*paper_and_recipe)
  assert min(len(row['name']) for row in content['settings']) > 200
  lines = lines_of(content)
  assert lines[1].startswith('  A  UAR 58.3 [')
  assert lines[2].startswith('  B  UAR 83.3 [')
  assert lines[3] == '  B - A: UAR +25.0, p 0.031 (Holm)'
  assert lines[4].split() == ['A', 'B']
  table = {
    field: values
    for field, *values in (line.split() for line in lines[5:])
    if '.' in field
  }
  assert table['data.crop'] == ['center', 'random']
  assert table['train.epochs'] == ['300', '30']
  assert set(table) == set(content['fields'])
  (note,) = [line for line in lines if 'Trained for 30 epochs' in line]
  assert note.startswith('  note: B: Trained')
  others = [line for line in lines if not line.startswith('  note')]
  assert max(map(len, others)) <= 80


def test_settings_that_do_not_fit_side_by_side_have_tables_of_their_own(
  paper_and_recipe, tmp_path
):
  timnet = make_run(tmp_path / 'timnet', BAD)
  run = run_folder.RunFolder(timnet)
  run.write_config({**run.read_config(), 'model': networks.fields('timnet')})
  lines = lines_of(compare(*paper_and_recipe, timnet))
  first, second = (
    place
    for place, line in enumerate(lines)
    if line.split() in (['A', 'B'], ['C'])
  )
  # Only the fields that one of the settings has.
  above = ' '.join(lines[first:second])
  below = ' '.join(lines[second:])
  assert 'model.filters' in above and 'model.block_dropout' not in above
  assert 'model.filters' not in below and 'model.block_dropout' in below
  assert re.search(r'model\.name +timnet', below)


def test_a_name_that_begins_another_is_not_taken_for_it():
  names = {'loss.gamma=2': 'A', 'loss.gamma=20': 'B'}
  sentence = last_lines.renamed('loss.gamma=20, loss.gamma=2: short.', names)
  assert sentence == 'B, A: short.'


def test_only_a_whole_is_a_hundred_per_cent(tmp_path):
  """9,998 of 10,000 and their interval, in the last line and the tables."""
  content = compare(make_run(tmp_path / 'run', GOOD))
  scores = dict.fromkeys(('uar', 'wa', 'f1_macro'), 0.9998)
  (row,) = content['settings']
  row['selections']['last'] |= {
    'scores': scores,
    'ci95': dict.fromkeys(scores, (0.9996, 1.0)),
  }
  text = last_lines.summary_text(content, tmp_path)
  assert 'UAR 99.98 [99.96 to 100.0], WA 99.98' in text
  assert '99.98 [99.96, 100.0]' in tables.tex(content)


def test_a_sweep_takes_a_part_of_a_name_as_baseline(tmp_path, monkeypatch):
  monkeypatch.setattr(page, 'write', lambda folder, *given: folder / 'x.html')
  planned = []
  for name, gamma, right in (
    ('focal', 2.0, GOOD),
    ('focal', 1.0, GOOD),
    ('cross_entropy', 2.0, BAD),
  ):
    changes = {'loss.name': name, 'loss.gamma': gamma}
    path = make_run(tmp_path / f'{name}{gamma}', right, changes)
    planned.append(
      types.SimpleNamespace(
        name=path.name,
        setting=setting_name(changes),
        finished=lambda: True,
        folder=types.SimpleNamespace(path=path),
        job=types.SimpleNamespace(changes=changes),
      )
    )
  text = final_comparison.write(
    tmp_path, planned, {}, 'sweep', 'loss.name=cross_entropy'
  )
  pairs = [line for line in text.splitlines() if '(Holm)' in line]
  assert [pair.split(':')[0] for pair in pairs] == ['  A - C', '  B - C']
