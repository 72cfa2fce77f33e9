"""Times the MFCC beside other libraries and beside its own bound.

  python experiments/benchmarks/features.py [--seconds=3] [--batch=64]
    [--peers=librosa,torchaudio,tensorflow] [--output=features.json]

For the preset `paper` and, where a peer has one, its own preset: utterances
per second in batch and milliseconds of a single one, median and spread over
repeats that take turns, so that a busy machine treats all alike. A single one
is asked for twenty times a turn, as a service would: `ms` is the median of the
calls after the first, `ms_first` that of the first ones, which come right after
another library. A peer is checked first: its figures must agree with ours on
the same noise. A peer that is not installed is left out and said so.

On a CPU every core is a device of JAX's, and a batch is timed on the first of
them, whose operations may use the other cores, and cut over all of them.

What bounds it: the time of the FFT alone, once of all frames together and once
512 at a time with nothing kept but sums, which is the least that a chain
around this FFT could take; of the matrix products alone; of cutting the frames
and of copying the spectrum. The FFT against its matrix (cosines and sines,
2 x frame x bins multiply-adds per frame) is timed on the same frames, to
choose per platform.

The peers must be installed beside jax in one environment:
pip install librosa torch torchaudio tensorflow-cpu
"""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import json
import pathlib
import statistics
import sys
import time
from collections.abc import Callable

import history
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from sernet_jax import features
from sernet_jax.common import machine
from sernet_jax.features import framing

PAPER = features.PRESETS['paper']
ALL_CORES = ', a device per core'


def measure(
  tasks: dict[str, Callable], repeats: int, calls: int
) -> dict[str, list[list[float]]]:
  """Seconds of each task, in turns, after one call that does not count.

  Returns:
    {task: [turn][call]}. The first call of a turn finds the caches as the task
    before left them, and that one's threads perhaps still waiting for work.
  """
  for task in tasks.values():
    task()
  seconds = {name: [] for name in tasks}
  for _ in range(repeats):
    for name, task in tasks.items():
      turn = []
      for _ in range(calls):
        begin = time.perf_counter()
        task()
        turn.append(time.perf_counter() - begin)
      seconds[name].append(turn)
  return seconds


def ours(
  waveform: np.ndarray,
  preset: str,
  compute: Callable = features.mfcc,
  devices: int = 1,
) -> Callable[[], jax.Array]:
  """The package's MFCC of waveforms that are on their devices already."""
  spec = features.PRESETS[preset]
  place = None
  if devices > 1:
    mesh = jax.make_mesh((devices,), ('batch',))
    place = NamedSharding(mesh, PartitionSpec('batch'))
  on_device = jax.device_put(waveform, place)
  return lambda: jax.block_until_ready(compute(on_device, spec))


def check(name, preset, theirs, waveform):
  """The peer computes what we compute."""
  spec = features.PRESETS[preset]
  distance = np.abs(
    theirs(waveform) - np.asarray(features.mfcc(waveform, spec))
  )
  scale = np.abs(theirs(waveform)).max()
  if not distance.max() <= 1e-4 * scale:
    raise SystemExit(f'{name} is off by {distance.max()} of {scale}')


def librosa_mfcc(waveform: np.ndarray) -> np.ndarray:
  """Librosa's defaults; (frames, coefficients)."""
  import librosa

  return librosa.feature.mfcc(y=waveform).swapaxes(-1, -2)


def torchaudio_mfcc(waveform: np.ndarray) -> np.ndarray:
  """Torchaudio's defaults; (..., frames, coefficients)."""
  import torch
  from torchaudio import transforms

  with torch.no_grad():
    result = _torch_transform(transforms)(torch.from_numpy(waveform))
  return result.numpy().swapaxes(-1, -2)


@functools.cache
def _torch_transform(transforms):
  return transforms.MFCC()


def tensorflow_mfcc(waveform: np.ndarray) -> np.ndarray:
  """The preset `paper` in tf.signal; (..., frames, coefficients)."""
  return _tensorflow_graph()(waveform).numpy()


@functools.cache
def _tensorflow_graph():
  import tensorflow as tf

  matrix = tf.signal.linear_to_mel_weight_matrix(
    128, 513, 16_000, PAPER.lower_edge_hz, PAPER.upper_edge_hz
  )

  @tf.function(jit_compile=False)
  def compute(waveform):
    spectrum = tf.abs(
      tf.signal.stft(
        waveform, 1024, 256, 1024, window_fn=tf.signal.hamming_window
      )
    )
    log_mel = tf.math.log(tf.tensordot(spectrum, matrix, 1) + 1e-6)
    cepstrum = tf.signal.mfccs_from_log_mel_spectrograms(log_mel)
    return tf.clip_by_value(cepstrum[..., :40], -10.0, 10.0)

  return compute


PEERS = {
  # top_db of librosa looks at a whole batch: one utterance at a time.
  'librosa': ('librosa', librosa_mfcc, False),
  'torchaudio': ('torchaudio', torchaudio_mfcc, True),
  'tensorflow': ('paper', tensorflow_mfcc, True),
}


def one_by_one(function: Callable, waveform: np.ndarray) -> np.ndarray:
  """A peer that takes one utterance at a time."""
  return np.stack([function(row) for row in waveform])


def parts(waveform):
  """The pieces of the chain by themselves, and the FFT as a product."""
  count = features.num_frames(waveform.shape[-1], PAPER)
  split = jax.jit(lambda x: framing.split(x, count, PAPER))
  frames = jax.block_until_ready(split(waveform))
  turn = 2 * np.pi * np.outer(np.arange(1024), np.arange(513)) / 1024
  basis = jnp.asarray(
    np.concatenate([np.cos(turn), np.sin(turn)], axis=1), jnp.float32
  )
  mel = jnp.asarray(features.mel_matrix(PAPER), jnp.float32)
  dct = jnp.asarray(features.dct_matrix(PAPER), jnp.float32)
  product = functools.partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)
  fft = jax.jit(lambda x: jnp.abs(jnp.fft.rfft(x)))

  @jax.jit
  def fft_in_blocks(x):
    def sums(block):
      spectrum = jnp.fft.rfft(block)
      return (spectrum.real + spectrum.imag).sum(axis=-1)

    return jax.lax.map(sums, x.reshape(-1, 1024), batch_size=512)

  @jax.jit
  def dft(x):
    both = product(x, basis)
    return jnp.hypot(both[..., :513], both[..., 513:])

  @jax.jit
  def products(spectrum):
    return product(product(spectrum, mel), dct)

  spectrum = jax.block_until_ready(fft(frames))
  return {
    'frames': lambda: jax.block_until_ready(split(waveform)),
    'fft of all frames': lambda: jax.block_until_ready(fft(frames)),
    'fft 512 at a time': lambda: jax.block_until_ready(fft_in_blocks(frames)),
    'dft as a product': lambda: jax.block_until_ready(dft(frames)),
    'mel and dct': lambda: jax.block_until_ready(products(spectrum)),
    'copy of the spectrum': lambda: jax.block_until_ready(jnp.copy(spectrum)),
  }


def versions() -> dict[str, str]:
  """Versions of the libraries that are installed."""
  found = {}
  for name in (
    'jax',
    'librosa',
    'torch',
    'torchaudio',
    'tensorflow',
    'tensorflow_cpu',
  ):
    try:
      found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
      continue
  return found


def main() -> None:
  """Measures, prints and, if asked, writes the report."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--seconds', type=float, default=3.0)
  parser.add_argument('--batch', type=int, default=64)
  parser.add_argument('--repeats', type=int, default=20)
  parser.add_argument('--peers', default='librosa,torchaudio,tensorflow')
  parser.add_argument('--output', default='')
  arguments = parser.parse_args()
  jax.config.update('jax_num_cpu_devices', machine.num_cores())
  cores = jax.local_device_count()
  samples = round(16_000 * arguments.seconds)
  generator = np.random.default_rng(0)
  batch = generator.uniform(-0.5, 0.5, (arguments.batch, samples))
  batch = batch.astype(np.float32)
  single = batch[0]

  batched, alone = {}, {}

  def add(preset: str, compute: Callable = features.mfcc, name: str = ''):
    task = f'sernet_jax {preset}{name}'
    batched[task] = ours(batch, preset, compute)
    if cores > 1:
      batched[task + ALL_CORES] = ours(batch, preset, compute, cores)

  add('paper')
  add('paper', features.log_mel_spectrogram, ', log-mel')
  alone['sernet_jax paper'] = ours(single, 'paper')
  missing = []
  for name in filter(None, arguments.peers.split(',')):
    preset, function, in_batch = PEERS[name]
    try:
      check(name, preset, function, single)
    except (ImportError, OSError) as error:  # OSError: a library for CUDA
      missing.append(f'{name} ({error})')
      continue
    if not in_batch:
      whole = functools.partial(one_by_one, function, batch)
    else:
      whole = functools.partial(function, batch)
    batched[name], alone[name] = whole, functools.partial(function, single)
    add(preset)
    alone[f'sernet_jax {preset}'] = ours(single, preset)

  report = {
    'device': jax.devices()[0].device_kind,
    'command': ' '.join(['python', *sys.argv]),
    **history.where('features.py'),
    'packages': versions(),
    'batch_size': arguments.batch,
    'seconds': arguments.seconds,
    'not_installed': missing,
  }
  for title, tasks, calls in (
    ('batch', batched, 1),
    ('single', alone, 20),
    ('parts', parts(jax.device_put(batch)), 1),
  ):
    seconds = measure(tasks, arguments.repeats, calls)
    report[title] = {}
    for name, turns in seconds.items():
      times = [s for turn in turns for s in turn[1:] or turn]
      median = statistics.median(times)
      report[title][name] = {
        'ms': 1e3 * median,
        'ms_least': 1e3 * min(times),
        'ms_most': 1e3 * max(times),
      }
      line = f'{title:7} {name:44} {1e3 * median:9.3f} ms'
      if calls > 1:
        first = 1e3 * statistics.median(turn[0] for turn in turns)
        report[title][name]['ms_first'] = first
        line += f' {first:9.3f} ms the first of a turn'
      if title == 'batch':
        rate = arguments.batch / median
        report[title][name]['utterances_per_s'] = rate
        report[title][name]['times_real_time'] = rate * arguments.seconds
        line += f' {rate:10.0f} utterances/s {rate * arguments.seconds:10.0f} x'
      print(line, flush=True)
  for name in missing:
    print('not installed:', name)
  if arguments.output:
    pathlib.Path(arguments.output).write_text(
      json.dumps(report, indent=1) + '\n'
    )


if __name__ == '__main__':
  main()
