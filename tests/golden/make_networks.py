"""Makes tests/data/networks.npz: a step of each published network in PyTorch.

  # in an environment with numpy and torch; nothing else is needed
  PYTHONPATH=tests/support python tests/golden/make_networks.py

For each network, small, with every weight, statistic and utterance drawn at
random: the logits of a test, and of a training step the loss, the gradient of
every weight, what becomes of every statistic, and the loss after one step of
gradient descent. The versions stand in the array `how`.
"""

from __future__ import annotations

import importlib.metadata
import json
import pathlib
import zlib

import numpy as np
import torch
import torch_networks as twins
from small_sizes import SMALL
from torch.nn import functional

FILE = pathlib.Path(__file__).parents[1] / 'data' / 'networks.npz'
RATE = 0.1
LABELS = (0, 2, 1, 2)
SMOOTHING = 0.1
# Network -> its settings, without dropout.
FIELDS = {
  **SMALL,
  'multipath': {**SMALL['multipath'], 'path_dropout': 0.0},
  'timnet': {**SMALL['timnet'], 'block_dropout': 0.0},
}
# Network -> the settings that its twin asks for.
ASKED = {
  'acrnn': ('convolutions', 'bands'),
  'bcrnn': ('convolutions', 'bands'),
  'cpac': ('size', 'capsules'),
  'drn': ('heads',),
  'gmtcn': ('levels',),
  'lflb': ('pools',),
  'multipath': ('kernel_frames',),
  'timnet': ('levels',),
  'separable': ('blocks',),
}
# The frames of four utterances; where all frames count they are as many.
LENGTHS = {
  **dict.fromkeys(FIELDS, (24, 17, 21, 13)),
  'cpac': (46,) * 4,
  'gmtcn': (17,) * 4,
  'timnet': (17,) * 4,
}
WIDTHS = {'acrnn': 12, 'bcrnn': 12, 'cpac': 38, 'multipath': 7, 'separable': 9}
WIDTHS |= {'drn': 5, 'gmtcn': 5, 'lflb': 6, 'timnet': 5}
LOSSES = {'cpac': 'margin', 'separable': 'focal', 'timnet': 'smoothed'}


def _conv(*shape):
  return {'kernel': shape, 'bias': shape[-1:]}


_dense = _conv


def _norm(channels):
  return {'scale': (channels,), 'offset': (channels,)}


def _lstm(inputs, units, gates=4):
  return {
    'kernel': (inputs, gates * units),
    'recurrent': (units, gates * units),
    'bias': (gates * units,),
  }


def _attention(inputs):
  return {'score': _dense(inputs, 1), 'score_scale': {'values': (1,)}}


def shapes(name):
  """Layer -> array -> shape, without the head, from the layer tables."""
  if name in ('acrnn', 'bcrnn'):
    return {
      'conv1': _conv(5, 3, 3, 4),
      'conv2': _conv(5, 3, 4, 6),
      'linear': _dense(12, 8),
      'ahead': _lstm(8, 3),
      'back': _lstm(8, 3),
      **_attention(6),
      'dense': _dense(6, 5),
      'norm': _norm(5),
    }
  if name == 'cpac':
    return {
      **{f'conv{n}': _conv(3, 3, 1 if n == 1 else 3, 3) for n in (1, 2, 3)},
      **{f'conv{n}_norm': _norm(3) for n in (1, 2, 3)},
      'primary': _conv(3, 3, 3, 8),
      'attention': {'scale': (1,)},
      'routing': {'kernel': (4, 12)},
    }
  if name == 'drn':
    found = {'conv': _conv(10, 1, 5, 3)}
    before = 3
    for stage, channels in enumerate((4, 3, 4, 6), 1):
      frames, halved = (5, 2) if stage < 3 else (3, 1)
      found[f'widen{stage}'] = _conv(halved, 1, before, channels)
      for n in range(1, 5):
        kernel = {'kernel': (frames, 1, channels, channels)}
        found[f'stage{stage}_{n}'] = kernel
        found[f'stage{stage}_{n}_norm'] = _norm(channels)
      before = channels
    names = 'query', 'key', 'value', 'mixed'
    found |= {part: _dense(6, 6) for part in names}
    return found | {'dense1': _dense(6, 5), 'dense2': _dense(5, 5)}
  if name == 'gmtcn':
    return {
      'first': _conv(1, 1, 5, 5),
      **{
        f'level{level}_{half}_{kind}{n}': _conv(2, 1, 5, 5)
        for level in (1, 2)
        for half in (1, 2)
        for kind in ('value', 'gate')
        for n in (1, 2, 3)
      },
    }
  if name == 'lflb':
    channels = 1, 3, 4, 3, 5
    return {
      **{
        f'conv{n}': _conv(3, 3, channels[n - 1], channels[n])
        for n in (1, 2, 3, 4)
      },
      **{f'conv{n}_norm': _norm(channels[n]) for n in (1, 2, 3, 4)},
      'lstm': _lstm(5, 4),
    }
  if name == 'multipath':
    return {
      'path1': _conv(2, 4, 1, 3),
      'path2': _conv(3, 3, 1, 3),
      'dense1': _dense(24, 5),
      'dense2': _dense(5, 4),
    }
  if name == 'timnet':
    found = {'levels': {'values': (2,)}}
    for way in ('ahead', 'back'):
      found[way] = _conv(1, 1, 5, 5)
      for layer in ('1_1', '1_2', '2_1', '2_2'):
        found[f'{way}{layer}'] = _conv(2, 1, 5, 5)
        found[f'{way}{layer}_norm'] = _norm(5)
    return found
  found = {'conv': _conv(3, 3, 1, 3)}
  for n, (inputs, wide) in enumerate(((3, 4), (4, 5), (4, 5)), 1):
    found[f'expand{n}'] = _conv(1, 1, inputs, wide)
    found[f'depthwise{n}'] = {'kernel': (3, 3, 1, wide)}
    found[f'project{n}'] = _conv(1, 1, wide, 4)
  return {
    **found,
    'ahead': _lstm(8, 3, gates=3),
    **_attention(6),
    'dense': _dense(6, 5),
    'prelu': {'slope': (5,)},
  }


LAST = {'acrnn': 5, 'bcrnn': 5, 'cpac': 4, 'drn': 5, 'gmtcn': 5, 'lflb': 4}
LAST |= {'multipath': 4, 'timnet': 5, 'separable': 5}  # what the head reads
# BatchNorms without scale and offset -> channels.
PLAIN = {
  'acrnn': {'input': 12},
  'bcrnn': {'input': 12},
  'drn': {'input': 5},
  'multipath': {'input': 7, 'joined_norm': 24, 'dense1_norm': 5},
  'separable': {'input': 9},
}


def draw(name):
  """Returns weights, statistics and utterances of float32 numbers."""
  random = np.random.default_rng(zlib.crc32(name.encode()))
  # Signs are straight through up to 1 alone, so that some are beyond.
  wide = 2.0 if name == 'bcrnn' else 1.0

  def array(key, shape):
    if key in ('kernel', 'recurrent', 'values'):
      size = wide / np.sqrt(max(np.prod(shape[:-1]), 1))
      return random.normal(0, size, shape).astype(np.float32)
    middle = 1.0 if key == 'scale' else 0.0
    return (middle + random.uniform(0.1, 0.5, shape)).astype(np.float32)

  every = {**shapes(name), 'head': _dense(LAST[name], 3)}
  weights = {
    layer: {key: array(key, shape) for key, shape in own.items()}
    for layer, own in every.items()
  }
  channels = dict(PLAIN.get(name, {}))
  for layer, own in every.items():
    if 'offset' in own:
      (channels[layer],) = own['offset']
  statistics = {
    layer: {
      'mean': random.normal(0, 0.3, size).astype(np.float32),
      'variance': random.uniform(0.5, 1.5, size).astype(np.float32),
    }
    for layer, size in channels.items()
  }
  utterances = [
    random.normal(1.0, 2.0, (frames, WIDTHS[name])).astype(np.float32)
    for frames in LENGTHS[name]
  ]
  return weights, statistics, utterances


def loss(name, logits):
  """Mean loss of the batch, by the formula of the network's paper."""
  labels = torch.tensor(LABELS)
  kind = LOSSES.get(name)
  if kind == 'smoothed':
    return functional.cross_entropy(logits, labels, label_smoothing=SMOOTHING)
  if kind == 'focal':  # Lin et al. 2017, gamma 2
    cross = functional.cross_entropy(logits, labels, reduction='none')
    return ((1 - torch.exp(-cross)).square() * cross).mean()
  if kind == 'margin':  # Sabour et al. 2017
    shares = torch.softmax(logits, dim=1)
    target = functional.one_hot(labels, 3) * (1 - SMOOTHING) + SMOOTHING / 3
    present = torch.relu(0.9 - shares).square()
    absent = torch.relu(shares - 0.1).square()
    return (target * present + 0.5 * (1 - target) * absent).sum(dim=1).mean()
  return functional.cross_entropy(logits, labels)


def exact(tree, gradient=False):
  """The same numbers as float64 tensors."""
  return {
    layer: {
      key: torch.tensor(values, dtype=torch.float64, requires_grad=gradient)
      for key, values in own.items()
    }
    for layer, own in tree.items()
  }


def figures(name):
  """Path -> array of what is known of a network, and the order of its arrays."""
  drawn, statistics, utterances = draw(name)
  twin = getattr(twins, name)
  asked = {field: FIELDS[name][field] for field in ASKED[name]}
  given = [torch.tensor(x, dtype=torch.float64) for x in utterances]
  stats = exact(statistics)

  def logits(arrays, training):
    weights = twins.Weights(arrays, stats, training)
    return twin(weights, given, **asked), weights.moved

  weights = exact(drawn, gradient=True)
  found, moved = logits(weights, training=True)
  value = loss(name, found)
  value.backward()
  stepped = {
    layer: {key: (w - RATE * w.grad).detach() for key, w in own.items()}
    for layer, own in weights.items()
  }
  flat = {
    'lengths': np.array(LENGTHS[name]),
    'utterances': np.concatenate(utterances),
    'logits': logits(weights, training=False)[0].detach().numpy(),
    'loss': value.detach().numpy(),
    'loss_after': loss(name, logits(stepped, training=True)[0]).numpy(),
  }
  gradient = {
    layer: {key: w.grad for key, w in own.items()}
    for layer, own in weights.items()
  }
  flat |= {
    'weights': flattened(drawn),
    'gradient': flattened(gradient),
    'statistics': flattened(statistics),
    'moved': flattened({layer: moved[layer] for layer in statistics}),
  }
  order = {
    'weights': listed(drawn),
    'statistics': listed(statistics),
  }
  return {f'{name}/{path}': values for path, values in flat.items()}, order


def flattened(tree):
  """All numbers of layer -> array, one behind the other."""
  return np.concatenate(
    [
      np.asarray(torch.as_tensor(values).detach()).ravel()
      for own in tree.values()
      for values in own.values()
    ]
    or [np.zeros(0)]
  )


def listed(tree):
  """Layer, array and shape of each, in the order of `flattened`."""
  return [
    [layer, key, list(values.shape)]
    for layer, own in tree.items()
    for key, values in own.items()
  ]


def main():
  found, orders = {}, {}
  for name in FIELDS:
    arrays, orders[name] = figures(name)
    found |= {
      path: values.astype(np.float32) if values.dtype.kind == 'f' else values
      for path, values in arrays.items()
    }
  how = {
    'torch': importlib.metadata.version('torch').partition('+')[0],
    'numpy': np.__version__,
    'fields': FIELDS,
    'arrays': orders,
    'labels': LABELS,
    'losses': LOSSES,
    'smoothing': SMOOTHING,
    'rate': RATE,
    'momentum': twins.MOMENTUM,
  }
  np.savez_compressed(FILE, how=json.dumps(how), **found)
  print(f'{FILE}: {FILE.stat().st_size} bytes, {len(found)} arrays')


if __name__ == '__main__':
  main()
