"""Twin of the multi-path network in numpy, float64, one utterance at a time.

Written from the layer table, not from `sernet_jax.nn.networks`: cells one by
one, without masks or padding of utterances.
"""

from __future__ import annotations

import numpy as np

EPSILON = 1e-3


def standardized(rows):
  return (rows - rows.mean(axis=0)) / np.sqrt(rows.var(axis=0) + EPSILON)


def conv(x, kernel, bias):
  """Same size; of an even kernel the odd cell lies behind."""
  tall, wide = kernel.shape[:2]
  top, left = (tall - 1) // 2, (wide - 1) // 2
  padded = np.pad(x, ((top, tall - 1 - top), (left, wide - 1 - left)))
  y = np.zeros((*x.shape, kernel.shape[3])) + bias
  for t in range(x.shape[0]):
    for f in range(x.shape[1]):
      cell = padded[t : t + tall, f : f + wide]
      y[t, f] += np.tensordot(cell, kernel[:, :, 0], 2)
  return y


def quarters(x):
  """Largest value of each; a middle row or column belongs to both halves."""
  (rows, columns), found = x.shape[:2], []
  for tall in (slice(0, -(-rows // 2)), slice(rows // 2, rows)):
    for wide in (slice(0, -(-columns // 2)), slice(columns // 2, columns)):
      found.append(x[tall, wide].max(axis=(0, 1)))
  return np.concatenate(found)


def dense(arrays, x):
  return np.maximum(x @ arrays['kernel'] + arrays['bias'], 0)


def said(params, phonemes, paths):
  """The largest value of each map over the phonemes of an utterance.

  Args:
    params: layer -> array -> float64.
    phonemes: numbers from 1.
    paths: how many.
  """
  x = params['phonemes']['kernel'][np.array(phonemes) - 1]  # (places, size)
  found = []
  for n in range(1, paths + 1):
    kernel, bias = (params[f'phoneme_path{n}'][k] for k in ('kernel', 'bias'))
    tall, top = len(kernel), (len(kernel) - 1) // 2
    padded = np.pad(x, ((top, tall - 1 - top), (0, 0)))
    rows = [
      np.tensordot(padded[t : t + tall], kernel[:, 0], 2) for t in range(len(x))
    ]
    found.append(np.max(rows, axis=0) + bias)
  return np.concatenate(found)


def loss(params, utterances, labels, paths, phonemes=None, phoneme_paths=0):
  """Mean cross-entropy of a training step, statistics of the batch.

  Args:
    params: layer -> array -> float64.
    utterances: each (frames, bands), of its own length.
    labels: a class for each.
    paths: how many.
    phonemes: of each utterance, numbers from 1; None for a network without.
    phoneme_paths: how many.
  """
  lengths = [len(x) for x in utterances]
  frames = standardized(np.concatenate(utterances))
  joined = []
  for x in np.split(frames, np.cumsum(lengths)[:-1]):
    maps = [conv(x, **params[f'path{n}']) for n in range(1, paths + 1)]
    joined.append(np.concatenate([quarters(y) for y in maps]))
  x = standardized(np.maximum(np.array(joined), 0))
  x = dense(params['dense1'], x)
  if phonemes is not None:
    maxima = [said(params, each, phoneme_paths) for each in phonemes]
    other = standardized(np.maximum(np.array(maxima), 0))
    x = np.concatenate([x, dense(params['phoneme_dense'], other)], axis=1)
  x = dense(params['dense2'], standardized(x))
  logits = x @ params['head']['kernel'] + params['head']['bias']
  shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
  return -np.mean(np.log(shares[np.arange(len(labels)), labels]))
