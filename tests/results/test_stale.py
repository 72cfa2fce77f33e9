"""The warning where `last` is near guessing and `last_recomputed` is not."""

from __future__ import annotations

import re

import pytest
from chosen_runs import (
  FOCAL,
  GOOD,
  SPEAKERS,
  add_recomputed,
  compare,
  counts,
  make_run,
)

from sernet_jax.predict import run_bundles
from sernet_jax.predict.inference import options
from sernet_jax.results import caveats, report
from sernet_jax.results.run_folder import RunFolder
from sernet_jax.sweep.comparison import last_lines, page as page_lib, tables

pytestmark = pytest.mark.usefixtures('blank_figures')
GUESSING = counts(5, 5, 6, 5, 5, 5)  # of 10 of each of two classes


@pytest.fixture
def stale(tmp_path):
  """A run whose `last` guesses; 31 and 50 of 60 takes are right."""
  folder = make_run(tmp_path / 'stale', GUESSING)
  add_recomputed(folder, make_run(tmp_path / 'twin', GOOD))
  part = {'loss': 1.5, 'confusion': [[1, 1], [1, 1]], 'wa': 0.5, 'uar': 0.5}
  RunFolder(folder).append_metrics(
    {
      'fold': name,
      'epoch': 1,
      'learning_rate': 1e-3,
      'train': part,
      'test': part,
      'seconds': 0.5,
    }
    for name in SPEAKERS
  )
  return RunFolder(folder)


@pytest.fixture
def sentence(stale):
  found = caveats.stale(stale.read_results())
  assert re.fullmatch(
    r'UAR 51\.7 % of `last` is near guessing .* `last_recomputed`, with '
    r'83\.3 %\.',
    found,
  )
  return found


def body(page):
  assert '`' not in page
  text = re.sub('</?code>', '`', page.split('<body>')[1])
  return re.sub('<[^>]*>', ' ', text).strip()


def test_first_line_of_report_and_summary(stale, sentence):
  page = report.write(stale).read_text()
  assert body(page).startswith(sentence)
  assert body(page).count(sentence) == 1
  text = report.summary_text(stale.read_results())
  assert text.startswith(f'{sentence}\n')
  assert text.count(sentence) == 1


def test_first_line_of_a_comparison(stale, sentence, tmp_path):
  other = make_run(tmp_path / 'other', GOOD, FOCAL)
  add_recomputed(other)
  content = compare(stale.path, other)
  cured = f'{sentence[:-1]} (--selection=last_recomputed).'
  warning = f'loss.name=cross_entropy: {cured}'
  assert content['warnings'] == [warning]
  assert not any(sentence[:-1] in note for note in content['notes'])
  path = page_lib.write(tmp_path / 'page', content, 'compare')
  assert body(path.read_text()).startswith(warning)
  assert last_lines.summary_text(content, path).startswith(f'{warning}\n')
  assert tables.tex(content).startswith('% loss.name=cross')
  assert tables.markdown(content).startswith('**loss.name=cross')
  assert compare(stale.path)['warnings'] == [cured]
  again = compare(stale.path, other, selection='last_recomputed')
  assert again['warnings'] == []


def test_the_commands_that_run_the_weights_say_it(stale, sentence, capsys):
  assert run_bundles.warning(stale.path) == sentence
  options.warn_of(str(stale.path), 'last')
  assert capsys.readouterr().err == f'warning: {sentence}\n'
  options.warn_of(str(stale.path), 'last_recomputed')
  options.warn_of('', 'last')
  assert capsys.readouterr().err == ''


def test_other_runs_have_no_warning(tmp_path):
  good = make_run(tmp_path / 'good', GOOD)
  add_recomputed(good)
  poor = make_run(tmp_path / 'poor', GUESSING)
  add_recomputed(poor)  # the same again
  for folder in (good, poor):
    results = RunFolder(folder).read_results()
    assert caveats.stale(results) == ''
    assert 'near guessing' not in report.summary_text(results)
