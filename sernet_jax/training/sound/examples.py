"""Training examples made of mel bands on the device, anew in every epoch.

`Sound` holds the mel bands of whole utterances, a row every half hop, so that
a step can cut, stretch and join them by choosing rows: row 2 t is frame t of
the features, and another speed is another distance between rows. What follows
(mixing, rooms, noise, masks) is arithmetic on bands; the logarithm and the DCT
come last. Nothing here costs an FFT.

Random numbers depend on (seed, 'augment', fold, step) alone, and are drawn for
the whole batch whatever the devices are. Shapes in comments: b examples, t
frames, m bands.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from sernet_jax.training.sound import changes, rows
from sernet_jax.training.sound.corpus import Sound
from sernet_jax.training.sound.spec import SoundSpec


class Examples(NamedTuple):
  """A batch as the network reads it.

  Attributes:
    x: (examples, frames, coefficients).
    frames: int32 (examples,), the frames that are the utterance's own.
    targets: (examples, classes), probabilities.
  """

  x: jax.Array
  frames: jax.Array
  targets: jax.Array


def make(
  key: jax.Array,
  sound: Sound,
  segments: jax.Array,
  targets: jax.Array,
  mask: jax.Array,
  spec: SoundSpec,
) -> Examples:
  """Cuts and changes a batch of training examples.

  Args:
    key: of the step.
    sound: the corpus.
    segments: int32 (examples,), utterances; one of the mask's zeros is never
      mixed into another.
    targets: (examples, classes), one-hot.
    mask: float32 (examples,), 0 for padding.
    spec: what is fixed.

  Returns:
    The batch.
  """
  change = spec.augment
  keys = jax.random.split(key, 12)
  num = len(segments)
  sound = jax.tree.map(jnp.asarray, sound)
  speed = changes.factors(keys[0], change.speed, num)  # (b,)
  index, own = rows.choose(
    keys[1:4], sound, segments, targets, mask, speed, spec
  )
  mel = sound.mels[index] * own[..., None]  # (b, t, m)
  if change.mixup:
    mel, own, targets = changes.mixed(
      keys[4], mel, own, targets, mask, change.mixup
    )
  mel = changes.of_sound(keys[5:9], mel, own, speed, spec)
  x = changes.coefficients(keys[9:12], mel, own, mask, spec)
  if sound.phonemes is not None:  # what is said, whichever part is heard
    said = sound.phonemes[segments, : x.shape[1]]  # (b, t)
    x = jnp.concatenate([x, said[..., None].astype(x.dtype)], axis=-1)
  frames = own.sum(axis=1).astype(jnp.int32)
  return Examples(x, frames, targets)
