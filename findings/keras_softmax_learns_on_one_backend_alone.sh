#!/usr/bin/env bash
# A Keras model learns with TensorFlow underneath, and never with JAX.
#
# Versions: keras 3.15.1, tensorflow-cpu 2.21.0, jax 0.10.2, jaxlib 0.10.2,
# numpy 2.4.6, Python 3.11, x86-64.
# Date: 2026-11-30.
#
# A softmax layer on features of a few hundred, as MFCC are that nobody
# standardized, starts out sure of the wrong class: logits of 200 and -200. The
# same code is trained by `fit` for 20 epochs, with 'categorical_crossentropy'.
#
# Expected: the same loss and the same learning. The loss gets probabilities,
# and the documentation of Keras 3 promises one behaviour on all backends.
# Seen: on TensorFlow the loss finds the logits from which the softmax was
# computed, so that it is right to the last digit and has a gradient. On JAX it
# cannot, and clips the probabilities to 1e-7, beyond which the gradient is 0:
#   tensorflow: loss 500 -> 0, weights moved
#   jax: loss 16.12 -> 16.12, weights as they were
#   jax, from_logits=True: loss 500 -> 0, weights moved
# What to do: leave the softmax out of the layers and give the loss
# from_logits=True. A port of a TensorFlow model that "does not learn" may have
# the published layers and rate, and the other loss.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 tensorflow-cpu==2.21.0 \
  jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
cd "$folder"
cat > trained.py <<'PYTHON'
import sys

import keras
import numpy as np

name, from_logits = sys.argv[1], len(sys.argv) > 2
features = 100 * np.array([[1], [2], [3], [4]], 'float32')
labels = keras.utils.to_categorical([1, 1, 1, 1], 2)
before = np.array([[1, -1]], 'float32')  # sure of class 0
activation = None if from_logits else 'softmax'
model = keras.Sequential(
  [keras.Input((1,)), keras.layers.Dense(2, activation=activation)]
)
model.layers[0].set_weights([before, np.zeros(2, 'float32')])
model.compile(
  optimizer=keras.optimizers.SGD(0.001),
  loss=keras.losses.CategoricalCrossentropy(from_logits=from_logits),
)
losses = model.fit(features, labels, epochs=20, verbose=0).history['loss']
moved = not np.array_equal(model.layers[0].get_weights()[0], before)
print(
  f'{name}: loss {losses[0]:.4g} -> {losses[-1]:.4g}, weights',
  'moved' if moved else 'as they were',
)
PYTHON
export JAX_PLATFORMS=cpu TF_CPP_MIN_LOG_LEVEL=3
python() { "$folder/venv/bin/python" trained.py "$@" 2> log || { cat log >&2; exit 1; }; }
{
  KERAS_BACKEND=tensorflow python tensorflow
  KERAS_BACKEND=jax python jax
  KERAS_BACKEND=jax python 'jax, from_logits=True' logits
} | tee seen
diff seen - <<'EXPECTED'
tensorflow: loss 500 -> 0, weights moved
jax: loss 16.12 -> 16.12, weights as they were
jax, from_logits=True: loss 500 -> 0, weights moved
EXPECTED
echo 'as described'
