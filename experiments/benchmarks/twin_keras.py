"""Light-SERNet in Keras and TensorFlow, our own twin, for the benchmark alone.

From waveform to probabilities, and one step of training as a `tf.function`,
compiled by XLA or not, in float32 or in Keras' mixed precision. Weights come by
the names of the authors' Keras model.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from sernet_jax import features
from sernet_jax.nn.spec import ModelSpec

SPEC = features.MfccSpec()


def network(num_classes: int = 7) -> keras.Model:
  """(batch, frames, coefficients, 1) to logits."""

  def block(x, number, layer):
    suffix = f'_{number}' if number else ''
    penalty = keras.regularizers.l2(1e-6) if layer.l2 else None
    x = keras.layers.Conv2D(
      layer.outputs, layer.kernel, padding='same', use_bias=layer.bias,
      kernel_regularizer=penalty, name=f'conv2d{suffix}',
    )(x)  # fmt: skip
    x = keras.layers.BatchNormalization(name=f'batch_normalization{suffix}')(x)
    x = keras.layers.ReLU()(x)
    if layer.pool is None:
      return keras.layers.GlobalAveragePooling2D()(x)
    return keras.layers.AveragePooling2D(layer.pool, padding='same')(x)

  x = inputs = keras.Input((184, 40, 1))
  spec = ModelSpec(num_classes=num_classes)
  paths = [
    block(x, number, layer) for number, layer in enumerate(spec.layers('path'))
  ]
  x = keras.layers.Concatenate()(paths)
  for number, layer in enumerate(spec.layers('block'), start=len(paths)):
    x = block(x, number, layer)
  x = keras.layers.Dropout(spec.dropout)(x)
  # As Keras' guide to mixed precision has it: the last layer in float32.
  x = keras.layers.Dense(num_classes, name='dense', dtype='float32')(x)
  return keras.Model(inputs, x)


class Twin:
  """The methods that the benchmark asks of every peer."""

  def __init__(
    self, weights, x, y, waveforms, threads, compiled=False, bfloat16=False
  ):
    if bfloat16:
      keras.mixed_precision.set_global_policy('mixed_bfloat16')
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    self.network = network()
    for variable in self.network.variables:
      if variable.path in weights:
        variable.assign(weights[variable.path])
    self.x, self.y = tf.constant(x), tf.constant(y)
    self.waveforms = tf.constant(waveforms)
    self.optimizer = keras.optimizers.Adam(1e-4)
    self.optimizer.build(self.network.trainable_variables)
    self.window = tf.constant(np.asarray(features.window(SPEC), np.float32))
    self.mel = tf.constant(np.asarray(features.mel_matrix(SPEC), np.float32))
    self.dct = tf.constant(np.asarray(features.dct_matrix(SPEC), np.float32))
    self.train = tf.function(self._train, jit_compile=compiled)
    self.given = tf.function(self._probabilities, jit_compile=compiled)
    self.whole = tf.function(
      lambda waveforms: self._probabilities(self._features(waveforms)),
      jit_compile=compiled,
    )

  def _train(self):
    with tf.GradientTape() as tape:
      logits = self.network(self.x, training=True)
      loss = keras.losses.sparse_categorical_crossentropy(
        self.y, logits, from_logits=True
      )
      loss = tf.reduce_mean(loss) + tf.add_n(self.network.losses)
    variables = self.network.trainable_variables
    gradients = tape.gradient(loss, variables)
    self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
    return loss

  def steps(self, count: int) -> None:
    """Training steps, one after another."""
    for _ in range(count):
      self.step()

  def step(self) -> None:
    """One training step: forward, backward, update."""
    self.train().numpy()

  def infer(self, count: int) -> np.ndarray:
    """Waveforms to probabilities (count, classes)."""
    return self.whole(self.waveforms[:count]).numpy()

  def classify(self, count: int) -> np.ndarray:
    """Features to probabilities (count, classes)."""
    return self.given(self.x[:count]).numpy()

  def _features(self, waveforms):
    frames = tf.signal.frame(waveforms, 1024, 256)
    spectrum = tf.abs(tf.signal.rfft(frames * self.window))
    log_mel = tf.math.log(spectrum @ self.mel + 1e-6)
    return tf.clip_by_value(log_mel @ self.dct, -10.0, 10.0)[..., None]

  def _probabilities(self, x):
    return tf.nn.softmax(self.network(x, training=False))
