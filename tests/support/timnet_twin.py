"""Twin of TIM-Net in numpy, float64, from the description of its code.

Not from `sernet_jax.nn.networks`: both directions as separate sequences, each
causal convolution frame by frame.
"""

from __future__ import annotations

import numpy as np

EPSILON = 1e-3


def causal(x, kernel, bias, apart):
  """Convolution of two frames `apart` of each other; x is (b, t, c)."""
  y = np.zeros((*x.shape[:2], kernel.shape[-1])) + bias
  for t in range(x.shape[1]):
    y[:, t] += x[:, t] @ kernel[1, 0]
    if t >= apart:
      y[:, t] += x[:, t - apart] @ kernel[0, 0]
  return y


def loss(params, x, labels, levels, smoothing):
  """Mean smoothed cross-entropy of a training step, without dropped channels.

  Args:
    params: layer -> array -> float64.
    x: (examples, frames, coefficients).
    labels: a class for each.
    levels: how many.
    smoothing: share of the target that all classes have alike.

  Returns:
    The loss, and layer -> (mean, variance) of the batch.
  """
  moments, means = {}, [0.0] * levels
  for way, y in (('ahead', x), ('back', x[:, ::-1])):
    y = y @ params[way]['kernel'][0, 0] + params[way]['bias']
    for level in range(1, levels + 1):
      z = y
      for number in (1, 2):
        name = f'{way}{level}_{number}'
        z = causal(z, **params[name], apart=2 ** (level - 1))
        rows, own = z.reshape(-1, z.shape[-1]), params[f'{name}_norm']
        mean, variance = rows.mean(axis=0), rows.var(axis=0)
        moments[f'{name}_norm'] = mean, variance
        z = (z - mean) / np.sqrt(variance + EPSILON)
        z = np.maximum(z * own['scale'] + own['offset'], 0)
      y = y / (1 + np.exp(-z))
      means[level - 1] = means[level - 1] + y.mean(axis=1)
  weights = params['levels']['values']
  x = sum(w * m for w, m in zip(weights, means, strict=True))
  logits = x @ params['head']['kernel'] + params['head']['bias']
  classes = logits.shape[1]
  target = np.full(logits.shape, smoothing / classes)
  target[np.arange(len(labels)), labels] += 1 - smoothing
  shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
  return -np.mean(np.sum(target * np.log(shares), axis=1)), moments
