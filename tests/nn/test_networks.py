"""The table of networks, and what is true of every entry."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small_networks

from sernet_jax.common.errors import InputError
from sernet_jax.nn import cost, folding, model, network, networks
from sernet_jax.nn.networks import arithmetic, generic, settings as settings_lib
from sernet_jax.nn.spec import ModelSpec

OTHERS = small_networks.NAMES
APPLY = jax.jit(network.apply, static_argnums=0, static_argnames='train')


def features(spec, frames=21, count=3, seed=0):
  random = np.random.default_rng(seed)
  shape = (count, frames, spec.width, 1)
  return random.normal(size=shape).astype(np.float32)


@pytest.fixture(scope='module', params=OTHERS)
def made(request):
  spec = small_networks.settings(request.param)
  params, stats = small_networks.weights(spec)
  return spec, params, stats


def test_light_sernet_is_called_as_before():
  entry = networks.of(ModelSpec())
  assert entry.init is model.init and entry.apply is model.apply
  assert entry.fold is folding.fold and entry.cost is cost.cost
  assert 'name' not in ModelSpec().to_dict()


def test_an_unknown_name_is_one_sentence():
  with pytest.raises(InputError, match="did you mean 'acrnn'"):
    networks.make('acrn')


def test_a_network_that_is_added_again_is_computed_anew(monkeypatch):
  """As when the cell of a notebook that defines `embed` is run again."""

  @dataclasses.dataclass(frozen=True)
  class Settings(settings_lib.NetworkSettings):
    name: ClassVar[str] = 'again'

    def all_layers(self):
      return (settings_lib.dense('head', 4, self.num_classes),)

  monkeypatch.setattr(networks, 'NETWORKS', dict(networks.NETWORKS))
  spec, x = Settings(num_classes=2), np.ones((1, 3, 4, 1), np.float32)
  params = {'head': {'kernel': np.ones((4, 2)), 'bias': np.zeros(2)}}

  def embed(factor):
    return lambda spec, run, x: factor * x.sum(axis=1)

  first = embed(1.0)
  for added, expected in [(first, 12.0), (embed(2.0), 24.0), (first, 12.0)]:
    networks.add(Settings, added)
    logits, _ = APPLY(spec, params, {}, x, train=False)
    np.testing.assert_allclose(logits, [[expected] * 2], rtol=1e-5)
  with pytest.raises(InputError, match='another name'):
    networks.add(type(small_networks.settings('acrnn')), first)


def test_a_module_that_the_environment_names_adds_its_network(
  monkeypatch, tmp_path
):
  monkeypatch.setattr(networks, 'NETWORKS', dict(networks.NETWORKS))
  (tmp_path / 'module_of_ours.py').write_text(
    'import dataclasses\n'
    'from sernet_jax.nn import networks\n'
    'from sernet_jax.nn.networks import settings\n'
    '@dataclasses.dataclass(frozen=True)\n'
    'class Settings(settings.NetworkSettings):\n'
    "  name = 'ours'\n"
    '  units: int = 3\n'
    'networks.add(Settings, lambda spec, run, x: x.mean(axis=1))\n'
  )
  monkeypatch.syspath_prepend(tmp_path)
  with pytest.raises(InputError, match='SERNET_NETWORKS=MODULE'):
    networks.fields('ours')
  for wrong in ('module_of_theirs', '.module'):
    monkeypatch.setenv(networks.OWN, wrong)
    with pytest.raises(InputError, match=f"'{wrong}' cannot be imported"):
      networks.names()
  monkeypatch.setenv(networks.OWN, 'module_of_ours, json')
  assert networks.names()[-1] == 'ours'
  assert networks.make('ours', units=4).units == 4


def test_every_network_is_tested_here():
  # A tutorial may have added one of its own.
  ours = {
    n for n, e in networks.NETWORKS.items() if isinstance(e.settings, str)
  }
  assert set(OTHERS) == ours - {networks.DEFAULT}


def test_arrays_are_those_of_the_layers(made):
  spec, params, stats = made
  names = [layer.name for layer in spec.layers()]
  assert len(set(names)) == len(names) and names[-1] == 'head'
  for layer in spec.layers():
    for tree, arrays in ((params, layer.arrays), (stats, layer.statistics)):
      shapes = {k: v.shape for k, v in tree.get(layer.name, {}).items()}
      assert shapes == dict(arrays)


def test_padding_changes_nothing(made):
  """An utterance has the logits that it has alone, in training too."""
  spec, params, stats = made
  if not spec.masked:
    pytest.skip('looks at all frames, as published')
  x, frames = features(spec), np.array([21, 13, 8], np.int32)
  x[2, 8:] = 100.0
  whole = APPLY(spec, params, stats, x, train=False, frames=frames)[0]
  alone = [
    APPLY(spec, params, stats, x[i : i + 1, :n], train=False)[0]
    for i, n in enumerate(frames)
  ]
  np.testing.assert_allclose(whole, np.concatenate(alone), atol=2e-5)
  longer = np.pad(x, ((0, 0), (0, 6), (0, 0), (0, 0)), constant_values=9.0)
  one, other = (
    APPLY(spec, params, stats, y, train=True, frames=frames)
    for y in (x, longer)
  )
  np.testing.assert_allclose(one[0], other[0], atol=2e-4)
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), one[1], other[1]
  )


def test_masked_examples_move_no_statistic(made):
  spec, params, stats = made
  x = features(spec)
  _, first = APPLY(spec, params, stats, x[:2], train=True)
  _, masked = APPLY(
    spec, params, stats, x, train=True, mask=np.array([1.0, 1.0, 0.0])
  )
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), first, masked
  )


def test_folded_weights_are_the_same_network(made):
  spec, params, stats = made
  x, frames = features(spec), np.array([21, 13, 8], np.int32)
  logits, _ = APPLY(spec, params, stats, x, train=False, frames=frames)
  weights = network.fold(spec, params, stats)
  shapes = spec.shapes()
  assert jax.tree.map(np.shape, weights) == shapes
  pooled = network.embeddings(spec, weights, x, frames)
  assert pooled.shape == (3, spec.embedding_size)
  np.testing.assert_allclose(
    network.head(spec, weights, pooled), logits, atol=1e-5
  )
  again = networks.of(spec).unfold(spec, weights, None)
  if spec.binary:  # what training moves is gone; what it computed with is not
    again = network.fold(spec, *again), weights
  else:
    again = again, (params, stats)
  jax.tree.map(np.testing.assert_array_equal, *again)


def test_frozen_layers_stay(made):
  spec, params, stats = made
  frozen = tuple(layer.name for layer in spec.layers() if layer.name != 'head')

  def total(params):
    logits, moved = network.apply(
      spec, params, stats, features(spec), train=True, frozen=frozen
    )
    return logits[:, 0].sum(), moved

  gradients, moved = jax.grad(total, has_aux=True)(params)
  jax.tree.map(np.testing.assert_array_equal, moved, stats)
  assert np.abs(gradients['head']['kernel']).sum() > 0
  assert not any(
    np.any(leaf)
    for name in frozen
    for leaf in jax.tree.leaves(gradients.get(name, {}))
  )


def test_wrong_features_are_one_sentence(made):
  spec, params, stats = made
  with pytest.raises(
    InputError, match=rf'{spec.name} reads .* {spec.width}, 1'
  ):
    network.apply(spec, params, stats, features(spec)[:, :, 1:], train=False)
  with pytest.raises(InputError, match=r'set features\.kind='):
    spec.require_features('spectrogram', spec.width)
  with pytest.raises(InputError, match=f'--config={spec.name},'):
    spec.require_features(spec.takes[0], spec.width + 1)


def test_a_network_goes_through_its_dictionary(made):
  spec, _, _ = made
  given = spec.to_dict()
  assert given.pop('name') == spec.name
  assert networks.settings_class(spec.name)(**given) == spec


def test_parameters_are_counted_as_they_are(made):
  spec, params, stats = made
  card = network.cost(spec, 21, spec.width)
  trainable = sum(leaf.size for leaf in jax.tree.leaves(params))
  statistics = sum(leaf.size for leaf in jax.tree.leaves(stats))
  assert card['parameters_trainable'] == trainable
  assert card['parameters'] == trainable + statistics
  assert trainable == sum(layer.num_weights for layer in spec.layers())
  assert card['mflops'] > 0 and card['peak_memory_kib'] > 0


def test_weights_do_not_count_inside_of_programs_either():
  """A product of 3 x 50 values and 50 x 50, at every depth."""
  kernel, x = jnp.zeros((50, 50)), jnp.zeros((3, 50))
  product = jax.jit(jnp.dot)

  def plain(w, x):
    return product(x, w)

  def branches(w, x):
    return jax.lax.cond(x[0, 0] > 0, jnp.dot, lambda x, w: x, x, w)

  def scanned(w, x):
    return jax.lax.scan(lambda x, _: (product(x, w), None), x, length=2)[0]

  def repeated(w, x):
    def more(state):  # w[0, 0] is a constant of the condition alone
      return state[0] < 2 + w[0, 0]

    def step(state):
      return state[0] + 1, product(state[1], w)

    return jax.lax.while_loop(more, step, (0.0, x))[1]

  for function in (plain, branches, scanned, repeated):
    program = jax.make_jaxpr(function)(kernel, x).jaxpr
    weights = program.invars[:1]
    assert arithmetic.largest(program, weights) == 2 * 3 * 50, function
    assert arithmetic.largest(program) == 2 * 3 * 50 + 50 * 50, function


def test_a_head_may_have_no_bias():
  """In training and in inference, where it once needed one."""

  @dataclasses.dataclass(frozen=True)
  class Bare(settings_lib.NetworkSettings):
    name: ClassVar[str] = 'bare'
    width = 8

    def all_layers(self):
      return (settings_lib.dense('head', 8, self.num_classes, bias=False),)

  made = generic.network(lambda spec, run, x: x.mean(axis=1))
  spec = Bare(num_classes=3)
  params, stats = made.init(jax.random.key(0), spec)
  assert set(params['head']) == {'kernel'}
  x = features(spec)
  expected = x[..., 0].mean(axis=1) @ np.asarray(params['head']['kernel'])
  logits, _ = made.apply(spec, params, stats, x, train=False)
  folded = made.fold(spec, params, stats)
  pooled = made.embeddings(spec, folded, x)
  for found in (logits, made.head(spec, folded, pooled)):
    np.testing.assert_allclose(found, expected, atol=1e-5)
