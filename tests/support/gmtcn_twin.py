"""Twin of GM-TCN in numpy, float64, one utterance and one convolution at a time.

Written from the layer table, not from `sernet_jax.nn.networks`; no padding of
utterances.
"""

from __future__ import annotations

import numpy as np


def causal(x, arrays, apart):
  """Each frame and the one `apart` before it, zeros before the first."""
  kernel, y = arrays['kernel'], []
  for t in range(len(x)):
    now = x[t] @ kernel[1, 0] + arrays['bias']
    y.append(now + x[t - apart] @ kernel[0, 0] if t >= apart else now)
  return np.array(y)


def stage(params, prefix, x, apart):
  total = 0
  for number in (1, 2, 3):
    value = np.maximum(causal(x, params[f'{prefix}_value{number}'], apart), 0)
    gate = np.maximum(causal(x, params[f'{prefix}_gate{number}'], apart), 0)
    total = total + value / (1 + np.exp(-gate))
  return total / 3


def loss(params, utterances, labels, levels):
  """Mean cross-entropy of a training step.

  Args:
    params: layer -> array -> float64.
    utterances: each (frames, coefficients), of its own length.
    labels: a class for each.
    levels: how many.
  """
  losses = []
  for x, label in zip(utterances, labels, strict=True):
    x = x @ params['first']['kernel'][0, 0] + params['first']['bias']
    skipped = np.zeros_like(x)
    for level in range(1, levels + 1):
      y = x
      for number, apart in ((1, 2 ** (level - 1)), (2, 2**level)):
        y = stage(params, f'level{level}_{number}', y, apart)
      x, skipped = x + y, skipped + y
    pooled = np.where(skipped > 0, skipped, 0.05 * skipped).mean(axis=0)
    logits = pooled @ params['head']['kernel'] + params['head']['bias']
    losses.append(np.log(np.exp(logits).sum()) - logits[label])
  return np.mean(losses)
