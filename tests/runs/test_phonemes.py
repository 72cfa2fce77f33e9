"""A network that reads phonemes, from alignments to files."""

from __future__ import annotations

import iemocap_tree as tree
import ml_collections
import numpy as np
import pytest
import small_networks
import tiny

from sernet_jax.common.errors import InputError
from sernet_jax.corpora import registry
from sernet_jax.export import targets
from sernet_jax.predict import recognizer, run_bundles
from sernet_jax.results import run_folder
from sernet_jax.runs import config as config_lib, data as data_lib, run

pytestmark = pytest.mark.usefixtures('blank_figures')

SAID = {
  'anger': 'AA AE',
  'happiness': 'IY UW IY',
  'neutral': 'S',
  'sadness': '',
}


@pytest.fixture(scope='module')
def root(tmp_path_factory):
  """Two dialogs, a sad turn without an alignment in each."""
  root = tmp_path_factory.mktemp('iemocap')
  for dialog in ('Ses01F_impro01', 'Ses02M_impro02'):
    tree.put_dialog(root, dialog)
  for utterance in registry.load('iemocap', root).utterances:
    if SAID[utterance.label]:
      tree.put_alignment(root, utterance.name, SAID[utterance.label])
  return root


def settings(root, cache, **changes):
  config = ml_collections.ConfigDict(
    tiny.load_config('multipath', 'iemocap').to_dict()
  )
  own = small_networks.SMALL['multipath']
  config.model.update({k: v for k, v in own.items() if k != 'bands'})
  config.update_from_flattened_dict(
    {
      'data.root': str(root),
      'data.cache_dir': str(cache),
      'data.duration_s': 0.3,
      'model.phonemes': 47,
      'model.phoneme_size': 3,
      'model.phoneme_maps': 2,
      'model.phoneme_heights': (3,),
      'train.epochs': 1,
      'protocol.folds': ('Ses01F',),
      **{field.replace('__', '.'): value for field, value in changes.items()},
    }
  )
  return config


@pytest.fixture(scope='module')
def finished(root, tmp_path_factory, blank_figures):
  folder = tmp_path_factory.mktemp('run')
  run.train(settings(root, folder / 'cache'), folder / 'run')
  return folder / 'run'


def test_tests_and_training_hear_what_each_says(root, tmp_path):
  made = config_lib.experiment(settings(root, tmp_path))
  data = data_lib.Data(made, data_lib.load_corpus(made))
  said = np.asarray(data.source.phonemes)
  assert said.shape[1] >= made.sound.num_frames
  np.testing.assert_array_equal(
    np.asarray(data.features.features)[..., -1],
    said[:, : data.features.features.shape[1]],
  )
  lengths = {
    utterance.label: int((row > 0).sum())
    for utterance, row in zip(
      data.features.corpus.utterances, said, strict=True
    )
  }
  assert lengths == {
    label: len(symbols.split()) for label, symbols in SAID.items()
  }


def test_a_run_says_who_has_none_and_counts_the_sound_alone(finished, capsys):
  results = run_folder.RunFolder(finished).read_results()
  assert any('have no phonemes' in caution for caution in results.cautions)
  examples = run_folder.RunFolder(finished).read_examples()
  assert examples['features'].shape[-1] == 128
  (fold,) = run_bundles.from_run(finished)
  assert results.cost.parameters == fold.num_parameters


def test_a_recording_alone_is_refused(finished):
  (fold,) = run_bundles.from_run(finished)
  with pytest.raises(InputError, match='which a recording comes without'):
    recognizer.Recognizer([fold])


def test_weights_can_be_kept_and_programs_of_sound_are_refused(finished):
  (fold,) = run_bundles.from_run(finished)
  targets.require_exportable(fold, [('safetensors', 'fp16')])
  with pytest.raises(InputError, match='also reads phonemes'):
    targets.require_exportable(
      fold, [('safetensors', 'fp16'), ('stablehlo', 'fp32')]
    )


@pytest.mark.parametrize(
  ('changes', 'match'),
  [
    (
      {'augment__mixup': 0.2, 'features__preset': 'paper'},
      r'augment\.mixup .*model\.phonemes',
    ),
    (
      {'augment__join': 0.5, 'features__preset': 'paper'},
      r'augment\.join .*model\.phonemes',
    ),
    (
      {'data__corpora': 'emodb:a,ravdess:b', 'data__root': ''},
      r'one corpus, but data\.corpora names several',
    ),
  ],
)
def test_settings_that_do_not_go_together(root, tmp_path, changes, match):
  with pytest.raises(InputError, match=match):
    config_lib.experiment(settings(root, tmp_path, **changes))
