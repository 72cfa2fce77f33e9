"""Spectrogram, log-mel spectrogram and MFCC in jax.numpy: the public door.

Loads numpy, and jax when a function of it is first used, so that other projects
can import it alone:

  from sernet_jax import features
  spec = features.MfccSpec()                    # the preset 'paper'
  coefficients = features.mfcc(waveform, spec)  # (..., frames, coefficients)

docs/features.md shows the rest: presets, lengths, streams, normalization,
augmentation.
"""

from typing import TYPE_CHECKING

from sernet_jax.common import lazy
from sernet_jax.common.errors import InputError
from sernet_jax.features.spec import MfccSpec, num_frames
from sernet_jax.features.tables import dct_matrix, mel_matrix, window

if TYPE_CHECKING:
  from sernet_jax.features.augment import mixup, spec_augment
  from sernet_jax.features.framing import frame_mask
  from sernet_jax.features.normalization import (
    RunningState,
    normalize,
    running_init,
    running_normalize,
  )
  from sernet_jax.features.postprocess import add_deltas, compress, deltas, pcen
  from sernet_jax.features.presets import PRESETS
  from sernet_jax.features.spectral import (
    cepstrum,
    log_mel_spectrogram,
    mel_spectrogram,
    mfcc,
    spectrogram,
  )
  from sernet_jax.features.streaming import (
    StreamFrames,
    StreamState,
    stream_end,
    stream_init,
    stream_step,
  )

__all__ = [
  'PRESETS',
  'InputError',
  'MfccSpec',
  'RunningState',
  'StreamFrames',
  'StreamState',
  'add_deltas',
  'cepstrum',
  'compress',
  'dct_matrix',
  'deltas',
  'frame_mask',
  'log_mel_spectrogram',
  'mel_matrix',
  'mel_spectrogram',
  'mfcc',
  'mixup',
  'normalize',
  'num_frames',
  'pcen',
  'running_init',
  'running_normalize',
  'spec_augment',
  'spectrogram',
  'stream_end',
  'stream_init',
  'stream_step',
  'window',
]

_HOMES = {
  'PRESETS': 'presets',
  'RunningState': 'normalization',
  'StreamFrames': 'streaming',
  'StreamState': 'streaming',
  'add_deltas': 'postprocess',
  'cepstrum': 'spectral',
  'compress': 'postprocess',
  'deltas': 'postprocess',
  'frame_mask': 'framing',
  'log_mel_spectrogram': 'spectral',
  'mel_spectrogram': 'spectral',
  'mfcc': 'spectral',
  'mixup': 'augment',
  'normalize': 'normalization',
  'pcen': 'postprocess',
  'running_init': 'normalization',
  'running_normalize': 'normalization',
  'spec_augment': 'augment',
  'spectrogram': 'spectral',
  'stream_end': 'streaming',
  'stream_init': 'streaming',
  'stream_step': 'streaming',
}


# Loads JAX when a function is asked for: settings and tables do without it.
__getattr__ = lazy.loader(__name__, _HOMES)


def __dir__() -> list[str]:
  return sorted({*globals(), *__all__})
