"""Twin of the 3-D ACRNN in numpy, float64, with loops where they are plainer.

Written from the layer table of the paper, not from `sernet_jax.nn.networks`:
one utterance at a time, without masks or padding, gates one by one.
"""

from __future__ import annotations

import numpy as np

EPSILON = 1e-3


def sigmoid(x):
  return 1 / (1 + np.exp(-x))


def leaky(x):
  return np.where(x > 0, x, 0.01 * x)


def conv(x, kernel, bias):
  """Same convolution of (t, f, c) by (5, 3, c, o)."""
  tall, wide = kernel.shape[:2]
  padded = np.zeros((x.shape[0] + tall - 1, x.shape[1] + wide - 1, x.shape[2]))
  top, left = tall // 2, wide // 2
  padded[top : top + x.shape[0], left : left + x.shape[1]] = x
  y = np.zeros((*x.shape[:2], kernel.shape[3])) + bias
  for t in range(x.shape[0]):
    for f in range(x.shape[1]):
      patch = padded[t : t + tall, f : f + wide]
      y[t, f] += np.tensordot(patch, kernel, 3)
  return y


def max_pool(x, tall, wide):
  rows, columns = -(-x.shape[0] // tall), -(-x.shape[1] // wide)
  y = np.empty((rows, columns, x.shape[2]))
  for t in range(rows):
    for f in range(columns):
      cell = x[t * tall : (t + 1) * tall, f * wide : (f + 1) * wide]
      y[t, f] = cell.max(axis=(0, 1))
  return y


def lstm(x, arrays):
  """Outputs of every step; gates in the order input, forget, candidate, output."""
  units = arrays['recurrent'].shape[0]
  hidden, cell, outputs = np.zeros(units), np.zeros(units), []
  for now in x:
    z = now @ arrays['kernel'] + hidden @ arrays['recurrent'] + arrays['bias']
    i, f, g, o = (z[k * units : (k + 1) * units] for k in range(4))
    cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
    hidden = sigmoid(o) * np.tanh(cell)
    outputs.append(hidden)
  return np.array(outputs)


def loss(params, utterances, labels, convolutions, pool, bands):
  """Mean cross-entropy of a training step, statistics of the batch.

  Args:
    params: layer -> array -> float64.
    utterances: each (frames, 3 * bands), of its own length.
    labels: a class for each.
    convolutions: how many.
    pool: (frames, bands).
    bands: mel bands.
  """
  frames = np.concatenate(utterances)
  mean, variance = frames.mean(axis=0), frames.var(axis=0)
  dense = []
  for x in utterances:
    x = (x - mean) / np.sqrt(variance + EPSILON)
    x = np.stack([x[:, k * bands : (k + 1) * bands] for k in range(3)], axis=2)
    for number in range(1, convolutions + 1):
      x = leaky(conv(x, **params[f'conv{number}']))
      if number == 1:
        x = max_pool(x, *pool)
    x = x.reshape(len(x), -1)
    x = x @ params['linear']['kernel'] + params['linear']['bias']
    back = lstm(x[::-1], params['back'])[::-1]
    x = np.concatenate([lstm(x, params['ahead']), back], axis=1)
    score = sigmoid(x @ params['score']['kernel'] + params['score']['bias'])
    score = score[:, 0] * params['score_scale']['values']
    weight = np.exp(score) / np.exp(score).sum()
    dense.append(
      weight @ x @ params['dense']['kernel'] + params['dense']['bias']
    )
  x = np.array(dense)
  x = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + EPSILON)
  x = leaky(x * params['norm']['scale'] + params['norm']['offset'])
  logits = x @ params['head']['kernel'] + params['head']['bias']
  shares = np.exp(logits - logits.max(axis=1, keepdims=True))
  shares /= shares.sum(axis=1, keepdims=True)
  return -np.mean(np.log(shares[np.arange(len(labels)), labels]))
