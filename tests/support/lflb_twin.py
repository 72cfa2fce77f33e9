"""Twin of the LFLB network in numpy, float64, one utterance at a time.

Written from the layer table, not from `sernet_jax.nn.networks`: cells one by
one and gate by gate, without masks or padding of utterances; the statistics of
a BatchNorm are gathered over the list of utterances.
"""

from __future__ import annotations

import numpy as np
from acrnn_twin import conv, lstm, max_pool

EPSILON = 1e-3


def elu(x):
  return np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1)


def norm(maps, scale, offset):
  cells = np.concatenate([x.reshape(-1, x.shape[-1]) for x in maps])
  mean, variance = cells.mean(axis=0), cells.var(axis=0)
  return [
    (x - mean) / np.sqrt(variance + EPSILON) * scale + offset for x in maps
  ]


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
    maps = [max_pool(elu(x), size, size) for x in maps]
  losses = []
  for x, label in zip(maps, labels, strict=True):
    x = lstm(x.reshape(len(x), -1), params['lstm'])[-1]
    logits = x @ params['head']['kernel'] + params['head']['bias']
    losses.append(np.log(np.exp(logits).sum()) - logits[label])
  return np.mean(losses)
