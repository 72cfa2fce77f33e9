"""Twin of the separable network in numpy, float64, one utterance at a time.

Written from the layer table, not from `sernet_jax.nn.networks`: cells one by
one, without masks or padding of utterances.
"""

from __future__ import annotations

import numpy as np

EPSILON = 1e-3


def sigmoid(x):
  return 1 / (1 + np.exp(-x))


def conv(x, kernel, bias):
  """3 x 3, every second cell: a frame of zeros at both ends, no other band."""
  padded = np.pad(x, ((1, 1), (0, 0), (0, 0)))
  rows, columns = (len(padded) - 3) // 2 + 1, (x.shape[1] - 3) // 2 + 1
  y = np.zeros((rows, columns, kernel.shape[3])) + bias
  for t in range(rows):
    for f in range(columns):
      cell = padded[2 * t : 2 * t + 3, 2 * f : 2 * f + 3]
      y[t, f] += np.tensordot(cell, kernel, 3)
  return y


def depthwise(x, kernel):
  """3 x 3 of each channel alone, the same size; kernel (3, 3, 1, c)."""
  padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
  y = np.zeros_like(x)
  for t in range(x.shape[0]):
    for f in range(x.shape[1]):
      cell = padded[t : t + 3, f : f + 3]
      y[t, f] = (cell * kernel[:, :, 0]).sum(axis=(0, 1))
  return y


def max_pool(x):
  """3 x 3, every second cell; bands as TensorFlow pads SAME."""
  rows, columns = -(-x.shape[0] // 2), -(-x.shape[1] // 2)
  first = ((columns - 1) * 2 + 3 - x.shape[1]) // 2
  y = np.empty((rows, columns, x.shape[2]))
  for t in range(rows):
    for f in range(columns):
      left = 2 * f - first
      cell = x[2 * t : 2 * t + 3, max(left, 0) : left + 3]
      y[t, f] = cell.max(axis=(0, 1))
  return y


def gru(x, arrays):
  """Outputs of every step; reset before the product with the state."""
  units = arrays['recurrent'].shape[0]
  own = [slice(k * units, (k + 1) * units) for k in range(3)]
  kernel, recurrent, bias = (
    [arrays[name][..., part] for part in own]
    for name in ('kernel', 'recurrent', 'bias')
  )
  hidden, outputs = np.zeros(units), []
  for now in x:
    given = [now @ kernel[k] + bias[k] for k in range(3)]
    reset = sigmoid(given[0] + hidden @ recurrent[0])
    update = sigmoid(given[1] + hidden @ recurrent[1])
    new = np.tanh(given[2] + (reset * hidden) @ recurrent[2])
    hidden = update * hidden + (1 - update) * new
    outputs.append(hidden)
  return np.array(outputs)


def loss(params, utterances, labels, blocks):
  """Mean focal loss (gamma 2) of a training step, statistics of the batch.

  Args:
    params: layer -> array -> float64.
    utterances: each (frames, bands), of its own length.
    labels: a class for each.
    blocks: how many.
  """
  frames = np.concatenate(utterances)
  mean, variance = frames.mean(axis=0), frames.var(axis=0)
  back = params.get('back', params['ahead'])
  losses = []
  for x, label in zip(utterances, labels, strict=True):
    x = ((x - mean) / np.sqrt(variance + EPSILON))[:, :, None]
    x = np.maximum(conv(x, **params['conv']), 0)
    for number in range(1, blocks + 1):
      one, two = params[f'expand{number}'], params[f'project{number}']
      y = np.maximum(x @ one['kernel'][0, 0] + one['bias'], 0)
      y = np.maximum(depthwise(y, params[f'depthwise{number}']['kernel']), 0)
      y = y @ two['kernel'][0, 0] + two['bias']
      x = max_pool(y) if number == 1 else x + y
    x = x.reshape(len(x), -1)
    x = np.concatenate(
      [gru(x, params['ahead']), gru(x[::-1], back)[::-1]], axis=1
    )
    score = sigmoid(x @ params['score']['kernel'] + params['score']['bias'])
    score = np.exp(score[:, 0] * params['score_scale']['values'])
    x = score / score.sum() @ x
    x = x @ params['dense']['kernel'] + params['dense']['bias']
    x = np.where(x > 0, x, params['prelu']['slope'] * x)
    logits = x @ params['head']['kernel'] + params['head']['bias']
    share = (np.exp(logits) / np.exp(logits).sum())[label]
    losses.append(-((1 - share) ** 2) * np.log(share))
  return np.mean(losses)
