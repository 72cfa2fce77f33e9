"""StableHLO files: the JAX program itself, for CPU, CUDA and TPU."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import jax
import numpy as np

from sernet_jax.export.emitters import eager
from sernet_jax.features import kinds
from sernet_jax.features.spec import num_frames
from sernet_jax.nn import network
from sernet_jax.predict.bundle import Bundle
from sernet_jax.predict.plain import chain
from sernet_jax.predict.sessions import stablehlo_session

PLATFORMS = ('cpu', 'cuda', 'tpu')


def convert(
  bundle: Bundle, precision: str, metadata: Mapping[str, str]
) -> bytes:
  """Returns the content of a StableHLO file.

  Args:
    bundle: what to write.
    precision: 'fp32'; 'fp16' stores the network's numbers in fp16 and
      computes in float32.
    metadata: stored behind the program, text by name.
  """
  folded = bundle.folded
  if precision == 'fp16':
    folded = jax.tree.map(lambda leaf: leaf.astype(np.float16), folded)
  samples = bundle.audio.num_samples

  def sernet(waveform: jax.Array) -> jax.Array:
    # A cast in the program, so that the constants stay in fp16 in the file.
    stored = jax.tree.map(
      lambda leaf: jax.numpy.asarray(leaf).astype(np.float32), folded
    )
    out, frames = eager.Eager(), None
    if bundle.model.masked:
      waveform = out.from_first(waveform)
      own = out.extent(waveform)[:, 0].astype(np.int32)
      frames = jax.numpy.maximum(num_frames(own, bundle.mfcc), 1)
    scaled = chain.scaled(out, waveform, samples)
    # (batch, frames, coefficients)
    features = kinds.KINDS[bundle.feature_kind].compute(
      scaled, bundle.mfcc, frames
    )
    return network.probabilities(
      bundle.model, stored, features[..., None], frames
    )

  shape = jax.export.symbolic_shape(f'batch, {samples}')
  with _without_call_stacks():
    exported = jax.export.export(jax.jit(sernet), platforms=PLATFORMS)(
      jax.ShapeDtypeStruct(shape, np.float32)
    )
  program = bytes(exported.serialize())
  return stablehlo_session.with_trailer(program, metadata)


@contextlib.contextmanager
def _without_call_stacks() -> Iterator[None]:
  """Keeps call stacks and folders of whoever exports out of a program.

  JAX writes up to 100 frames of Python per operation, so that a program would
  depend on where its export was called.
  """
  name = 'jax_traceback_in_locations_limit'
  before = getattr(jax.config, name)
  jax.config.update(name, 0)
  try:
    yield
  finally:
    jax.config.update(name, before)
