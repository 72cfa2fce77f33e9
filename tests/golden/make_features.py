"""Makes the golden figures of the presets, tests/data/features_<preset>.npz.

The references do not share an environment with the package, so this goes in
steps; the recordings stay outside the repository.

  # in the project's environment, EMO-DB at hand
  python tests/golden/make_features.py waveforms --emodb=ROOT /tmp/waves.npz
  # in an environment with tensorflow
  python tests/golden/make_features.py paper reference tflite /tmp/waves.npz
  # in one with librosa, torch, torchaudio, python_speech_features and
  # kaldi_native_fbank
  python tests/golden/make_features.py librosa torchaudio kaldi kaldi_energy \
    python_speech_features around /tmp/waves.npz
  # in one with librosa; needs no recordings
  python tests/golden/make_features.py librosa_words -

The figures in the repository were made with the versions that stand in each
file's array `how`. torchaudio has no build for a CPU-only torch 2.13; its
version 2.11 was used with the compiled extension taken out of its folder
`lib`, which MFCC does not need.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import pathlib

import numpy as np

DATA = pathlib.Path(__file__).parents[1] / 'data'
UTTERANCES = ('03a01Fa', '08b02Tc', '14a07Wc', '16b10Wb')
SIGNALS = ('noise', 'click')
RATES_HZ = {'librosa': 22_050}  # the others are at 16 kHz
EVERY = 4  # frames of real speech that are kept
EVERY64 = 16  # frames of the first utterance that are kept in float64


def paper(waveform):
  import tensorflow as tf

  return _tf_signal(waveform, tf.signal.hamming_window, 40.0)


def reference(waveform):
  import tensorflow as tf

  return _tf_signal(waveform, tf.signal.hann_window, 80.0)


def _tf_signal(waveform, window, lower_edge_hz):
  """The chain of the paper from the operations of tf.signal."""
  import tensorflow as tf

  spectrum = tf.abs(tf.signal.stft(waveform, 1024, 256, 1024, window))
  matrix = tf.signal.linear_to_mel_weight_matrix(
    128, 513, 16_000, lower_edge_hz, 7600.0, dtype=spectrum.dtype
  )
  log_mel = tf.math.log(tf.matmul(spectrum, matrix) + 1e-6)
  mfcc = tf.signal.mfccs_from_log_mel_spectrograms(log_mel)[:, :40]
  return tf.clip_by_value(mfcc, -10.0, 10.0).numpy()


def tflite(waveform):
  import tensorflow as tf

  spectrogram = tf.raw_ops.AudioSpectrogram(
    input=waveform.astype(np.float32)[:, None],
    window_size=1024,
    stride=256,
    magnitude_squared=True,
  )
  mfcc = tf.raw_ops.Mfcc(
    spectrogram=spectrogram,
    sample_rate=16_000,
    upper_frequency_limit=7600.0,
    lower_frequency_limit=80.0,
    filterbank_channel_count=128,
    dct_coefficient_count=40,
  )
  return tf.clip_by_value(mfcc, -10.0, 10.0).numpy()[0]


def librosa(waveform):
  import librosa as library

  # The default of the mel matrix is float32 whatever the waveform is.
  return library.feature.mfcc(y=waveform, dtype=waveform.dtype.type).T


def torchaudio(waveform):
  import torch
  from torchaudio import transforms

  transform = transforms.MFCC()
  if waveform.dtype == np.float64:
    transform = transform.double()
  return transform(torch.from_numpy(waveform)).numpy().T


def kaldi(waveform):
  import torch
  from torchaudio.compliance import kaldi as library

  return library.mfcc(torch.from_numpy(waveform)[None]).numpy()


def kaldi_energy(waveform):
  import kaldi_native_fbank as library

  options = library.MfccOptions()
  options.frame_opts.dither = 0.0
  online = library.OnlineMfcc(options)
  online.accept_waveform(16_000, waveform.tolist())
  online.input_finished()
  count = online.num_frames_ready
  return np.stack([online.get_frame(i) for i in range(count)])


def python_speech_features(waveform):
  import python_speech_features as library

  return library.mfcc(waveform)


LIBRARIES = {
  'paper': ('tensorflow',),
  'reference': ('tensorflow',),
  'tflite': ('tensorflow',),
  'librosa': ('librosa',),
  'torchaudio': ('torchaudio', 'torch'),
  'kaldi': ('torchaudio', 'torch'),
  'kaldi_energy': ('kaldi_native_fbank',),
  'python_speech_features': ('python_speech_features',),
  'around': ('librosa', 'python_speech_features', 'torchaudio'),
  'librosa_words': ('librosa',),
}
# These take a waveform of float64 and compute with it.
IN_FLOAT64 = (
  'paper',
  'reference',
  'librosa',
  'torchaudio',
  'kaldi',
  'python_speech_features',
)


def how(name):
  versions = [f'{library} {version(library)}' for library in LIBRARIES[name]]
  return (
    f'tests/golden/make_features.py {name}; {", ".join(versions)}, numpy '
    f'{np.__version__}, CPU; `real` is every {EVERY}th frame, `real64` every '
    f'{EVERY64}th of the first utterance from a float64 waveform'
  )


def version(library):
  for distribution in (library, f'{library}-cpu'):
    try:
      return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
      pass
  raise SystemExit(f'{library} is not installed')


def save(name, **arrays):
  path = DATA / f'features_{name}.npz'
  np.savez_compressed(path, how=how(name), **arrays)
  print(path, {key: array.shape for key, array in arrays.items()})


def write_waveforms(emodb, path):
  """Prepared recordings as the tests prepare them, and the signals."""
  from sernet_jax.audio import reading, segments

  arrays = {}
  for rate_hz in (16_000, 22_050):
    arrays[f'real_{rate_hz}'] = np.stack(
      [
        segments.prepare(
          reading.load_mono(f'{emodb}/wav/{name}.wav', rate_hz), 3 * rate_hz
        )
        for name in UTTERANCES
      ]
    )
  with np.load(DATA / 'mfcc_synthetic.npz') as golden:
    rows = dict(zip(golden['names'].tolist(), golden['waveform'], strict=True))
  np.savez(path, **arrays, **{name: rows[name] for name in SIGNALS})


def make(name, waves):
  """The golden file of one preset."""
  compute = globals()[name]
  real = waves[f'real_{RATES_HZ.get(name, 16_000)}']
  arrays = {
    'real': np.stack([compute(waveform)[::EVERY] for waveform in real]),
    **{signal: compute(waves[signal]) for signal in SIGNALS},
  }
  arrays = {key: x.astype(np.float32) for key, x in arrays.items()}
  if name in IN_FLOAT64:
    arrays['real64'] = compute(real[0].astype(np.float64))[::EVERY64]
  save(name, files=np.array(UTTERANCES), **arrays)


def make_around():
  """Deltas and PCEN of random frames."""
  import librosa as library
  import python_speech_features as speech
  import torch
  import torchaudio

  generator = np.random.default_rng(0)
  frames = generator.standard_normal((30, 6)).astype(np.float32)
  mel = generator.uniform(0.0, 2.0, (30, 6)).astype(np.float32) ** 4
  mel[10:14] = 0.0
  deltas9 = torchaudio.functional.compute_deltas(
    torch.from_numpy(frames.T.copy()), win_length=9
  )
  save(
    'around',
    frames=frames,
    deltas=speech.delta(frames, 2),
    deltas9=deltas9.numpy().T,
    mel=mel,
    pcen=library.pcen(mel.T, b=0.025).T,
    pcen_other=library.pcen(
      mel.T, b=0.1, gain=0.8, bias=1.0, power=0.25, eps=1e-3
    ).T,
  )


# Arguments of librosa.feature.mfcc beside its defaults.
LIBROSA_WORDS = (
  {'sr': 16_000, 'n_mfcc': 13, 'n_fft': 512, 'hop_length': 160},
  {
    'sr': 16_000, 'n_mfcc': 13, 'n_fft': 512, 'hop_length': 160,
    'win_length': 400, 'n_mels': 26, 'fmin': 20.0, 'fmax': 7600.0,
    'htk': True, 'mel_norm': None, 'window': 'hamming',
  },
  {
    'sr': 8000, 'n_mfcc': 20, 'n_fft': 1024, 'hop_length': 100, 'power': 1.0,
    'pad_mode': 'reflect', 'n_mels': 40,
  },
  {
    'sr': 16_000, 'n_fft': 512, 'hop_length': 200, 'center': False,
    'n_mels': 40,
  },
)  # fmt: skip


def make_librosa_words():
  """Noise in librosa's MFCC with other arguments, as JSON in `words`."""
  import librosa as library

  noise = np.random.default_rng(0).uniform(-0.5, 0.5, 4000).astype(np.float32)
  save(
    'librosa_words',
    noise=noise,
    words=np.array([json.dumps(words) for words in LIBROSA_WORDS]),
    **{
      f'mfcc{index}': library.feature.mfcc(y=noise, **words).T
      for index, words in enumerate(LIBROSA_WORDS)
    },
  )


def main():
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('names', nargs='+', help='waveforms, or presets')
  parser.add_argument('path', help='file of the waveforms')
  parser.add_argument('--emodb', help='folder that contains wav/')
  arguments = parser.parse_args()
  if arguments.names == ['waveforms']:
    write_waveforms(arguments.emodb, arguments.path)
    return
  if arguments.names == ['librosa_words']:
    make_librosa_words()
    return
  with np.load(arguments.path) as waves:
    for name in arguments.names:
      if name == 'around':
        make_around()
      else:
        make(name, waves)


if __name__ == '__main__':
  main()
