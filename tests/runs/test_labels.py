"""Labels that are numbers, and classes with too little to learn from."""

from __future__ import annotations

import csv

import pytest
import tiny
import tiny_runs

from sernet_jax.common.errors import InputError
from sernet_jax.runs import config as config_lib
from sernet_jax.runs.data import Data, load_corpus


@pytest.fixture
def relabeled(tmp_path):
  """A function from labels, taken in turns, to the experiment on them."""
  path = tiny.write_corpus(tmp_path / 'corpus', 0.1)
  with path.open(newline='') as file:
    rows = list(csv.DictReader(file))

  def make(labels, **changes):
    with path.open('w', newline='') as file:
      writer = csv.DictWriter(file, rows[0])
      writer.writeheader()
      for number, row in enumerate(rows):
        label = labels[number % len(labels)]
        writer.writerow({**row, 'label': label})
    changed = tiny_runs.settings(tmp_path, data__duration_s=0.1, **changes)
    return config_lib.experiment(changed)

  return make


@pytest.mark.parametrize(
  ('labels', 'match'),
  [
    (('1.5', '3.0', '4.25'), r'3 labels that are numbers \(1\.5, 3, 4\.25\)'),
    ([str(k) for k in range(24)], r'24 labels that are numbers \(0, 1, 2, 3'),
    (('nan', '2.5'), 'labels that are numbers'),
    (('inf', '2'), 'labels that are numbers'),
  ],
)
def test_a_scale_is_not_taken_for_classes(relabeled, labels, match):
  with pytest.raises(InputError, match=rf'{match}.*data\.dimensions'):
    load_corpus(relabeled(labels))


def test_numbers_with_names_are_classes(relabeled):
  made = relabeled(('1.5', '3.0', '4.5'), data__classes='low=1.5+3.0,high=4.5')
  assert load_corpus(made).classes == ('high', 'low')


@pytest.mark.parametrize('labels', [('0', '1'), ('0.0', '1.0')])
def test_codes_of_classes_are_pointed_out(relabeled, labels):
  corpus = load_corpus(relabeled(labels))
  assert corpus.classes == labels
  assert 'The labels are numbers (0, 1)' in corpus.remarks[-1]
  named = load_corpus(relabeled(('0', 'one')))
  assert not any('numbers' in remark for remark in named.remarks)


@pytest.mark.parametrize(
  ('protocol', 'match'),
  [
    ('loso', 'no training utterance of rare; add recordings'),
    ('random10', "1 utterances of rare .*'random10' needs 2 of each class"),
  ],
)
def test_a_class_of_one_utterance_is_named(relabeled, protocol, match):
  made = relabeled(
    ('rare', *('high', 'low') * 11, 'high'), protocol__name=protocol
  )
  corpus = load_corpus(made)
  with pytest.raises(InputError, match=match):
    Data(made, corpus)
