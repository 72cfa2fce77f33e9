"""Twin of the dilated residual network in numpy, float64.

Written from the layer table, not from `sernet_jax.nn.networks`: one utterance
at a time without padding, frames and heads one by one; the statistics of a
BatchNorm are gathered over the list of utterances.
"""

from __future__ import annotations

import numpy as np

EPSILON = 1e-3
# Stage -> (frames of its kernels, dilation, whether it is halved).
STAGES = {1: (5, 1, True), 2: (5, 1, True), 3: (3, 2, False), 4: (3, 4, False)}


def relu(x):
  return np.maximum(x, 0)


def norm(maps, scale=1.0, offset=0.0):
  rows = np.concatenate(maps)
  mean, variance = rows.mean(axis=0), rows.var(axis=0)
  return [
    (x - mean) / np.sqrt(variance + EPSILON) * scale + offset for x in maps
  ]


def conv(x, kernel, bias=0.0, before=0, dilation=1, stride=1):
  """Frame by frame, zeros outside; x is (t, c), kernel (n, 1, c, o)."""
  y = []
  for start in range(0, len(x), stride):
    total = np.zeros(kernel.shape[-1]) + bias
    for tap in range(len(kernel)):
      at = start + tap * dilation - before
      if 0 <= at < len(x):
        total = total + x[at] @ kernel[tap, 0]
    y.append(total)
  return np.array(y)


def dense(arrays, x):
  return x @ arrays['kernel'] + arrays['bias']


def attention(params, x, heads):
  query, key, value = (dense(params[n], x) for n in ('query', 'key', 'value'))
  size = x.shape[1] // heads
  mixed = np.zeros_like(x)
  for head in range(heads):
    own = slice(head * size, (head + 1) * size)
    for t in range(len(x)):
      weights = np.exp(key[:, own] @ query[t, own] / np.sqrt(size))
      mixed[t, own] = weights / weights.sum() @ value[:, own]
  return dense(params['mixed'], mixed)


def loss(params, utterances, labels, heads):
  """Mean cross-entropy of a training step, statistics of the batch.

  Args:
    params: layer -> array -> float64.
    utterances: each (frames, bands), of its own length.
    labels: a class for each.
    heads: of the attention.
  """
  maps = [conv(x, **params['conv'], before=4) for x in norm(utterances)]
  for stage, (size, dilation, halved) in STAGES.items():
    widen = params[f'widen{stage}']
    maps = [conv(x, **widen, stride=2 if halved else 1) for x in maps]
    for first in (1, 3):
      y = maps
      for number in (first, first + 1):
        name = f'stage{stage}_{number}'
        y = [
          conv(
            x,
            params[name]['kernel'],
            before=(size - 1) // 2 * dilation,
            dilation=dilation,
          )
          for x in y
        ]
        y = norm(y, **params[f'{name}_norm'])
        if number == first:
          y = [relu(x) for x in y]
      maps = [relu(a + b) for a, b in zip(maps, y, strict=True)]
  losses = []
  for x, label in zip(maps, labels, strict=True):
    x = attention(params, x, heads).mean(axis=0)
    x = relu(dense(params['dense2'], relu(dense(params['dense1'], x))))
    logits = dense(params['head'], x)
    losses.append(np.log(np.exp(logits).sum()) - logits[label])
  return np.mean(losses)
