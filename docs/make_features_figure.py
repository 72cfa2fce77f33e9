"""Draws docs/features_chain.png: a recording on its way to the MFCC.

python docs/make_features_figure.py RECORDING [OUTPUT]
"""

from __future__ import annotations

import argparse
import pathlib

import matplotlib as mpl

mpl.use('Agg')

import jax.numpy as jnp
import numpy as np
from matplotlib import pyplot as plt

from sernet_jax import features
from sernet_jax.audio import reading

OUTPUT = pathlib.Path(__file__).with_name('features_chain.png')


def draw(recording: str, output: pathlib.Path) -> None:
  """One panel for each station: waveform, spectrogram, mel bands, MFCC."""
  spec = features.PRESETS['paper']
  rate_hz = spec.sample_rate_hz
  waveform = reading.load_mono(recording, rate_hz)
  waveform = waveform / np.abs(waveform).max()
  magnitude = features.spectrogram(waveform, spec)
  stations = [
    (
      f'spectrum\n{magnitude.shape[-1]} bins',
      'kHz',
      20 * jnp.log10(magnitude + 1e-4),
      rate_hz / 2000,
      'dB',
    ),
    (
      f'mel spectrum\n{spec.num_mel_bands} bands',
      'band',
      features.log_mel_spectrogram(waveform, spec),
      spec.num_mel_bands,
      'ln',
    ),
    (
      f'MFCC\n{spec.num_coefficients} coefficients',
      'coefficient',
      features.mfcc(waveform, spec),
      spec.num_coefficients,
      '',
    ),
  ]
  figure, axes = plt.subplots(
    4,
    2,
    figsize=(9, 8),
    width_ratios=(40, 1),
    height_ratios=(1, 2, 2, 2),
    layout='constrained',
  )
  duration_s = waveform.size / rate_hz
  half_s = spec.frame_samples / 2 / rate_hz
  time_s = np.arange(waveform.size) / rate_hz
  axes[0, 0].plot(time_s, waveform, linewidth=0.4, color='#33507a')
  axes[0, 0].set_ylabel('waveform')
  axes[0, 1].axis('off')
  for (left, right), (title, unit, values, top, scale) in zip(
    axes[1:], stations, strict=True
  ):
    frames = values.shape[0]
    end_s = half_s + frames * spec.hop_samples / rate_hz
    image = left.imshow(
      np.asarray(values).T,
      origin='lower',
      aspect='auto',
      cmap='magma',
      interpolation='nearest',
      extent=(half_s, end_s, 0, top),
    )
    left.set_ylabel(f'{title}\n{unit}')
    figure.colorbar(image, cax=right, label=scale)
  for row in axes[:, 0]:
    row.set_xlim(0, duration_s)
  for row in axes[:-1, 0]:
    row.tick_params(labelbottom=False)
  axes[-1, 0].set_xlabel('time in s')
  name = pathlib.Path(recording).stem
  axes[0, 0].set_title(f'From a recording to the MFCC: {name}, preset paper')
  figure.savefig(output, dpi=110)


if __name__ == '__main__':
  parser = argparse.ArgumentParser(
    description='Draw the steps from a recording to the MFCC.'
  )
  parser.add_argument('recording')
  parser.add_argument('output', nargs='?', default=OUTPUT, type=pathlib.Path)
  arguments = parser.parse_args()
  draw(arguments.recording, arguments.output)
