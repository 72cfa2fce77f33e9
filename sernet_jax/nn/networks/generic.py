"""The functions of a network, made from the one that it defines itself.

`embed(spec, run, x)` takes the features (examples, frames, features of a
frame) through the layers of `run`, a `forward.Pass`, to the vector that the
head reads, (examples, channels). What a network with fast kernels of its own
replaces is a field of `Network`.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sernet_jax.common.errors import InputError
from sernet_jax.nn import parallel
from sernet_jax.nn.networks import arithmetic, binary, packing
from sernet_jax.nn.networks.forward import Pass
from sernet_jax.nn.networks.settings import HEAD, NetworkSettings

Tree = dict[str, dict[str, Any]]
Embed = Callable[[Any, Pass, jax.Array], jax.Array]
# Formats that every network has: its numbers, and the JAX program itself.
FORMATS = ('safetensors', 'stablehlo')


@dataclasses.dataclass(frozen=True)
class Network:
  """All that the package does with a network; see `nn.network`.

  Attributes:
    init: (key, spec) -> (params, stats).
    apply: see `nn.model.apply`.
    fold: (spec, params, stats) -> the weights in a file, `spec.shapes()`.
    unfold: (spec, folded, moments) -> (params, stats) again.
    moments: statistics that `unfold` needs of recordings, see `nn.unfolded`;
      None if it needs none.
    ready: folded -> the same with what inference computes only once.
    embeddings: (spec, folded, x, frames) -> (examples, channels).
    head: (spec, folded, embeddings) -> logits.
    dimensions: (spec, folded, embeddings) -> numbers beside the classes.
    cost: (spec, frames, coefficients) -> the cost card, see `nn.cost`.
    formats: that it can be exported to; None for all.
  """

  init: Callable[..., tuple[Tree, Tree]]
  apply: Callable[..., tuple[jax.Array, Tree]]
  fold: Callable[..., Tree]
  unfold: Callable[..., tuple[Tree, Tree]]
  moments: Callable[..., Tree] | None
  ready: Callable[[Tree], Tree]
  embeddings: Callable[..., jax.Array]
  head: Callable[..., jax.Array]
  dimensions: Callable[..., jax.Array]
  cost: Callable[..., dict[str, int | float]]
  formats: tuple[str, ...] | None = FORMATS


def network(embed: Embed, make_pass: Callable[..., Pass] = Pass) -> Network:
  """Makes a network of `embed`.

  Args:
    embed: (spec, run, x) -> (examples, channels), see above.
    make_pass: what carries layers out, if not plainly.
  """
  return Network(
    init=init,
    apply=functools.partial(apply, embed, make_pass),
    fold=fold,
    unfold=unfold,
    moments=None,
    ready=lambda folded: folded,
    embeddings=functools.partial(embeddings, embed, make_pass),
    head=head,
    dimensions=dimensions,
    cost=functools.partial(cost, embed, make_pass),
  )


def init(key: jax.Array, spec: NetworkSettings) -> tuple[Tree, Tree]:
  """Draws parameters and statistics as Keras initializes them.

  Kernels are Glorot-uniform, recurrent kernels orthogonal, a mixture uniform
  within 0.05, biases 0 but for an LSTM's forget gate, whose is 1, and the two
  gates of a GRU, 1 as in TensorFlow 1's GRUCell. Other than in Keras each gate's
  recurrent kernel is orthogonal on its own, not all side by side.

  Args:
    key: a `jax.random.key`.
    spec: the network.

  Returns:
    (params, stats), nested dicts of float32 arrays; every layer is in params,
    those of BatchNorm alone in stats.
  """
  params: Tree = {}
  stats: Tree = {}
  layers = spec.all_layers()
  for layer, own in zip(
    layers, jax.random.split(key, len(layers)), strict=True
  ):
    if layer.arrays:
      keys = jax.random.split(own, len(layer.arrays))
      params[layer.name] = {
        name: _draw(k, layer.kind, name, shape)
        for k, (name, shape) in zip(keys, layer.arrays, strict=True)
      }
    if layer.statistics:
      stats[layer.name] = {
        name: (jnp.zeros if name == 'mean' else jnp.ones)(shape)
        for name, shape in layer.statistics
      }
  return params, stats


def _draw(
  key: jax.Array, kind: str, name: str, shape: tuple[int, ...]
) -> jax.Array:
  """Draws one array."""
  initializers = jax.nn.initializers
  if name == 'recurrent':
    gates = shape[1] // shape[0]
    square = (shape[0], shape[0])
    return jnp.concatenate(
      [
        initializers.orthogonal()(k, square)
        for k in jax.random.split(key, gates)
      ],
      axis=1,
    )
  if kind == 'depthwise' and name == 'kernel':
    # Its inputs are all channels for Keras, as many as come out.
    limit = np.sqrt(6 / (shape[0] * shape[1] * (shape[3] + 1)))
    return jax.random.uniform(key, shape, minval=-limit, maxval=limit)
  if kind == 'mixture':
    return jax.random.uniform(key, shape, minval=-0.05, maxval=0.05)
  if name in ('kernel', 'values'):
    return initializers.glorot_uniform()(
      key, shape if len(shape) > 1 else (*shape, 1)
    ).reshape(shape)
  if name == 'bias' and kind == 'lstm':
    units = shape[0] // 4
    return jnp.zeros(shape).at[units : 2 * units].set(1.0)
  if name == 'bias' and kind == 'gru':
    return jnp.zeros(shape).at[: shape[0] // 3 * 2].set(1.0)
  return jnp.full(shape, 1.0 if name == 'scale' else 0.0)


def apply(
  embed: Embed,
  make_pass: Callable[..., Pass],
  spec: NetworkSettings,
  params: Tree,
  stats: Tree,
  x: jax.Array,
  *,
  train: bool,
  mask: jax.Array | None = None,
  key: jax.Array | None = None,
  dtype: jax.typing.DTypeLike | None = None,
  axis: str | None = None,
  frames: jax.Array | None = None,
  frozen: tuple[str, ...] = (),
) -> tuple[jax.Array, Tree]:
  """Computes the logits of a batch; for the arguments see `nn.model.apply`.

  Returns:
    (logits (examples, num_classes), stats).

  Raises:
    InputError: if x is not (examples, frames, features, 1).
  """
  require_shape(spec, x)
  params, stats = jax.tree.map(jnp.asarray, (params, stats))
  run = make_pass(
    binary.in_training(spec, params),
    stats,
    own_frames(spec, x, mask, frames),
    train=train,
    key=key,
    momentum=spec.batch_norm_momentum,
    dtype=dtype,
    axis=axis,
    frozen=tuple(frozen),
  )
  x = embed(spec, run, x[..., 0])  # (b, c)
  if train and spec.dropout and key is not None:
    x = parallel.dropout(x, spec.dropout, key, axis)
  return run.dense(HEAD, x), run.stats if train else stats


def own_frames(
  spec: NetworkSettings,
  x: jax.Array,
  mask: jax.Array | None,
  frames: jax.Array | None,
) -> jax.Array:
  """Marks the frames that count, float (examples, frames)."""
  own = jnp.ones(x.shape[:2], x.dtype)
  if frames is not None and spec.masked:
    own = (jnp.arange(x.shape[1]) < frames[:, None]).astype(x.dtype)
  return own if mask is None else own * mask[:, None]


def require_shape(spec: NetworkSettings, x: jax.Array) -> None:
  """Refuses arrays that are not features of this network.

  Raises:
    InputError: if x has another rank, several channels or another width.
  """
  if spec.phoneme_kinds and x.shape[2:] == (spec.width, 1):
    spec.require_sound_alone()
  width = spec.width and spec.columns(spec.width)
  if x.ndim != 4 or x.shape[-1] != 1 or width not in (None, x.shape[2]):
    raise InputError(
      f'x has shape {x.shape}, but {spec.name} reads (examples, frames, '
      f'{width or "features"}, 1); choose the features.preset of this network'
    )


def fold(
  spec: NetworkSettings, params: Mapping[str, Any], stats: Mapping[str, Any]
) -> Tree:
  """Puts parameters and statistics side by side; nothing is folded away.

  Binary weights are those of inference, no longer what training moves.
  """
  both: Tree = {
    layer.name: {
      name: np.asarray(values, np.float32)
      for name, values in (
        *params.get(layer.name, {}).items(),
        *stats.get(layer.name, {}).items(),
      )
    }
    for layer in spec.all_layers()
  }
  return binary.in_files(spec, both)


def unfold(
  spec: NetworkSettings,
  folded: Mapping[str, Any],
  moments: Mapping[str, Any] | None = None,
) -> tuple[Tree, Tree]:
  """Takes apart what `fold` has put together; binary weights stay as they are."""
  del moments
  parts: list[Tree] = [{}, {}]
  for layer in spec.all_layers():
    for tree, arrays in zip(
      parts, (layer.arrays, layer.statistics), strict=True
    ):
      if arrays:
        own = folded[layer.name]
        tree[layer.name] = {name: own[name] for name, _ in arrays}
  return parts[0], parts[1]


def embeddings(
  embed: Embed,
  make_pass: Callable[..., Pass],
  spec: NetworkSettings,
  folded: Mapping[str, Any],
  x: jax.Array,
  frames: jax.Array | None = None,
) -> jax.Array:
  """The vector that the head reads, (examples, channels), in inference."""
  require_shape(spec, x)
  params, stats = jax.tree.map(jnp.asarray, unfold(spec, folded))
  own = own_frames(spec, x, None, frames)
  return embed(spec, make_pass(params, stats, own), x[..., 0])


def head(
  spec: NetworkSettings, folded: Mapping[str, Any], pooled: jax.Array
) -> jax.Array:
  """Logits (examples, num_classes) of `embeddings`."""
  del spec
  arrays = {name: jnp.asarray(v) for name, v in folded[HEAD].items()}
  logits = pooled @ arrays['kernel']
  return logits + arrays['bias'] if 'bias' in arrays else logits


def dimensions(
  spec: NetworkSettings, folded: Mapping[str, Any], pooled: jax.Array
) -> jax.Array:
  """No numbers beside the classes, (examples, 0)."""
  del spec, folded
  return jnp.zeros((len(pooled), 0), pooled.dtype)


def cost(
  embed: Embed,
  make_pass: Callable[..., Pass],
  spec: NetworkSettings,
  frames: int,
  coefficients: int = 40,
) -> dict[str, int | float]:
  """The cost card of a network at one input size, see `nn.cost.cost`.

  Multiplications are counted in the program of one input (`arithmetic`);
  `peak_memory_kib` is the largest sum of what one operation reads and writes,
  without weights, as float32.
  """
  params, stats = jax.eval_shape(lambda: init(jax.random.key(0), spec))
  columns = spec.columns(coefficients)
  program = jax.make_jaxpr(
    lambda p, s, x: apply(embed, make_pass, spec, p, s, x, train=False)[0]
  )(params, stats, jnp.zeros((1, frames, columns, 1)))
  trainable, statistics = (
    sum(leaf.size for leaf in jax.tree.leaves(tree)) for tree in (params, stats)
  )
  # Weights are what the program is given beside the input, its last argument.
  weights = set(program.jaxpr.invars[:-1])
  return {
    'parameters': trainable + statistics,
    'parameters_trainable': trainable,
    'parameters_folded': trainable + statistics,
    'mflops': 2 * arithmetic.multiply_adds(program.jaxpr) / 1e6,
    'peak_memory_kib': arithmetic.largest(program.jaxpr, weights) * 4 / 1024,
    'fp16_bytes': packing.num_bytes(spec, 2),
  }
