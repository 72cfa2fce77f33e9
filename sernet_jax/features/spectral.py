"""The chain: waveform, spectrogram, mel bands, logarithm, cepstrum.

At the defaults of `MfccSpec` it is that of Light-SERNet (arXiv 2110.03435)
and of `tf.signal`: frames without padding, periodic window, magnitude of the
FFT, triangles on the HTK mel scale, ln(mel + offset), orthogonal DCT-II
without the extra scale of the zeroth coefficient, clipping.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from sernet_jax.features import (
  arrays,
  blocks as features_blocks,
  fft,
  framing,
  postprocess,
)
from sernet_jax.features.postprocess import compress as compress
from sernet_jax.features.spec import MfccSpec, require_spec
from sernet_jax.features.tables import (
  dct_matrix,
  mel_groups,
  mel_matrix,
  window,
)


@arrays.compiled
def spectrogram(
  waveform: jax.Array, spec: MfccSpec, lengths: jax.Array | None = None
) -> jax.Array:
  """Magnitude spectrogram; its square if `spec.power` is 2.

  Args:
    waveform: (..., samples), in [-1, 1] by convention: floating point, or
      int16, which is divided by 32768. The arithmetic is float32, or float64
      for a float64 waveform. A sample that is not finite spoils only the
      frames that hold it; with `top_db` the whole utterance, with pre-emphasis
      over the waveform also a frame that begins right behind it.
    spec: the front end.
    lengths: integers (...,), samples of each utterance if they are padded; or
      a bool mask (..., samples). Samples behind an utterance are ignored, and
      frames that are not its own are 0 (see `frame_mask`).

  Returns:
    (..., frames, fft_size // 2 + 1), float32 (float64), at least 0.

  Raises:
    InputError: if the waveform is complex or of another integer type, if it
      is shorter than one frame, or if `lengths` do not fit it.
  """
  frames, mask = framing.frames(waveform, spec, lengths)
  spectrum, _ = _spectrum(frames, spec)
  return _masked(spectrum, mask)


@arrays.compiled
def mel_spectrogram(
  waveform: jax.Array, spec: MfccSpec, lengths: jax.Array | None = None
) -> jax.Array:
  """Mel bands before compression, (..., frames, bands); see `spectrogram`."""
  return _mel(spectrogram(waveform, spec, lengths), spec)


@arrays.compiled
def log_mel_spectrogram(
  waveform: jax.Array, spec: MfccSpec, lengths: jax.Array | None = None
) -> jax.Array:
  """Compressed mel bands, (..., frames, bands); see `spectrogram`.

  They are ln(mel + log_offset), or compressed as `spec.compression` says.
  """
  return _by_platform(
    waveform, spec, lengths, _log_mel_whole, _log_mel_in_blocks
  )


@arrays.compiled
def mfcc(
  waveform: jax.Array, spec: MfccSpec, lengths: jax.Array | None = None
) -> jax.Array:
  """Mel-frequency cepstral coefficients, clipped to +-`spec.clip`.

  Args:
    waveform: (..., samples), as for `spectrogram`.
    spec: the front end, e.g. `PRESETS['paper']`.
    lengths: as for `spectrogram`.

  Returns:
    (..., frames, coefficients), float32 (float64).

  Raises:
    InputError: as `spectrogram`.
  """
  return _by_platform(waveform, spec, lengths, _mfcc_whole, _mfcc_in_blocks)


def _by_platform(
  waveform: jax.Array,
  spec: MfccSpec,
  lengths: jax.Array | None,
  whole: Callable[..., jax.Array],
  in_blocks: Callable[..., jax.Array],
) -> jax.Array:
  """Computes features in the faster of two ways, and masks them.

  Args:
    waveform: as for `spectrogram`.
    spec: the front end.
    lengths: as for `spectrogram`.
    whole: computes all frames at once, from padded samples.
    in_blocks: computes the same a few frames at a time, on CPUs.
  """
  # (..., samples), frames, (..., frames)
  samples, count, mask = framing.padded(waveform, spec, lengths)
  at_once = functools.partial(whole, count=count, mask=mask, spec=spec)
  if features_blocks.fits_the_cache(samples, count):
    return _masked(at_once(samples), mask)
  # Blocks read full waveforms where they lie. Others may hold anything behind
  # their length, which only the copy has set to 0.
  raw = framing.as_float(waveform) if lengths is None else None
  blockwise = functools.partial(
    in_blocks, count=count, mask=mask, spec=spec, raw=raw
  )
  result = jax.lax.platform_dependent(samples, cpu=blockwise, default=at_once)
  return _masked(result, mask)


def _mfcc_whole(
  samples: jax.Array, count: int, mask: jax.Array | None, spec: MfccSpec
) -> jax.Array:
  """MFCC of all frames at once."""
  frames = framing.split(samples, count, spec)
  return mfcc_of_frames(frames, spec, mask)


def _log_mel_whole(
  samples: jax.Array, count: int, mask: jax.Array | None, spec: MfccSpec
) -> jax.Array:
  """Compressed mel bands of all frames at once."""
  log_mel, _ = _bands(framing.split(samples, count, spec), spec)
  return postprocess.above_floor(log_mel, spec, mask)


def _mfcc_in_blocks(
  samples: jax.Array,
  count: int,
  mask: jax.Array | None,
  spec: MfccSpec,
  raw: jax.Array | None,
) -> jax.Array:
  """`_mfcc_whole`, a few frames of every utterance at a time.

  `top_db` needs the maximum over all frames of an utterance, so with it a
  second round starts from the bands of the first.
  """
  blocks = features_blocks.Blocks(samples, count, spec, raw)
  if spec.top_db is None:

    def only_round(frames: jax.Array) -> jax.Array:
      log_mel, energy = _bands(frames, spec)
      return _cepstrum(log_mel, energy, spec)

    return blocks.join(blocks.over(only_round))

  def first_round(
    frames: jax.Array,
  ) -> tuple[jax.Array, jax.Array | None, jax.Array]:
    log_mel, energy = _bands(frames, spec)
    return log_mel, energy, log_mel.max(axis=-1, keepdims=True)

  # Each (blocks, ..., frames of a block, width); width 1 for the maxima.
  log_mel, energy, loudest = blocks.over(first_round)
  floor = postprocess.floor(blocks.join(loudest), spec, mask)

  def second_round(block: tuple[jax.Array, jax.Array | None]) -> jax.Array:
    log_mel, energy = block
    return _cepstrum(jnp.maximum(log_mel, floor), energy, spec)

  return blocks.join(jax.lax.map(second_round, (log_mel, energy)))


def _log_mel_in_blocks(
  samples: jax.Array,
  count: int,
  mask: jax.Array | None,
  spec: MfccSpec,
  raw: jax.Array | None,
) -> jax.Array:
  """`_log_mel_whole`, a few frames of every utterance at a time."""
  blocks = features_blocks.Blocks(samples, count, spec, raw)
  log_mel = blocks.join(blocks.over(lambda frames: _bands(frames, spec)[0]))
  return postprocess.above_floor(log_mel, spec, mask)


def mfcc_of_frames(
  frames: jax.Array, spec: MfccSpec, mask: jax.Array | None = None
) -> jax.Array:
  """MFCC of frames: the chain behind the framing.

  Args:
    frames: (..., frames, frame_samples), not windowed, floating point.
    spec: the front end.
    mask: as for `compress`.

  Returns:
    (..., frames, coefficients).
  """
  log_mel, energy = _bands(frames, spec)
  return _cepstrum(postprocess.above_floor(log_mel, spec, mask), energy, spec)


def _bands(
  frames: jax.Array, spec: MfccSpec
) -> tuple[jax.Array, jax.Array | None]:
  """Returns compressed bands before `top_db`, and energies of the frames.

  The bands are (..., frames, bands). The energies are (..., frames, 1), or None
  if the zeroth coefficient is that of the cepstrum.
  """
  spectrum, energy = _spectrum(frames, spec)  # (..., frames, bins)
  if spec.zeroth == 'spectrum_energy':
    # Over all bins, also those above and below the bands.
    energy = spectrum.sum(axis=-1, keepdims=True)
  return postprocess.by_band(_mel(spectrum, spec), spec), energy


def _cepstrum(
  log_mel: jax.Array, energy: jax.Array | None, spec: MfccSpec
) -> jax.Array:
  """DCT, the zeroth coefficient, clipping: (..., frames, coefficients)."""
  # (..., frames, bands) @ (bands, coefficients)
  cepstrum = _matmul(log_mel, dct_matrix(spec))
  if energy is not None:  # in place of the mean of the bands
    energy = jnp.log(postprocess.floored(energy, spec))
    cepstrum = jnp.concatenate([energy, cepstrum[..., 1:]], axis=-1)
  if spec.clip is not None:
    cepstrum = jnp.clip(cepstrum, -spec.clip, spec.clip)
  return cepstrum


def cepstrum(log_mel: jax.Array, spec: MfccSpec) -> jax.Array:
  """DCT and clipping of compressed bands, (..., frames, coefficients).

  The zeroth coefficient is that of the DCT, whatever `spec.zeroth` says.
  """
  require_spec(spec)
  return _cepstrum(arrays.as_values('log_mel', log_mel), None, spec)


def _spectrum(
  frames: jax.Array, spec: MfccSpec
) -> tuple[jax.Array, jax.Array | None]:
  """Returns the spectrum of frames, and their energies before the window.

  The spectrum is (..., frames, bins). The energies are (..., frames, 1), or
  None unless `spec.zeroth` is 'frame_energy'.
  """
  energy = None
  # The order is Kaldi's, whose spec is the one that asks for all of it: mean,
  # energy of what is left, pre-emphasis, window.
  if spec.remove_dc:
    frames = frames - frames.mean(axis=-1, keepdims=True)
  if spec.zeroth == 'frame_energy':
    energy = (frames * frames).sum(axis=-1, keepdims=True)
  if spec.preemphasis and spec.preemphasis_over == 'frame':
    first = frames[..., :1]  # stands for the sample before it
    frames = framing.preemphasize(frames, spec.preemphasis, first)
  table = window(spec).reshape((1,) * (frames.ndim - 1) + (-1,))
  transform = fft.rfft(frames * _constant(table, frames), spec.fft_size)
  if spec.power == 1:
    # The plain root has an infinite gradient at silence.
    spectrum = fft.magnitude(transform)
  else:
    spectrum = transform.real**2 + transform.imag**2
  if spec.spectrum_scale != 1.0:
    spectrum = spectrum * spec.spectrum_scale
  return spectrum, energy


def _mel(spectrum: jax.Array, spec: MfccSpec) -> jax.Array:
  """Maps (..., bins) to mel bands (..., bands); a CPU skips most zeros."""

  def at_once(x: jax.Array) -> jax.Array:
    return _matmul(x, mel_matrix(spec))

  def in_groups(x: jax.Array) -> jax.Array:
    # A triangle is 0 outside of a few bins, so neighbouring bands have one
    # product with the bins that any of them reads.
    parts = [
      _matmul(x[..., first : first + len(table)], table)
      for first, table in mel_groups(spec)
    ]
    return jnp.concatenate(parts, axis=-1)

  return jax.lax.platform_dependent(spectrum, cpu=in_groups, default=at_once)


def _masked(values: jax.Array, mask: jax.Array | None) -> jax.Array:
  """Sets frames to 0 that are not the utterance's own."""
  return values if mask is None else jnp.where(mask[..., None], values, 0)


def _constant(table: np.ndarray, like: jax.Array) -> jax.Array:
  """Converts a float64 table to the dtype of `like`."""
  return jnp.asarray(table, like.dtype)


def _matmul(x: jax.Array, table: np.ndarray) -> jax.Array:
  """Multiplies by a table, in float32 on accelerators too."""
  # Their default is tf32 or bfloat16.
  return jnp.matmul(x, _constant(table, x), precision=jax.lax.Precision.HIGHEST)
