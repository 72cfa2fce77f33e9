"""Prepared segments to probabilities, with one bundle or several.

A segment is what `audio.prepare` returns, the same as in training. Batches
have one size (or hold one segment) and short ones are padded, so that
everything compiles once.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from sernet_jax.features import kinds
from sernet_jax.features.spec import MfccSpec, num_frames
from sernet_jax.nn import network
from sernet_jax.predict import bundle as bundle_lib
from sernet_jax.predict.bundled import Bundled
from sernet_jax.predict.sessions import moving_window, waveform
from sernet_jax.training.devices import device_layout


def probabilities(
  bundle: bundle_lib.Bundle, waveforms: jax.typing.ArrayLike
) -> jax.Array:
  """Computes the whole chain as one function that can be traced.

  Args:
    bundle: a model.
    waveforms: (batch, num_samples), each through `audio.prepare`; where the
      network looks at an utterance's own frames alone, all count.

  Returns:
    (batch, classes) float32; rows add up to 1.
  """
  features = kinds.KINDS[bundle.feature_kind].compute(waveforms, bundle.mfcc)
  return network.probabilities(bundle.model, bundle.folded, features[..., None])


def from_first_sample(segments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Moves each recording to the beginning of its segment.

  `audio.prepare` puts zeros on both sides of a short one; a network that looks
  at an utterance's own frames alone has learnt from utterances that begin at
  the first.

  Args:
    segments: (segments, num_samples).

  Returns:
    The same shape, and int32 (segments,), samples up to the last that is not 0.
  """
  moved = np.zeros_like(segments)
  lengths = np.zeros(len(segments), np.int32)
  for index, segment in enumerate(segments):
    own = np.flatnonzero(segment)
    if own.size:
      part = segment[own[0] : own[-1] + 1]
      moved[index, : len(part)] = part
      lengths[index] = len(part)
  return moved, lengths


# Segments that a CPU runs at a time, so that their maps stay in its cache and
# need no fresh memory: a batch of 32 takes half the time.
_GROUP = 4


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3, 4))
def _ensemble(
  mesh: Mesh | None,
  kind: str,
  mfcc: MfccSpec,
  spec: network.Spec,
  extras: tuple[str, ...],
  weights: Any,
  waveforms: jax.Array,
  lengths: jax.Array | None = None,
) -> jax.Array:
  """Mean probabilities of an ensemble, and what `extras` names behind them.

  (batch, classes), (batch, classes + dimensions) and so on.

  Args:
    mesh: devices that take a share of the waveforms each; None for one device.
    kind: of the features.
    mfcc: the front end.
    spec: of every network.
    extras: some of `bundled.EXTRAS`, in that order; embeddings are of one network.
    weights: of one network, or [weights stacked along axis 0].
    waveforms: (batch, num_samples).
    lengths: int32 (batch,), samples of each that are its own and come first;
      None where all count.
  """

  def vote(
    weights: Any, waveforms: jax.Array, lengths: jax.Array | None
  ) -> jax.Array:
    # A recording shorter than a frame has one, with zeros in it.
    frames = None
    if lengths is not None:
      frames = jnp.maximum(num_frames(lengths, mfcc), 1)
    # (batch, frames, coefficients, 1), zeros behind each one's own frames.
    features = kinds.KINDS[kind].compute(waveforms, mfcc, frames)[..., None]

    def one_network(folded: network.Tree) -> jax.Array:
      if not extras:
        return network.probabilities(spec, folded, features, frames)
      pooled = network.embeddings(spec, folded, features, frames)
      rows = [jax.nn.softmax(network.head(spec, folded, pooled))]
      if 'dimensions' in extras:
        rows.append(network.dimensions(spec, folded, pooled))
      if 'embeddings' in extras:
        rows.append(pooled)
      return jnp.concatenate(rows, axis=-1)

    if isinstance(weights, dict):
      return one_network(weights)
    # (networks, batch, classes) -> (batch, classes)
    return jax.lax.map(one_network, weights[0]).mean(axis=0)

  def votes(
    weights: Any, waveforms: jax.Array, lengths: jax.Array | None
  ) -> jax.Array:
    if jax.default_backend() != 'cpu' or len(waveforms) <= _GROUP:
      return vote(weights, waveforms, lengths)

    # lax.map's batches of _GROUP add an axis; each waveform is (num_samples,).
    def one(example: tuple[jax.Array, jax.Array | None]) -> jax.Array:
      batch = jax.tree.map(lambda leaf: leaf[None], example)
      return vote(weights, *batch)[0]

    return jax.lax.map(one, (waveforms, lengths), batch_size=_GROUP)

  if mesh is None:
    return votes(weights, waveforms, lengths)
  each = PartitionSpec(device_layout.DATA)
  return jax.shard_map(
    votes, mesh=mesh, in_specs=(PartitionSpec(), each, each), out_specs=each
  )(weights, waveforms, lengths)


def _cores(batch: int) -> Mesh | None:
  """Mesh of the CPU devices that share a batch; None if there is only one."""
  if jax.default_backend() != 'cpu':
    return None
  devices = jax.local_devices()
  count = device_layout.equal_shares(batch, len(devices))[-1]
  if count == 1:
    return None
  return Mesh(np.array(devices[:count]), (device_layout.DATA,))


class Recognizer(Bundled):
  """Bundles of one kind, ready to run; an ensemble is the mean of them.

  Several CPU devices of JAX (see `jax_setup.one_core_devices`) share every
  batch.
  """

  def __init__(
    self,
    bundles: Sequence[bundle_lib.Bundle],
    name: str = '',
    batch: int = waveform.BATCH,
  ):
    super().__init__(bundles, name)
    self._batch = batch
    weights: Any = [
      network.ready(bundle.model, bundle.folded) for bundle in bundles
    ]
    if len(bundles) == 1:
      (weights,) = weights
    else:
      weights = [jax.tree.map(lambda *each: np.stack(each), *weights)]
    self._weights = self._shared = jax.device_put(weights)
    self._mesh = _cores(batch)
    if self._mesh is not None:
      # Each core has a copy; a segment alone runs on the first, with `_weights`.
      everywhere = NamedSharding(self._mesh, PartitionSpec())
      self._shared = jax.device_put(weights, everywhere)

  def moving_window(
    self, hop: int, held_db: float
  ) -> moving_window.MovingWindow:
    """Returns what computes the windows of a stream from one to the next.

    Args:
      hop: samples from window to window, see `MovingWindow`.
      held_db: likewise.
    """
    return moving_window.MovingWindow(
      self.feature_kind,
      self.mfcc,
      self.bundle.light_sernet,
      self.audio.num_samples,
      hop,
      self._weights,
      held_db,
    )

  def run(
    self, segments: np.ndarray, extras: tuple[str, ...] = ()
  ) -> np.ndarray:
    """Computes rows; see `Bundled.run`."""
    segments = waveform.checked(segments, self.bundle.audio.num_samples)
    rows = [self.no_rows(extras)]
    # A single segment, as a stream brings them, does not pay for a batch.
    batch, mesh, weights = self._batch, self._mesh, self._shared
    if len(segments) == 1:
      batch, mesh, weights = 1, None, self._weights
    for start in range(0, len(segments), batch):
      part = segments[start : start + batch]
      if len(part) < batch:
        part = np.pad(part, ((0, batch - len(part)), (0, 0)))
      lengths = None
      if self.bundle.model.masked:
        part, lengths = from_first_sample(part)
      votes = _ensemble(
        mesh,
        self.feature_kind,
        self.mfcc,
        self.bundle.model,
        extras,
        weights,
        part,
        lengths,
      )
      rows.append(np.asarray(votes)[: len(segments) - start])
    return np.concatenate(rows)
