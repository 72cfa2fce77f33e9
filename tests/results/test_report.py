"""The report: figures and one page, from the files of a run alone."""

from __future__ import annotations

import dataclasses
import re
import shutil

import numpy as np
import pytest
from report_pages import CLASSES, Page, fake_run

from sernet_jax.common.errors import InputError
from sernet_jax.corpora import utterances
from sernet_jax.results import caveats, report
from sernet_jax.results.confidence import of_run
from sernet_jax.results.figures import learning_plots, style
from sernet_jax.results.formats import results_json
from sernet_jax.results.formats.json_records import MismatchError
from sernet_jax.results.run_folder import RunFolder
from sernet_jax.results.selections import SELECTIONS


def percent(share):
  return f'{100 * share:.1f}'


def flat(row):
  return [word for cell in row for word in cell]


@pytest.fixture(scope='module')
def full(tmp_path_factory):
  """Folder, results and page of a run with everything in it."""
  folder, results = fake_run(tmp_path_factory.mktemp('run'))
  assert report.write(folder) == folder.report
  return folder, results, Page(folder.report.read_text())


@pytest.fixture
def small(tmp_path):
  """A run of two speakers, two classes, two epochs."""
  return fake_run(
    tmp_path / 'run', ('a', 'b'), ('calm', 'wild'), epochs=2, validation=False
  )


def made_of(results):
  """The selections that a run has, in the order of the table."""
  return [name for name in SELECTIONS if name in results['selections']]


def test_selections_in_the_page_are_those_of_the_results(full):
  _, results, page = full
  rows = page.rows('selection')[1:]
  assert [(row[0][0], row[1][0]) for row in rows] == [
    (name, dtype)
    for name in made_of(results)
    for dtype in ('float16', 'float32')
  ]
  kinds = {
    'float16': results['selections'],
    'float32': results['selections_float32'],
  }
  for name, dtype, *cells in rows:
    selection = kinds[dtype[0]][name[0]]
    for cell, score in zip(
      cells[:4], ('uar', 'wa', 'f1_macro', 'f1_weighted'), strict=True
    ):
      low, high = selection['ci95'][score]
      pooled = percent(selection['pooled'][score])
      assert cell == [pooled, percent(low), 'to', percent(high)]
    for cell, score in zip(cells[4:], ('uar', 'wa'), strict=True):
      mean, sd = selection['mean'][score], selection['sd'][score]
      assert cell == [percent(mean), '±', percent(sd)]


def test_headline_is_the_last_epoch(full):
  _, results, page = full
  last = results['selections']['last']
  low, high = map(percent, last['ci95']['uar'])
  text = ' '.join(page.text.split())
  assert (
    f'UAR, last epoch {percent(last["pooled"]["uar"])} % '
    f'95 % interval {low} to {high}'
  ) in text
  assert f'WA, last epoch {percent(last["pooled"]["wa"])} %' in text


def test_folds_and_speakers_in_the_page_are_those_of_the_results(full):
  _, results, page = full
  order = [results['selections'][name] for name in made_of(results)]
  for number, row in enumerate(page.rows('fold')[2:]):
    folds = [selection['folds'][number] for selection in order]
    expected = [folds[0]['name'], str(folds[0]['n_test'])]
    for fold in folds:
      expected += [
        str(fold['epoch']),
        percent(fold['uar']),
        percent(fold['wa']),
      ]
    assert flat(row) == expected
  assert number == 9
  for number, row in enumerate(page.rows('speaker')[2:]):
    speakers = [selection['speakers'][number] for selection in order]
    expected = [speakers[0]['name'], str(speakers[0]['n'])]
    for speaker in speakers:
      expected += [percent(speaker['uar']), percent(speaker['wa'])]
    assert flat(row) == expected
  assert number == 9


def test_classes_in_the_page_are_counted_from_the_matrices(full):
  _, results, page = full
  matrices = [
    np.array(results['selections'][name]['pooled']['confusion'])
    for name in made_of(results)
  ]
  assert len(matrices) > 1
  for k, row in enumerate(page.rows('class')[2:]):
    expected = [CLASSES[k], str(matrices[0][k].sum())]
    for matrix in matrices:
      recall = matrix[k, k] / matrix[k].sum()
      precision = matrix[k, k] / matrix[:, k].sum()
      expected += [
        percent(recall),
        percent(precision),
        percent(2 * recall * precision / (recall + precision)),
      ]
    assert flat(row) == expected
  assert k == len(CLASSES) - 1


def test_the_cost_says_how_it_was_counted(small):
  folder, _ = small
  config = folder.read_config()
  for name, words in (
    ('light_sernet', "one path's float32 map and the pooled maps"),
    ('drn', 'the most that one operation reads and writes'),
  ):
    folder.write_config({**config, 'model': {'name': name}})
    report.write(folder)
    text = ' '.join(Page(folder.report.read_text()).text.split())
    assert words in text
    assert ('folded into the convolutions' in text) == (name == 'light_sernet')


def test_page_has_the_cost_config_environment_command_and_skipped_files(full):
  folder, _, page = full
  text = ' '.join(page.text.split())
  for words in (
    '463,431',
    '461,703',
    '460,743',
    '318.7',
    '1,610',
    '0.879',
    '03a01Fa.wav has no samples',
    'features.preset paper',
    'packages.jax 0.10.2',
    'git_commit abc123',
    '2026-01-02T03:04:05',
    folder.read_environment()['command'],
  ):
    assert words in text, words


def test_page_loads_nothing(full):
  folder, _, page = full
  links = [
    value
    for _, attributes in page.tags
    for key, value in attributes.items()
    if key in ('src', 'href', 'srcset', 'action', 'data', 'poster')
  ]
  assert len(links) == 11
  assert all(link.startswith('data:image/png;base64,') for link in links)
  assert {tag for tag, _ in page.tags}.isdisjoint(
    {'script', 'link', 'iframe', 'object', 'base'}
  )
  style = folder.report.read_text().split('<style>')[1].split('</style>')[0]
  assert 'url(' not in style and '@import' not in style


def test_every_figure_is_a_picture_beside_the_page(full):
  folder, *_ = full
  assert {path.stem for path in folder.figures.iterdir()} == {
    'learning_curves',
    'learning_rate',
    'speakers',
    'features',
    'confusion_last',
    'confusion_last_recomputed',
    'confusion_validation',
    'confusion_best_on_test',
    'confidence_last',
    'confidence_last_recomputed',
    'confidence_validation',
  }
  for path in folder.figures.iterdir():
    assert path.read_bytes().startswith(b'\x89PNG'), path


def test_best_on_test_is_called_optimistic_wherever_it_stands(full):
  _, _, page = full
  assert (
    'optimistic: epoch with the best accuracy (WA) on the test' in page.text
  )
  cells = [c for table in page.tables for row in table for c in row]
  named = [cell for cell in cells if 'best_on_test' in cell]
  assert len(named) == 5
  assert all('(optimistic)' in cell for cell in named)


def test_report_is_the_same_from_the_files_alone_anywhere(small, tmp_path):
  folder, _ = small
  first = report.write(folder).read_bytes()
  moved = RunFolder(tmp_path / 'elsewhere')
  moved.path.mkdir()
  names = (
    *('config', 'environment', 'results', 'metrics', 'examples'),
    'predictions',
  )
  for file in names:
    source = getattr(folder, file)
    shutil.copy(source, moved.path / source.name)
  assert report.write(moved).read_bytes() == first


def test_the_page_says_how_sure_each_selection_is(full):
  folder, results, page = full
  (table,) = [
    table
    for table in page.tables
    if any(cell.strip() == 'ECE tempered' for cell in table[0])
  ]
  honest = [
    name for name in results['selections'] if not SELECTIONS[name].optimistic
  ]
  assert [row[0].split()[0] for row in table[1:]] == honest
  rows = folder.read_predictions()
  tests = of_run.tests_of(
    rows, results['classes'], 'last', results['weights_dtype']
  )
  measured = of_run.measure(*tests)
  assert table[1][2].strip() == percent(measured.accuracy)
  assert table[1][4].strip() == f'{measured.temperature:.2f}'


def test_predictions_of_other_classes_are_refused(small, tmp_path):
  folder, _ = small
  damaged = RunFolder(tmp_path / 'damaged')
  shutil.copytree(folder.path, damaged.path)
  text = damaged.predictions.read_text()
  line = text.splitlines()[1].split(',')
  line[5] = 'surprise'
  first, _, *rest = text.splitlines()
  damaged.predictions.write_text('\n'.join([first, ','.join(line), *rest]))
  with pytest.raises(InputError, match=r'predictions\.csv is damaged'):
    report.write(damaged)


def test_a_run_without_predictions_has_a_page_without_confidence(
  small, tmp_path
):
  folder, _ = small
  older = RunFolder(tmp_path / 'older')
  shutil.copytree(folder.path, older.path)
  older.predictions.unlink()
  shutil.rmtree(older.figures, ignore_errors=True)
  assert 'ECE tempered' not in report.write(older).read_text()


def test_names_from_outside_are_text_not_markup(tmp_path):
  evil = '<script>alert(1)</script>'
  folder, results = fake_run(
    tmp_path,
    (f'a{evil}', 'b$x_1$'),
    (f'"{evil}', '$\\frac{'),
    epochs=2,
    validation=False,
  )
  results['corpus'] = evil
  results['skipped_files'] = {f'/{evil}.wav': evil}
  folder.write_results(results_json.decode(results))
  environment = folder.read_environment()
  folder.write_environment({**environment, 'command': evil})
  text = report.write(folder).read_text()
  assert '<script' not in text
  assert {tag for tag, _ in Page(text).tags}.isdisjoint({'script'})
  assert Page(text).text.count(evil) >= 6


@pytest.mark.parametrize(
  'name', ['config', 'environment', 'metrics', 'results']
)
def test_missing_file_is_named_and_no_page_is_written(small, name):
  folder, _ = small
  getattr(folder, name).unlink()
  with pytest.raises(InputError, match=rf'{name}\.jsonl? is missing'):
    report.write(folder)
  assert not folder.report.exists()


def test_run_without_examples_has_a_page_that_says_so(small):
  folder, _ = small
  folder.examples.unlink()
  text = report.write(folder).read_text()
  assert 'examples.npz is not in the run folder' in text


@pytest.mark.parametrize(
  ('protocol', 'shows', 'not_shown'),
  [
    ('loso', 'had never heard this speaker', 'other languages'),
    ('random10', 'voices the network knows', 'an unknown voice'),
    ('emobox', 'EmoBox benchmark', 'an unknown voice'),
    ('paper2021', 'what was published is', 'the tests overlap'),
    ('all', 'is for its weights', 'any other recording'),
  ],
)
def test_page_says_what_the_protocol_shows(
  small, monkeypatch, protocol, shows, not_shown
):
  folder, results = small
  folder.write_results(results_json.decode({**results, 'protocol': protocol}))
  monkeypatch.setattr(report, '_draw', lambda *_: FIGURES)
  text = ' '.join(Page(report.write(folder).read_text()).text.split())
  first, second = re.search(
    r'What this shows\.(.*)What it does not show\.(.*)Results by', text
  ).groups()
  assert shows in first
  assert not_shown in second
  whom = 'speakers' if protocol == 'loso' else 'utterances'
  assert (
    f'optimistic: epoch with the best accuracy (WA) on the test {whom}' in text
  )


class _Figures(dict):
  def __missing__(self, _):
    return {'text': '', 'width': 1, 'png': ''}


FIGURES = _Figures()


def test_notes_limit_what_results_may_be_taken_for(tmp_path):
  _, results = fake_run(
    tmp_path / 'run', 'abcdef', ('calm', 'wild'), epochs=2, validation=False
  )
  # What is made up of the other type of weights has chances of its own.
  results |= {'epochs': 300, 'skipped_files': {}, 'selections_float32': None}
  assert caveats.notes(results_json.decode(results)) == []

  def note(**changes):
    (only,) = caveats.notes(results_json.decode({**results, **changes}))
    return only

  assert note(synthetic=True) == utterances.SYNTHETIC_NOTE
  assert '40 epochs where the paper has 300' in note(epochs=40)
  assert '300 epochs where the paper has 500' in note(published_epochs=500)
  unknown = {**results, 'epochs': 40, 'published_epochs': 0}
  assert caveats.notes(results_json.decode(unknown)) == []
  count = results['num_utterances']
  assert 'folds: a, b, c' in note(num_utterances=count + 1)
  assert '1 file could not be used' in note(skipped_files={'a.wav': 'silent'})
  # Six of the ten folds of this protocol, however many tests they hold.
  assert 'Only part' in note(protocol='paper2021')


def test_figures_that_the_rounding_of_weights_decides_are_told(tmp_path):
  folder, _ = fake_run(
    tmp_path / 'run', 'abcdef', ('calm', 'wild'), epochs=2, validation=False
  )
  results = folder.read_results()
  last = results.last

  def told(change):
    pooled = dataclasses.replace(last.pooled, uar=last.pooled.uar + change)
    whole = {'last': dataclasses.replace(last, pooled=pooled)}
    found = dataclasses.replace(results, selections_float32=whole)
    return [note for note in caveats.notes(found) if 'Rounding' in note]

  assert told(0) == told(-0.04) == []
  before, after = (percent(last.pooled.uar + change) for change in (0.06, 0))
  (note,) = told(0.06)
  assert f'UAR (last epoch from {before} to {after} %), and' in note


@pytest.mark.parametrize(
  ('protocol', 'who'),
  [
    ('loso', 'a training speaker'),
    ('speaker_groups', 'a quarter of the speakers'),
    ('loco', 'the first speaker of each training corpus'),
  ],
)
def test_the_page_says_who_chose_the_epoch(small, protocol, who):
  _, results = small
  selections = dict.fromkeys(
    ('last', 'validation'), results['selections']['last']
  )
  results = {**results, 'protocol': protocol, 'selections': selections}
  _, meaning = caveats.meanings(results_json.decode(results))['validation']
  assert f'best accuracy (WA) on {who}, held out for this' in meaning
  results['choose_by'] = 'uar'
  _, meaning = caveats.meanings(results_json.decode(results))['validation']
  assert f'best recall (UAR) on {who}, held out for this' in meaning
  results['choose_by'] = 'luck'
  with pytest.raises(MismatchError, match="epochs were chosen by 'luck'"):
    results_json.decode(results)


@pytest.mark.parametrize(
  ('speakers', 'words'),
  [
    ('a', 'Only one speaker was tested, so there is no interval'),
    ('ab', 'Only 2 speakers were tested, too few for an interval'),
    ('abc', 'Only 3 speakers were tested, and an interval over so few'),
    ('abcde', 'Only 5 speakers were tested, and an interval over so few'),
    ('abcdef', ''),
  ],
)
def test_few_speakers_are_told(tmp_path, speakers, words):
  folder, results = fake_run(
    tmp_path, speakers, ('calm', 'wild'), epochs=2, validation=False
  )
  found = folder.read_results()
  assert (found.last.ci95 is None) == (len(speakers) < 3)
  told = [note for note in caveats.notes(found) if 'interval' in note]
  assert len(told) == bool(words) and all(words in note for note in told)
  if len(speakers) == 2:
    page = Page(report.write(folder).read_text())
    assert 'no interval: 2 speakers' in page.text
    # An older version gave them one.
    last = {**results['selections']['last'], 'ci95': results_of_six(tmp_path)}
    results['selections'] = {**results['selections'], 'last': last}
    notes = caveats.notes(results_json.decode(results))
    assert any('over so few is too narrow' in note for note in notes)


@pytest.mark.parametrize(
  ('speakers', 'words'),
  [
    (('unknown',), ', so there is no interval over'),
    (('x/unknown', 'y/ann', 'y/bob', 'z/unknown'), ', so there is no interval'),
    (('ann', 'bob', 'cyd', 'unknown'), '; they count as one voice, so that an'),
  ],
)
def test_unknown_speakers_are_not_called_one_voice(tmp_path, speakers, words):
  folder, _ = fake_run(
    tmp_path, speakers, ('calm', 'wild'), epochs=2, validation=False
  )
  results = folder.read_results()
  assert (results.last.ci95 is None) == ('no interval' in words)
  (note,) = [text for text in caveats.notes(results) if 'interval' in text]
  of = {one.name: one.n for one in results.last.speakers}
  count = sum(n for name, n in of.items() if name.endswith('unknown'))
  total = results.num_tests
  assert f'Nobody knows who speaks in {count} of {total} tests{words}' in note
  if len(speakers) == 1:
    page = Page(report.write(folder).read_text())
    assert 'no interval: speakers unknown' in page.text
    assert 'one voice' not in page.text
    (row,) = [
      row
      for table in page.tables
      if any(cell.strip() == 'ECE tempered' for cell in table[0])
      for row in table[1:]
      if row[0].startswith('last ') or row[0].strip() == 'last'
    ]
    assert [cell.strip() for cell in row[5:]] == ['-', '-', '-']


def results_of_six(tmp_path):
  _, results = fake_run(
    tmp_path / 'six', 'abcdef', ('calm', 'wild'), epochs=2, validation=False
  )
  return results['selections']['last']['ci95']


def test_one_speaker_has_a_page_without_interval(tmp_path):
  folder, _ = fake_run(
    tmp_path, ('a',), ('calm', 'wild'), epochs=1, synthetic=True
  )
  page = Page(report.write(folder).read_text())
  assert 'no interval: one speaker' in page.text
  assert '±' not in str(page.rows('selection'))
  assert utterances.SYNTHETIC_NOTE in page.text


def test_summary_is_short_and_says_where_to_look(full):
  folder, results, _ = full
  lines = report.summary_text(results_json.decode(results), folder).splitlines()
  assert len(lines) <= 9
  last = results['selections']['last']
  low, high = map(percent, last['ci95']['uar'])
  uar, wa = (percent(last['pooled'][name]) for name in ('uar', 'wa'))
  assert '10 folds, 40 epochs, 535 tests, float16' in lines[0]
  assert (
    f'  last            UAR {uar} % [{low} to {high}], WA {wa} %' in lines[1]
  )
  assert 'optimistic: epoch with the best WA on the test speakers' in lines[4]
  assert lines[-1].endswith(str(folder.report))
  one = results_json.decode({**results, 'synthetic': True})
  assert utterances.SYNTHETIC_NOTE in report.summary_text(one)
  one = results_json.decode({**results, 'choose_by': 'uar'})
  assert 'the best UAR on the test speakers' in report.summary_text(one)


def test_curves_are_beside_guessing_among_the_classes_of_each_fold(
  monkeypatch, tmp_path
):
  """Across corpora a fold has fewer; 1 / 2 and 1 / 3, not 1 / 4."""
  seen = []
  monkeypatch.setattr(style, 'save', lambda figure, path: seen.append(figure))
  scores = {'loss': 1.0, 'wa': 0.5, 'uar': 0.5}
  train = {**scores, 'confusion': np.eye(4, dtype=int).tolist()}

  def told(**tests):
    rows = [
      {'fold': fold, 'epoch': epoch, 'train': train}
      | ({'test': {**scores, 'confusion': np.diag(counts)}} if counts else {})
      for epoch in (1, 2)
      for fold, counts in tests.items()
    ]
    learning_plots.learning_curves(rows, tmp_path / 'x.png')
    (text,) = seen[-1].axes[2].texts
    return text.get_text(), 100 * learning_plots.guessing(rows)

  text, value = told(a=[1, 2, 0, 0], b=[0, 1, 2, 3])
  assert text == 'guessing 42' and value == pytest.approx(100 * 5 / 12)
  assert told(a=[]) == ('guessing 25', 25)  # no epoch was tested
