"""Estimates from a stream of raw sound, one each hop, in bounded memory.

Each window is scaled by its own 99.9th percentile before its features are
computed, as a segment is in training. A coefficient of one window is therefore
not that of the same samples in the next one: every window is computed anew,
which gives the timeline of `recognize` exactly. With `held_db` windows keep one
scale while it moves little, and only what is new is computed
(`sessions.moving_window`).

- `raw_sound`, `microphone_sound`: where samples come from
- `windows`: the way from samples to estimates
- `held_scale`: when windows can share what was computed
"""

from typing import TYPE_CHECKING

from sernet_jax.common import lazy

if TYPE_CHECKING:
  from sernet_jax.predict.live.microphone_sound import microphone as microphone
  from sernet_jax.predict.live.raw_sound import from_raw as from_raw
  from sernet_jax.predict.live.windows import estimates as estimates

_MODULES = {
  'estimates': 'windows',
  'from_raw': 'raw_sound',
  'microphone': 'microphone_sound',
}
__all__ = list(_MODULES)


__getattr__ = lazy.loader(__name__, _MODULES)
