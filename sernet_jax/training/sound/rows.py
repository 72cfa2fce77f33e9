"""The rows of mel bands that the frames of a batch are made of.

Shapes in comments: b examples, t frames.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from sernet_jax.training.sound.corpus import Sound
from sernet_jax.training.sound.spec import SoundSpec

# Rows that a rounding error of float32 may be off.
_SLACK = 1e-3


def choose(
  keys: jax.Array,
  sound: Sound,
  segments: jax.Array,
  targets: jax.Array,
  mask: jax.Array,
  speed: jax.Array,
  spec: SoundSpec,
) -> tuple[jax.Array, jax.Array]:
  """Chooses the rows of `sound.mels` for every frame of a batch.

  Args:
    keys: three.
    sound: the corpus.
    segments: int32 (examples,), utterances.
    targets: (examples, classes), one-hot.
    mask: float32 (examples,), 0 for padding.
    speed: (examples,), factors.
    spec: of the examples.

  Returns:
    int32 (b, t) rows, and float32 (b, t), 0 for the frames that none fills.
  """
  place_key, partner_key, join_key = keys
  frame = jnp.arange(spec.num_frames, dtype=jnp.float32)  # (t,)
  step = 2.0 * speed  # rows from frame to frame, (b,)
  last = (sound.rows[segments] - 1).astype(jnp.float32)  # (b,)
  # Frames that the utterance fills at its speed.
  filled = 1.0 + jnp.floor(last / step)
  if spec.crop == 'random':
    place = jax.random.uniform(place_key, (len(segments),))
  else:
    place = jnp.full(len(segments), 0.5)
  # A longer utterance begins outside, a shorter one inside unless only its own
  # frames are looked at.
  room = jnp.maximum(last - step * (spec.num_frames - 1), 0.0)
  spare = jnp.maximum(spec.num_frames - filled, 0.0)
  begin = jnp.zeros_like(spare) if spec.masked else jnp.floor(place * spare)
  at = frame - begin[:, None]  # (b, t), frame of the utterance
  row = (place * room)[:, None] + step[:, None] * at
  own = (at >= 0) & (row <= last[:, None] + _SLACK)
  row = jnp.where(own, jnp.round(row), 0.0) + sound.starts[segments][:, None]
  if spec.augment.join:
    partner, found = _partners(partner_key, sound, segments, targets, mask)
    chosen = jax.random.uniform(join_key, (len(segments),)) < spec.augment.join
    chosen = (chosen & found)[:, None]
    # The partner's frames follow from where the utterance ends.
    after = at - jnp.minimum(filled, spec.num_frames)[:, None]
    other = step[:, None] * after
    end = sound.rows[segments[partner]][:, None] - 1
    taken = chosen & (after >= 0) & (other <= end + _SLACK) & ~own
    other = jnp.round(other) + sound.starts[segments[partner]][:, None]
    row = jnp.where(taken, other, row)
    own = own | taken
  return row.astype(jnp.int32), own.astype(jnp.float32)


def _partners(
  key: jax.Array,
  sound: Sound,
  segments: jax.Array,
  targets: jax.Array,
  mask: jax.Array,
) -> tuple[jax.Array, jax.Array]:
  """Draws for each example another of its class and of another speaker.

  Returns:
    int32 (b,), index in the batch, and bool (b,), whether there is one.
  """
  speakers = sound.speakers[segments]
  fits = (targets @ targets.T > 0.5) & (speakers[:, None] != speakers)
  fits = fits & (mask[:, None] > 0) & (mask > 0)  # (b, b)
  draw = jax.random.uniform(key, fits.shape)
  return jnp.argmax(jnp.where(fits, draw, -1.0), axis=1), fits.any(axis=1)
