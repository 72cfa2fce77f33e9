"""A corpus on a device, as training and tests read it."""

from __future__ import annotations

from typing import NamedTuple

import jax


class Sound(NamedTuple):
  """Utterances of a corpus on a device.

  Attributes:
    features: float32 (utterances, frames, coefficients), cut to the longest
      that is tested, unchanged: what is evaluated.
    frames: int32 (utterances,), the frames of each that are its own.
    mels: float32 (rows, bands), the bands of all utterances one behind the
      other, a row every half hop.
    starts: int32 (utterances,), first row of each.
    rows: int32 (utterances,), number of rows of each.
    speakers: int32 (utterances,).
    phonemes: int32 (utterances, places), from 1, 0 behind the last; places are
      at least as many as the frames of an example. None where the network
      reads none; `features` then have no column of them either.
  """

  features: jax.typing.ArrayLike
  frames: jax.typing.ArrayLike
  mels: jax.typing.ArrayLike
  starts: jax.typing.ArrayLike
  rows: jax.typing.ArrayLike
  speakers: jax.typing.ArrayLike
  phonemes: jax.typing.ArrayLike | None = None


class Heard(NamedTuple):
  """Utterances as a test hears them: the first fields of `Sound`."""

  features: jax.typing.ArrayLike
  frames: jax.typing.ArrayLike


# What training reads: (segments, frames, coefficients), or a corpus as sound.
Source = jax.Array | Sound
