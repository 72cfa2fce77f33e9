"""Parts that windows of one scale share, and the models and hops that allow it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sernet_jax.common.errors import InputError, require, require_not_negative
from sernet_jax.features.spec import num_frames
from sernet_jax.nn.spec import ModelSpec
from sernet_jax.predict.models import Model

if TYPE_CHECKING:
  from sernet_jax.predict.sessions import moving_window


def moving(
  model: Model, hop: int, held_db: float
) -> moving_window.MovingWindow | None:
  """Returns what keeps the parts that windows share; None if nothing can be."""
  require_not_negative('held_db', held_db)
  if not held_db:
    return None
  # These load JAX.
  from sernet_jax.predict.recognizer import Recognizer
  from sernet_jax.predict.sessions import moving_window

  if not isinstance(model, Recognizer):
    raise InputError(
      f'held_db is {held_db:g}, but {model.name} is an exported file, which '
      'computes whole windows; leave it at 0 or give a run or safetensors file'
    )
  require(
    not model.dimensions,
    f'held_db is {held_db:g}, but {model.name} gives numbers beside its classes, '
    'which are computed of whole windows; leave it at 0',
  )
  require(
    moving_window.stands_alone(model.mfcc),
    f'held_db is {held_db:g}, but the front end looks beyond single frames; '
    'leave it at 0',
  )
  spec = model.bundle.model
  if not isinstance(spec, ModelSpec):
    raise InputError(
      f'held_db is {held_db:g}, but the network {spec.name} computes whole '
      'windows; leave it at 0'
    )
  rate_hz = model.audio.sample_rate_hz
  grid = moving_window.grid_samples(spec, model.mfcc)
  nearest = max(1, round(hop / grid)) * grid
  frames = num_frames(model.audio.num_samples, model.mfcc)
  require(
    hop < frames * model.mfcc.hop_samples,
    f'held_db is {held_db:g}, but with a hop of {hop / rate_hz:g} s windows '
    'share nothing; give a shorter hop or leave it at 0',
  )
  require(
    hop % model.mfcc.hop_samples == 0,
    f'held_db is {held_db:g}, but a hop of {hop / rate_hz:g} s is not a whole '
    f'number of frames; give --hop_s={nearest / rate_hz:g} or leave it at 0',
  )
  return model.moving_window(hop, held_db)
