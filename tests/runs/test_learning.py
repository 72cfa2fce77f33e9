"""Trainings that learn nothing say so."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny

from sernet_jax.nn import network, networks
from sernet_jax.results import run_folder
from sernet_jax.runs import (
  config,
  data as data_lib,
  defaults,
  run,
  summary,
)
from sernet_jax.training import losses
from sernet_jax.training.specs import OptimSpec


def row(confusion, epoch=9, **more):
  return {
    'fold': 'ann',
    'epoch': epoch,
    'train': {'confusion': confusion},
    **more,
  }


@pytest.mark.parametrize(
  ('rows', 'said'),
  [
    ([row([[4, 0], [4, 0]])], '1 of 1 training learnt nothing'),
    ([row([[4, 0], [3, 1]])], ''),
    ([row([[4, 0], [4, 0]]), row([[4, 0], [3, 1]], 10)], ''),  # the last epoch
    ([row([[4, 0], [4, 0]], 4)], ''),  # too early to say
    ([row([[4, 0], [0, 0]])], ''),  # there is but one class
    (
      [row([[4, 0], [4, 0]], seed=0), row([[4, 0], [0, 4]], seed=1)],
      '1 of 2 trainings learnt nothing',
    ),
  ],
)
def test_one_answer_to_all_of_the_training_is_nothing_learnt(rows, said):
  found = ' '.join(summary._of_learning(rows))
  assert bool(found) == bool(said) and said in found


@pytest.mark.parametrize(
  ('changes', 'said'),
  [
    ({}, ''),
    ({'loss.gamma': 3.0, 'loss.name': 'focal'}, ''),
    ({'loss.gamma': 3.0}, "loss.gamma=3.0, which is for loss.name='focal'."),
    ({'protocol.enrolled': 5}, 'protocol.enrolled=5, which is for'),
    ({'protocol.enrolled': 5, 'protocol.name': 'loso_adapted'}, ''),
    ({'augment.band_mask_bands': 9}, 'which is for augment.band_masks'),
    ({'augment.band_mask_bands': 9, 'augment.band_masks': 1}, ''),
    ({'data.part': 'improvised'}, 'data.part=improvised, which is for IEMOCAP'),
    ({'data.part': 'improvised', 'data.corpus': 'iemocap'}, ''),
    ({'data.part': 'improvised', 'data.corpora': 'emodb,x=iemocap:y'}, ''),
    (
      {'optim.schedule': 'cosine', 'optim.decay_factor': 0.5},
      "which is for optim.schedule='exponential'",
    ),
    (
      {'optim.cycle_epochs': 9},
      'optim.cycle_epochs=9, which is for optim.sche',
    ),
    ({'optim.cycle_epochs': 9, 'optim.schedule': 'one_cycle'}, ''),
    ({'optim.l2': 0.1}, ''),
  ],
)
def test_settings_that_do_nothing_are_told(changes, said):
  settings = defaults.get_config()
  settings.update_from_flattened_dict(changes)
  found = summary._of_idle(config.experiment(settings))
  assert len(found) == bool(said)
  assert said in ' '.join(found)


@pytest.mark.parametrize(
  ('name', 'changes', 'said'),
  [
    *((name, {}, '') for name in networks.NETWORKS if name != networks.DEFAULT),
    (
      'timnet',
      {'optim.l2': 0.1},
      'optim.l2=0.1, which is for networks whose k',
    ),
    ('timnet', {'model.batch_norm_momentum': 0.5}, ''),
    (
      'gmtcn',
      {'model.batch_norm_momentum': 0.5},
      'for networks with BatchNorm',
    ),
    ('cpac', {'model.batch_norm_momentum': 0.5}, 'whose BatchNorm moves'),
    ('cpac', {'loss.floor': 0.0}, 'loss.floor=0.0, which is for losses with a'),
    ('gmtcn', {'loss.floor': 0.0}, ''),
    ('multipath', {'model.phoneme_maps': 9}, 'which is for model.phonemes'),
    ('multipath', {'model.phoneme_maps': 9, 'model.phonemes': 47}, ''),
  ],
)
def test_settings_without_a_part_in_a_network_are_told(name, changes, said):
  settings = tiny.load_config(name)
  settings.update_from_flattened_dict(changes)
  found = summary._of_idle(config.experiment(settings))
  assert len(found) == bool(said)
  assert said in ' '.join(found)


@pytest.mark.parametrize(
  ('schedule', 'epochs', 'said'),
  [
    ('exponential', 300, ''),
    ('cosine', 40, ''),
    ('one_cycle', 40, ''),
    ('cosine', 300, 'rate is 0: the other 260 of 300 epochs changed next'),
    ('one_cycle', 41, 'the other 1 of 41 epochs changed next to nothing'),
    ('cosine', 20, 'ended after 20 of them, at a learning rate of 5e-05'),
  ],
)
def test_epochs_beside_the_cycle_of_the_rate_are_told(schedule, epochs, said):
  found = summary._of_schedule(OptimSpec(schedule=schedule), epochs)
  assert len(found) == bool(said)
  assert said in ' '.join(found)


@pytest.mark.parametrize(
  ('keep', 'said'),
  [
    (0.0, ''),
    (0.5, ''),
    (0.99, 'followed 6 steps, so that 94 % of it are the weights from before'),
  ],
)
def test_an_average_of_too_few_steps_is_told(keep, said):
  metrics = [row([[3, 0], [0, 3]], epoch) for epoch in (1, 2, 3)]
  found = summary._of_average(keep, metrics, batch_size=4)
  assert len(found) == bool(said)
  assert said in ' '.join(found)


def published(name, place, **changes):
  """A network as its config trains it, on the tiny corpus."""
  settings = tiny.load_config(name)
  small = tiny.config(place / 'corpus' / 'list.csv', place / 'features')
  settings.data = small.data
  settings.data.duration_s = 0.35
  settings.update_from_flattened_dict(
    {
      'protocol.folds': ('ann',),
      'protocol.validation': 'none',
      'train.batch_size': 4,
      **{field.replace('__', '.'): value for field, value in changes.items()},
    }
  )
  return settings


@pytest.fixture(scope='module')
def place(tmp_path_factory):
  place = tmp_path_factory.mktemp('learning')
  tiny.write_corpus(place / 'corpus')
  return place


@pytest.mark.parametrize('name', sorted(networks.NETWORKS))
def test_no_network_starts_where_its_loss_has_no_gradient(name, place):
  config_file = 'emodb' if name == 'light_sernet' else name
  experiment = config.experiment(published(config_file, place))
  data = data_lib.Data(experiment, data_lib.load_corpus(experiment))
  recipe = experiment.recipe(2)
  batch = slice(0, None, 4)  # both labels of each speaker
  x = jnp.asarray(data.features.features)[batch, ..., None]
  frames = data.features.frames
  labels = jnp.asarray(data.labels)[batch]
  assert set(np.asarray(labels).tolist()) == {0, 1}
  params, stats = network.init(jax.random.key(0), recipe.model)
  logits, _ = network.apply(
    recipe.model,
    params,
    stats,
    x,
    train=True,
    mask=jnp.ones(len(x)),
    key=jax.random.key(1),
    frames=None if frames is None else frames[batch],
  )
  slopes = jax.grad(
    lambda values: losses.per_example(values, labels, recipe.loss).sum()
  )(logits)
  # Where the label is sure already there is nothing to learn.
  unsure = jnp.argmax(logits, axis=1) != labels
  assert np.all(np.abs(slopes[unsure]).max(axis=1) > 0.1)


def test_large_logits_are_learnt_without_a_floor(place, blank_figures):
  """GM-TCN's features are not standardized, and its first logits are large."""
  last = {}
  for name, changes in (('clipped', {'loss__floor': 1e-7}), ('published', {})):
    settings = published('gmtcn', place, train__epochs=8, **changes)
    run.train(settings, place / name)
    folder = run_folder.RunFolder(place / name)
    last[name] = folder.read_metrics()[-1]['train']
    said = ' '.join(folder.read_results().cautions)
    assert ('learnt nothing' in said) == (name == 'clipped')
  assert np.isfinite(last['published']['loss'])
  assert last['published']['loss'] < last['clipped']['loss'] / 4
