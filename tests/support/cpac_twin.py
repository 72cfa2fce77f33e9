"""Twin of CPAC in numpy, float64, one utterance and one capsule at a time.

Written from the authors' layers, not from `sernet_jax.nn.networks`.
"""

from __future__ import annotations

import numpy as np


def conv(x, kernel, bias):
  """3 x 3 of (t, f, c), only where all of it lies inside."""
  rows, columns = x.shape[0] - 2, x.shape[1] - 2
  y = np.zeros((rows, columns, kernel.shape[3])) + bias
  for t in range(rows):
    for f in range(columns):
      y[t, f] += np.tensordot(x[t : t + 3, f : f + 3], kernel, 3)
  return y


def average_pool(x):
  y = np.empty((x.shape[0] // 2, x.shape[1] // 2, x.shape[2]))
  for t in range(y.shape[0]):
    for f in range(y.shape[1]):
      y[t, f] = x[2 * t : 2 * t + 2, 2 * f : 2 * f + 2].mean(axis=(0, 1))
  return y


def elu(x):
  return np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1)


def squashed(vector):
  square = vector @ vector
  return square / (1 + square) * vector / np.sqrt(square + 1e-7)


def softmax(scores):
  weights = np.exp(scores - scores.max())
  return weights / weights.sum()


def routed(votes):
  """Votes [n][k] of n capsules for k, three rounds."""
  count, above = len(votes), votes.shape[1]
  agreed = np.zeros((count, above))
  for number in (1, 2, 3):
    shares = np.array([softmax(row) for row in agreed])
    sums = [
      sum(shares[n, k] * votes[n, k] for n in range(count))
      for k in range(above)
    ]
    if number < 3:
      units = [one / np.linalg.norm(one) for one in sums]
      agreed = np.array(
        [[units[k] @ votes[n, k] for k in range(above)] for n in range(count)]
      )
  return [squashed(one) for one in sums]


def pooled(params, stats, x, size, capsules):
  """What the head reads of one utterance (frames, coefficients)."""
  x = x[:, :, None]
  for number in (1, 2, 3):
    name = f'conv{number}'
    x = conv(x, **params[name])
    own, moments = params[f'{name}_norm'], stats[f'{name}_norm']
    x = (x - moments['mean']) / np.sqrt(moments['variance'] + 1e-3)
    x = average_pool(elu(x * own['scale'] + own['offset']))
  x = conv(x, **params['primary'])
  vectors = [squashed(vector) for vector in x.reshape(-1, size)]
  votes = []
  for vector in vectors:
    scores = np.array([vector @ other for other in vectors])
    shares = softmax(scores * params['attention']['scale'])
    seen = sum(s * other for s, other in zip(shares, vectors, strict=True))
    vote = (vector * seen) @ params['routing']['kernel']
    votes.append(vote.reshape(capsules, size))
  return np.mean(routed(np.array(votes)), axis=0)


def loss(params, stats, utterances, labels, size, capsules):
  """Mean cross-entropy of a training step.

  Args:
    params: layer -> array -> float64.
    stats: statistics of BatchNorm, which no step moves.
    utterances: each (frames, coefficients).
    labels: a class for each.
    size: numbers of a capsule.
    capsules: of the last layer.
  """
  losses = []
  for x, label in zip(utterances, labels, strict=True):
    vector = pooled(params, stats, x, size, capsules)
    logits = vector @ params['head']['kernel'] + params['head']['bias']
    losses.append(np.log(np.exp(logits).sum()) - logits[label])
  return np.mean(losses)
