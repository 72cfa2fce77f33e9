"""Checks by hand that Keras and this package read each other's files.

Three steps, because the package and TensorFlow need not share an environment:

  python -m tests.manual.keras_files keras FOLDER     # with Keras
  python -m tests.manual.keras_files jax FOLDER       # with sernet_jax
  python -m tests.manual.keras_files back FOLDER      # with Keras

`keras` builds the network in Keras with random weights and saves it in every
layout; `jax` reads each, prints the largest difference of probabilities, and
writes its weights back; `back` loads those in Keras and compares. With
--flavour=tf_keras it is Keras 2.
"""

from __future__ import annotations

import argparse
import pathlib

import numpy as np

FILES = ('full.h5', 'full.keras', 'only.weights.h5')
BACK = ('back.h5', 'back.weights.h5')
_PATHS = ((11, 1), (1, 9), (3, 3))
_BLOCKS = ((64, 3, (2, 2)), (96, 3, (2, 2)), (128, 3, (2, 1)), (160, 3, (2, 1)))


def network(keras):
  """Light-SERNet for seven classes."""
  layers = keras.layers

  def block(x, filters, kernel, pool, bias):
    x = layers.Conv2D(filters, kernel, padding='same', use_bias=bias)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    if pool is None:
      return layers.GlobalAveragePooling2D()(x)
    return layers.AveragePooling2D(pool, padding='same')(x)

  start = keras.Input((None, 40, 1))
  x = layers.Concatenate()(
    [block(start, 32, kernel, (2, 2), True) for kernel in _PATHS]
  )
  for filters, kernel, pool in _BLOCKS:
    x = block(x, filters, kernel, pool, False)
  x = layers.Dropout(0.3)(block(x, 320, 1, None, False))
  return keras.Model(start, layers.Dense(7, activation='softmax')(x))


def save_all(keras, folder: pathlib.Path) -> None:
  """Files of every layout, an input and the probabilities for it."""
  random = np.random.default_rng(1)
  network(keras)  # so that the layers that count are numbered from 8
  model = network(keras)
  values = []
  for variable, old in zip(model.weights, model.get_weights(), strict=True):
    fan_in = max(1, np.prod(old.shape[:-1]))
    value = random.normal(size=old.shape) / np.sqrt(fan_in)
    if 'variance' in variable.name:
      value = np.abs(value) + 0.5
    values.append(value.astype(np.float32))
  model.set_weights(values)
  model.compile('adam', 'categorical_crossentropy')
  folder.mkdir(parents=True, exist_ok=True)
  x = 3 * random.normal(size=(3, 184, 40, 1)).astype(np.float32)
  np.savez(folder / 'xy.npz', x=x, y=model.predict(x, verbose=0))
  for name in FILES[:2]:
    model.save(folder / name)
  model.save_weights(folder / FILES[2])


def compare_here(folder: pathlib.Path) -> None:
  """Reads Keras' files with the package and writes its own."""
  import jax

  from sernet_jax.nn import interop, model

  with np.load(folder / 'xy.npz') as file:
    x, y = file['x'], file['y']
  for name in FILES:
    params, stats = interop.from_keras(folder / name)
    spec = interop.spec_of(params)
    logits, _ = model.apply(spec, params, stats, x, train=False)
    print(name, np.abs(np.asarray(jax.nn.softmax(logits)) - y).max())
  for name in BACK:
    interop.write_keras_weights(folder / name, params, stats)


def compare_there(keras, folder: pathlib.Path) -> None:
  """Loads what the package wrote into a fresh Keras model."""
  with np.load(folder / 'xy.npz') as file:
    x, y = file['x'], file['y']
  for name in BACK:
    model = network(keras)
    model.load_weights(folder / name)
    print(name, np.abs(model.predict(x, verbose=0) - y).max())


def main() -> None:
  """The command."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('step', choices=('keras', 'jax', 'back'))
  parser.add_argument('folder', type=pathlib.Path)
  parser.add_argument(
    '--flavour', choices=('keras', 'tf_keras'), default='keras'
  )
  args = parser.parse_args()
  if args.step == 'jax':
    compare_here(args.folder)
    return
  import importlib

  keras = importlib.import_module(args.flavour)
  step = save_all if args.step == 'keras' else compare_there
  step(keras, args.folder)


if __name__ == '__main__':
  main()
