"""Twin of the LFLB network in numpy, float64, one utterance at a time.

Written from the layer table, not from `sernet_jax.nn.networks`: cells one by
one and gate by gate, without masks or padding of utterances; the statistics of
a BatchNorm are gathered over the list of utterances.
"""

from __future__ import annotations

import numpy as np

EPSILON = 1e-3


def sigmoid(x):
  return 1 / (1 + np.exp(-x))


def elu(x):
  return np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1)


def conv(x, kernel, bias):
  """3 x 3 of (t, f, c), a cell of zeros on every side."""
  padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
  y = np.zeros((*x.shape[:2], kernel.shape[3])) + bias
  for t in range(x.shape[0]):
    for f in range(x.shape[1]):
      y[t, f] += np.tensordot(padded[t : t + 3, f : f + 3], kernel, 3)
  return y


def norm(maps, scale, offset):
  cells = np.concatenate([x.reshape(-1, x.shape[-1]) for x in maps])
  mean, variance = cells.mean(axis=0), cells.var(axis=0)
  return [
    (x - mean) / np.sqrt(variance + EPSILON) * scale + offset for x in maps
  ]


def max_pool(x, size):
  rows, columns = -(-x.shape[0] // size), -(-x.shape[1] // size)
  y = np.empty((rows, columns, x.shape[2]))
  for t in range(rows):
    for f in range(columns):
      cell = x[t * size : (t + 1) * size, f * size : (f + 1) * size]
      y[t, f] = cell.max(axis=(0, 1))
  return y


def last_state(x, arrays):
  """Output of the last step; gates: input, forget, candidate, output."""
  units = arrays['recurrent'].shape[0]
  hidden, cell = np.zeros(units), np.zeros(units)
  for now in x:
    z = now @ arrays['kernel'] + hidden @ arrays['recurrent'] + arrays['bias']
    i, f, g, o = (z[k * units : (k + 1) * units] for k in range(4))
    cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
    hidden = sigmoid(o) * np.tanh(cell)
  return hidden


def loss(params, utterances, labels, pools):
  """Mean cross-entropy of a training step, statistics of the batch.

  Args:
    params: layer -> array -> float64.
    utterances: each (frames, bands), of its own length.
    labels: a class for each.
    pools: frames and bands that each block makes one.
  """
  maps = [x[:, :, None] for x in utterances]
  for number, size in enumerate(pools, 1):
    maps = [conv(x, **params[f'conv{number}']) for x in maps]
    maps = norm(maps, **params[f'conv{number}_norm'])
    maps = [max_pool(elu(x), size) for x in maps]
  losses = []
  for x, label in zip(maps, labels, strict=True):
    x = last_state(x.reshape(len(x), -1), params['lstm'])
    logits = x @ params['head']['kernel'] + params['head']['bias']
    losses.append(np.log(np.exp(logits).sum()) - logits[label])
  return np.mean(losses)
