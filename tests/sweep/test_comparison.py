"""Finished runs side by side: what is said, and what is refused."""

from __future__ import annotations

import functools
import html.parser
import json

import numpy as np
import pytest
from chosen_runs import (
  BAD,
  FOCAL,
  GOOD,
  SPEAKERS,
  add_recomputed,
  compare,
  counts,
  make_run,
  only,
)

from sernet_jax.common.errors import InputError
from sernet_jax.corpora.utterances import UNKNOWN_SPEAKER
from sernet_jax.nn import networks
from sernet_jax.results import run_folder
from sernet_jax.results.figures import comparison_plots
from sernet_jax.runs.weights import history
from sernet_jax.sweep import final_comparison
from sernet_jax.sweep.comparison import (
  compare_runs,
  last_lines,
  page as page_lib,
)
from sernet_jax.sweep.settings import setting_name


@pytest.fixture
def pair(tmp_path):
  """Two seeds of each of two losses; focal is better with every speaker."""
  return [
    make_run(tmp_path / 'a0', BAD),
    make_run(tmp_path / 'a1', counts(6, 6, 6, 5, 7, 6), {'seed': 1}),
    make_run(tmp_path / 'b0', GOOD, FOCAL),
    make_run(tmp_path / 'b1', GOOD, {**FOCAL, 'seed': 1}),
  ]


@pytest.mark.parametrize('digests', ['aa', 'ab'])
@pytest.mark.parametrize('field', ['train.start_from', 'train.teachers'])
def test_other_weights_of_one_name_are_told(tmp_path, field, digests):
  """Two seeds are one setting, though what they began with was trained again."""
  folders = []
  for seed, digest in enumerate(digests):
    changes = {field: 'runs/before', 'seed': seed}
    folders.append(make_run(tmp_path / str(seed), GOOD, changes))
    one = {'from': 'runs/before', 'sha256': 64 * digest}
    told = {'start': one} if field.endswith('from') else {'teachers': [one]}
    history.write(
      run_folder.RunFolder(folders[-1]), {'heard': {}, 'cautions': [], **told}
    )
  content = compare(*folders)
  assert len(content['settings']) == 1
  notes = [note for note in content['notes'] if 'the same weights' in note]
  assert bool(notes) == (digests == 'ab')
  if notes:
    words = f'{field}=runs/before (SHA-256 aaaaaaaa, bbbbbbbb), which is part'
    assert words in notes[0]


def test_settings_are_told_apart_by_what_differs_and_seeds_are_repeats(pair):
  content = compare(*pair)
  assert [row['name'] for row in content['settings']] == [
    'loss.name=cross_entropy',
    'loss.name=focal',
  ]
  assert [row['seeds'] for row in content['settings']] == [[0, 1], [0, 1]]
  first, second = (row['selections']['last'] for row in content['settings'])
  # Of 120 tests 70 and 72 right, both classes alike: UAR is WA.
  assert first['by_seed']['0']['uar'] == pytest.approx(70 / 120)
  assert first['by_seed']['1']['uar'] == pytest.approx(72 / 120)
  assert first['scores']['uar'] == pytest.approx(71 / 120)
  assert first['sd_over_seeds']['uar'] == pytest.approx(
    np.std([70 / 120, 72 / 120], ddof=1)
  )
  assert second['scores']['wa'] == pytest.approx(100 / 120)
  assert second['sd_over_seeds']['uar'] == 0
  assert [row['recall'] for row in second['classes']] == pytest.approx(
    [50 / 60, 50 / 60]
  )


def test_the_difference_is_tested_over_speakers(pair):
  """Six speakers, all for one setting: p = 2 / 2^6, one pair, so also Holm."""
  content = compare(*pair)
  (row,) = content['differences']
  assert (row['setting'], row['against']) == (
    'loss.name=focal',
    'loss.name=cross_entropy',
  )
  assert row['difference']['uar'] == pytest.approx(29 / 120)
  assert row['p'] == row['p_holm'] == 2 / 64
  low, high = row['ci95']['uar']
  assert 0 < low < 29 / 120 < high
  assert content['test']['smallest_p'] == 2 / 64


def test_a_baseline_leaves_fewer_pairs_to_correct_for(tmp_path):
  more = {'gus': 9}  # seven speakers: p is at least 2 / 2^7
  folders = [
    make_run(tmp_path / str(gamma), right, {'loss.gamma': gamma})
    for gamma, right in (
      (0.0, {**BAD, 'gus': 5}),
      (1.0, GOOD | more),
      (2.0, GOOD | more),
      (3.0, GOOD | more),
    )
  ]
  everything = compare(*folders)
  assert len(everything['differences']) == 6
  assert everything['differences'][0]['p_holm'] == 6 * 2 / 128
  assert any('name a --baseline' in note for note in everything['notes'])
  against = compare(*folders, baseline='loss.gamma=0')
  assert [r['p_holm'] for r in against['differences']] == [3 * 2 / 128] * 3
  assert not any('no difference can' in note for note in against['notes'])
  with pytest.raises(InputError, match=r"mean 'loss\.gamma=0'"):
    compare(*folders, baseline='loss.gamme=0')


def test_a_part_of_its_name_that_no_other_has_is_a_baseline(tmp_path):
  folders = [
    make_run(
      tmp_path / f'{name}{gamma}',
      right,
      {'loss.name': name, 'loss.gamma': gamma},
    )
    for name, gamma, right in (
      ('focal', 2.0, GOOD),
      ('focal', 20.0, GOOD),
      ('cross_entropy', 2.0, BAD),
    )
  ]
  for given, whole in (
    ('loss.gamma=20', 'loss.name=focal,loss.gamma=20'),
    ('loss.gamma=2,loss.name=focal', 'loss.name=focal,loss.gamma=2'),
    ('loss.name=cross_entropy', 'loss.name=cross_entropy,loss.gamma=2'),
  ):
    content = compare(*folders, baseline=given)
    assert content['baseline'] == whole
    assert {row['against'] for row in content['differences']} == {whole}
  with pytest.raises(InputError, match='is part of 2 settings; add a field'):
    compare(*folders, baseline='loss.gamma=2')


def test_another_selection_is_compared_by_its_own_scores(tmp_path):
  """What `last` would call better is worse with recomputed statistics."""
  folders = []
  for name, right, other, changes in (
    ('ce', BAD, GOOD, {}),
    ('focal', GOOD, BAD, FOCAL),
  ):
    folder = make_run(tmp_path / name, right, changes)
    twin = make_run(tmp_path / f'{name}2', other, changes)
    add_recomputed(folder, twin)
    folders.append(folder)
  signs = {}
  for selection in ('last', 'last_recomputed'):
    content = compare(*folders, selection=selection)
    (row,) = content['differences']
    signs[selection] = np.sign(row['difference']['uar'])
    page = page_lib.write(tmp_path / selection, content, 'compare')
    text = last_lines.summary_text(content, page)
    shown = content['settings'][0]['selections'][selection]['scores']['uar']
    assert f'{content["selection_title"]}, per cent' in text
    assert f'UAR {100 * shown:.1f}' in text
    html = page.read_text()
    assert f'Per cent, {content["selection_title"]}' in html
    # The other one stands in a table of its own.
    _, _, others = html.partition('UAR of other selections')
    table = others.partition('</table>')[0]
    for row in content['settings']:
      for name in ('last', 'last_recomputed'):
        share = row['selections'][name]['scores']['uar']
        assert f'<b>{100 * share:.1f}</b>' in table
  assert signs == {'last': 1, 'last_recomputed': -1}


def test_a_selection_that_is_none_or_optimistic_is_refused(tmp_path):
  folder = make_run(tmp_path / 'run', BAD)
  with pytest.raises(InputError, match='has no selection last_recomputed'):
    compare(folder, selection='last_recomputed')
  with pytest.raises(InputError, match="--selection is 'best_on_test'"):
    compare(folder, selection='best_on_test')


def test_an_interval_of_one_seed_is_that_of_its_run(tmp_path):
  content = compare(make_run(tmp_path / 'a', GOOD))
  results = run_folder.RunFolder(tmp_path / 'a').read_results().to_json()
  (row,) = content['settings']
  assert (
    row['selections']['last']['ci95'] == (results['selections']['last']['ci95'])
  )
  assert row['name'] == 'one setting' and content['differences'] == []


def test_notes_of_the_runs_travel_with_the_comparison(tmp_path):
  short = {'train.epochs': 40}
  content = compare(
    make_run(tmp_path / 'a', GOOD, short),
    make_run(tmp_path / 'b', BAD, {**short, **FOCAL}, {'synthetic': True}),
    make_run(
      tmp_path / 'c', BAD, {'loss.gamma': 3.0}, environment={'cpu': 'another'}
    ),
  )
  notes = ' '.join(content['notes'])
  assert 'Trained for 40 epochs where the paper has 300' in notes
  assert 'epochs=40: Synthetic speech' in notes
  assert 'One seed for each setting' in notes
  assert 'different processors' in notes


@pytest.mark.parametrize(('known', 'tested'), [(2, False), (3, True)])
def test_unknown_speakers_are_no_voice_of_an_interval(tmp_path, known, tested):
  """Two known voices and all unknown ones are not three."""
  names = [*SPEAKERS[:known], UNKNOWN_SPEAKER]
  content = compare(
    make_run(tmp_path / 'a', dict.fromkeys(names, 5)),
    make_run(tmp_path / 'b', dict.fromkeys(names, 9), FOCAL),
  )
  (row,) = content['differences']
  assert (row['ci95'] is not None) == (row['p'] is not None) == tested
  for setting in content['settings']:
    assert (setting['selections']['last']['ci95'] is not None) == tested
  text = ' '.join(content['notes'])
  assert ('not tested: too few of the speakers' in text) != tested
  assert ('the p of a comparison too small or too large' in text) == tested
  page = page_lib.write(tmp_path / 'out', content, 'compare').read_text()
  assert ('one speaker, or unknown ones: not tested' in page) != tested


def test_a_setting_without_a_value_is_named_so():
  changes = {'train.start_from': '', 'data.corpora': (), 'seed': 3}
  assert setting_name(changes) == 'train.start_from=(none),data.corpora=()'


def test_settings_that_differ_late_are_not_seeds_of_one(tmp_path):
  rates = (0.001, 0.0010000003)
  content = compare(
    *(
      make_run(
        tmp_path / str(k), GOOD, {'optim.learning_rate': rate, 'seed': k}
      )
      for k, rate in enumerate(rates)
    )
  )
  assert [row['name'] for row in content['settings']] == [
    'optim.learning_rate=0.001',
    'optim.learning_rate=0.0010000003',
  ]


def test_two_networks_are_compared_by_the_fields_that_each_has(tmp_path):
  folders = [
    make_run(tmp_path / 'one', GOOD),
    make_run(tmp_path / 'other', BAD),
    make_run(tmp_path / 'third', BAD),
  ]
  for folder, changes in ((folders[1], {}), (folders[2], {'filters': 20})):
    run = run_folder.RunFolder(folder)
    model = {**networks.fields('timnet'), **changes}
    run.write_config({**run.read_config(), 'model': model})
  content = compare(*folders)
  names = [row['name'] for row in content['settings']]
  assert len(set(names)) == 3
  for name, own, others in (
    (names[0], 'model.size=paper', 'model.block_dropout'),
    (names[1], 'model.block_dropout=0.1', 'model.size'),
  ):
    assert own in name and others not in name
  assert content['settings'][0]['changes']['model.block_dropout'] is None
  # An older run that lacks a field of its network has its default.
  run = run_folder.RunFolder(folders[1])
  settings = run.read_config()
  del settings['model']['block_dropout']
  run.write_config(settings)
  assert only(folders[1]).settings['model.block_dropout'] == 0.1
  assert 'model.size' not in only(folders[1]).settings
  # A network of one's own that nobody has imported here has its own alone.
  own = {'name': 'of_my_own', 'blocks': 2}
  run.write_config({**settings, 'model': own})
  kept = only(folders[1]).settings
  assert {k: v for k, v in kept.items() if k.startswith('model.')} == {
    'model.name': 'of_my_own',
    'model.blocks': 2,
  }
  page = page_lib.write(tmp_path / 'out', content, 'compare')
  assert names[1] in Page(page.read_text()).text


def test_figures_say_what_limits_all_settings(tmp_path, monkeypatch):
  abouts = []

  def drawn(draw, *args):
    abouts.append(args[-2])
    draw(*args)

  for name in ('settings', 'recalls', 'differences'):
    draw = functools.partial(drawn, getattr(comparison_plots, name))
    monkeypatch.setattr(comparison_plots, name, draw)
  content = compare(
    make_run(tmp_path / 'a', GOOD), make_run(tmp_path / 'b', BAD, FOCAL)
  )
  content['notes'] += ['loss.name=focal: of it alone.']
  path = page_lib.write(tmp_path / 'page', content, 'compare')
  assert 'loss.name=focal: of it alone.' in path.read_text()
  assert len(abouts) == 3
  for about in abouts:
    assert 'One seed for each setting' in about
    assert 'of it alone' not in about
    assert about.endswith('What limits single settings stands on the page.')


def test_part_of_a_protocol_is_said(tmp_path):
  half = dict.fromkeys(SPEAKERS[:2], 5)
  content = compare(
    make_run(tmp_path / 'a', half, results={'num_utterances': 120})
  )
  assert any('Only part of the protocol' in note for note in content['notes'])


@pytest.mark.parametrize(
  ('right', 'changes', 'results', 'message'),
  [
    (GOOD, {'protocol.name': 'random10'}, {}, "protocol is 'loso' in the"),
    (GOOD, FOCAL, {'corpus': 'others'}, 'corpus is'),
    (GOOD, FOCAL, {'classes': ['high', 'deep']}, 'classes is'),
    ({**GOOD, 'gus': 4}, FOCAL, {}, r'different utterances \(120 and 140'),
    (GOOD, {}, {}, 'same settings and seed 0'),
  ],
)
def test_what_cannot_be_compared_is_refused(
  tmp_path, right, changes, results, message
):
  one = make_run(tmp_path / 'one', BAD)
  other = make_run(tmp_path / 'other', right, changes, results)
  with pytest.raises(InputError, match=message) as error:
    compare(one, other)
  assert str(one) in str(error.value) and str(other) in str(error.value)
  assert not (tmp_path / 'out').exists()


def test_tests_drawn_anew_with_each_seed_need_the_same_seeds(tmp_path):
  """As under paper2021, which draws its test sets from the seed."""
  paper = {'protocol.name': 'paper2021'}
  some = {name: GOOD[name] for name in SPEAKERS[:4]}
  folders = [
    make_run(tmp_path / 'a0', GOOD, paper),
    make_run(tmp_path / 'a1', some, {**paper, 'seed': 1}),
    make_run(tmp_path / 'b0', BAD, {**paper, **FOCAL}),
  ]
  with pytest.raises(InputError, match='give both the same seeds'):
    compare(*folders)


def test_tests_drawn_anew_that_leave_a_speaker_out_are_refused(tmp_path):
  """Intervals draw speakers, who have to be the same with each seed."""
  paper = {'protocol.name': 'paper2021'}
  some = {name: GOOD[name] for name in SPEAKERS[:5]}
  folders = [
    make_run(tmp_path / 'a0', GOOD, paper),
    make_run(tmp_path / 'a1', some, {**paper, 'seed': 1}),
  ]
  with pytest.raises(InputError, match="'fay' is tested in one of them alone"):
    compare(*folders)


@pytest.mark.parametrize('change', [1e-4, 0.1])
@pytest.mark.parametrize(
  ('field', 'at'),
  [
    ('data.root', '/data/{}'),
    ('data.corpora', 'emodb:/data/{},mine=/data/mine.csv'),
  ],
)
def test_folders_of_unlike_recordings_are_settings_of_their_own(
  tmp_path, change, field, at
):
  """What another machine keeps elsewhere is the same; what sounds otherwise is
  not, though it has the same names and labels."""
  features = np.random.default_rng(0).normal(size=(2, 9, 4))
  folders = []
  for seed, (place, factor) in enumerate((('clean', 1), ('other', 1 + change))):
    changes = {'seed': seed, field: at.format(place)}
    folders.append(make_run(tmp_path / place, GOOD, changes))
    run_folder.RunFolder(folders[-1]).write_examples(
      features * factor, ['ann_0', 'bob_0'], ['high', 'low']
    )
  content = compare(*folders)
  names = [row['name'] for row in content['settings']]
  noted = [note for note in content['notes'] if 'different folders' in note]
  both = at.format('clean'), at.format('other')
  if change < 0.01:
    assert names == ['one setting']
    assert f'({field}: {both[0]}, {both[1]})' in noted[0]
  else:
    assert names == [f'{field}={place}' for place in both]
    assert noted == []


def test_settings_without_a_common_seed_are_shown_but_not_tested(tmp_path):
  content = compare(
    make_run(tmp_path / 'a', GOOD),
    make_run(tmp_path / 'b', BAD, {**FOCAL, 'seed': 1}),
  )
  (row,) = content['differences']
  assert row['seeds'] == [] and row['p'] is None
  assert any('without a common seed' in note for note in content['notes'])


def test_a_run_named_twice_is_refused(tmp_path):
  """It would count as two seeds."""
  twice = [tmp_path / 'one', tmp_path / 'one' / '..' / 'one']
  with pytest.raises(InputError, match='one is named twice, alone or in a sw'):
    final_comparison.run_folders(twice)


def test_a_folder_without_results_is_one_sentence(tmp_path):
  with pytest.raises(InputError, match=r'has no results\.json'):
    compare_runs.read_all(tmp_path)
  with pytest.raises(InputError, match='is not a folder'):
    compare_runs.read_all(tmp_path / 'nothing')


class Page(html.parser.HTMLParser):
  """Text and addresses of a page."""

  def __init__(self, text):
    super().__init__()
    self.text, self.sources, self.open = '', [], []
    self.feed(text)

  def handle_starttag(self, tag, attrs):
    if tag not in ('meta', 'img', 'br', 'wbr'):
      self.open.append(tag)
    self.sources += [v for k, v in attrs if k in ('src', 'href')]

  def handle_endtag(self, tag):
    assert self.open.pop() == tag

  def handle_data(self, data):
    self.text += data


def test_the_page_holds_it_all_in_one_file(pair, tmp_path):
  content = compare(*pair)
  out = tmp_path / 'out'
  missing = [('loss.name=focal,seed=2', 'killed by signal 9')]
  path = page_lib.write(out, content, 'python -m x --a', missing)
  page = Page(path.read_text())
  assert page.open == []
  assert all(source.startswith('data:') for source in page.sources)
  assert len(page.sources) == 3
  text = ' '.join(page.text.split())
  for part in (
    '2 settings compared on tones',
    'Protocol loso',
    '59.2',  # 71 / 120
    '83.3',
    '+24.2',  # 29 / 120
    '0.031',  # 2 / 64
    'all 64 ways',
    'Holm',
    'best on test',
    'optimistic',
    '1 of 5 jobs have no results yet',
    'killed by signal 9',
    'python -m x --a',
    'configs/<x>.py',
    '2026-01-02',
    'a processor',
  ):
    assert part in text, part
  saved = json.loads((out / 'comparison.json').read_text())
  assert saved['settings'] == content['settings']
  assert saved['missing'][0]['name'] == 'loss.name=focal,seed=2'
  for name in ('settings', 'differences', 'recalls'):
    assert (out / 'figures' / f'{name}.png').read_bytes()[1:4] == b'PNG'


def test_the_same_runs_give_the_same_page(pair, tmp_path):
  pages = [
    page_lib.write(tmp_path / name, compare(*pair), 'x').read_bytes()
    for name in ('one', 'two')
  ]
  assert pages[0] == pages[1]


def test_one_speaker_gives_a_page_without_intervals(tmp_path):
  content = compare(
    make_run(tmp_path / 'a', {'ann': 7}),
    make_run(tmp_path / 'b', {'ann': 9}, FOCAL),
  )
  page = page_lib.write(tmp_path / 'out', content, 'x').read_text()
  assert 'one speaker, or unknown ones: not tested' in page
  assert 'Only one speaker was tested' in page
