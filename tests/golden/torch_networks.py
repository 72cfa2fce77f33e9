"""Twins of the published networks in PyTorch, float64, made of its own layers.

Written from the layer tables, not from `sernet_jax.nn.networks`: one utterance at
a time, so that there is neither padding nor a mask, and all gradients are those
of autograd. A twin gets a `Weights` and a list of utterances, each (frames,
features), and returns the logits, (utterances, classes).
"""

from __future__ import annotations

import torch
from torch.func import functional_call
from torch.nn import functional

EPSILON = 1e-3
MOMENTUM = 0.99


class Weights:
  """The arrays of a network, named and laid out as in a file of the package.

  Attributes:
    arrays: layer -> array -> float64.
    statistics: BatchNorm -> mean and variance.
    training: whether statistics are those of the batch.
    moved: BatchNorm -> what a step makes of its statistics.
  """

  def __init__(self, arrays, statistics, training):
    self.arrays = arrays
    self.statistics = statistics
    self.training = training
    self.moved = {}

  def __getitem__(self, layer):
    return self.arrays[layer]

  def norm(self, layer, maps):
    """BatchNorm of a list of maps whose last axis are channels."""
    rows = torch.cat([x.reshape(-1, x.shape[-1]) for x in maps])
    own = self.arrays.get(layer, {})
    given = self.statistics[layer]
    if self.training:
      # PyTorch's own moving variance is of N - 1 rows, Keras' of N.
      mean, variance = rows.mean(dim=0), rows.var(dim=0, unbiased=False)
      self.moved[layer] = {
        'mean': MOMENTUM * given['mean'] + (1 - MOMENTUM) * mean,
        'variance': MOMENTUM * given['variance'] + (1 - MOMENTUM) * variance,
      }
    y = functional.batch_norm(
      rows,
      None if self.training else given['mean'],
      None if self.training else given['variance'],
      own.get('scale'),
      own.get('offset'),
      training=self.training,
      eps=EPSILON,
    )
    parts = y.split([x.numel() // x.shape[-1] for x in maps])
    return [part.reshape(x.shape) for part, x in zip(parts, maps, strict=True)]

  def dense(self, layer, x):
    own = self.arrays[layer]
    return functional.linear(x, own['kernel'].T, own.get('bias'))

  def conv(self, layer, x, ahead=(0, 0), behind=(0, 0), **how):
    """Convolution of (t, f, c) with zeros around it, frames and features."""
    own = self.arrays[layer]
    x = x.permute(2, 0, 1)[None]
    x = functional.pad(x, (ahead[1], behind[1], ahead[0], behind[0]))
    kernel = own['kernel'].permute(3, 2, 0, 1)
    y = functional.conv2d(x, kernel, own.get('bias'), **how)
    return y[0].permute(1, 2, 0)

  def same(self, layer, x, **how):
    """The same; of an even kernel the odd zero lies behind."""
    size = self.arrays[layer]['kernel'].shape[:2]
    ahead = [(n - 1) // 2 for n in size]
    behind = [n - 1 - a for n, a in zip(size, ahead, strict=True)]
    return self.conv(layer, x, ahead, behind, **how)

  def in_time(self, layer, x, ahead, behind, **how):
    """Convolution along time of (t, c)."""
    return self.conv(layer, x[:, None], (ahead, 0), (behind, 0), **how)[:, 0]

  def causal(self, layer, x, apart):
    """Each frame of (t, c) and the one `apart` before it."""
    return self.in_time(layer, x, apart, 0, dilation=(apart, 1))

  def lstm(self, layers, x):
    """Outputs of every step; `layers` is one, or ahead and back."""
    units = self.arrays[layers[0]]['recurrent'].shape[0]
    module = torch.nn.LSTM(
      x.shape[1], units, bidirectional=len(layers) == 2, dtype=x.dtype
    )
    given = {}
    for layer, way in zip(layers, ('', '_reverse'), strict=False):
      own = self.arrays[layer]
      given[f'weight_ih_l0{way}'] = own['kernel'].T
      given[f'weight_hh_l0{way}'] = own['recurrent'].T
      given[f'bias_ih_l0{way}'] = own['bias']
      given[f'bias_hh_l0{way}'] = torch.zeros_like(own['bias'])
    return functional_call(module, given, (x,))[0]

  def head(self, rows):
    return self.dense('head', torch.stack(rows))


def _pool(x, size, **how):
  """Max pooling of (t, f, c); what is left at the ends is a cell too."""
  y = functional.max_pool2d(
    x.permute(2, 0, 1)[None], size, ceil_mode=True, **how
  )
  return y[0].permute(1, 2, 0)


def _attended(weights, x):
  """Mean of the steps by the sigmoid of a score, scaled, in a softmax."""
  score = torch.sigmoid(weights.dense('score', x))[:, 0]
  share = torch.softmax(score * weights['score_scale']['values'], dim=0)
  return share @ x


def acrnn(weights, utterances, *, convolutions, bands):
  dense = []
  for x in weights.norm('input', utterances):
    x = x.reshape(len(x), 3, bands).transpose(1, 2)  # (t, f, 3)
    for number in range(1, convolutions + 1):
      x = functional.leaky_relu(weights.same(f'conv{number}', x), 0.01)
      if number == 1:
        x = _pool(x, (2, 2))
    x = weights.dense('linear', x.flatten(1))
    x = weights.lstm(('ahead', 'back'), x)
    dense.append(weights.dense('dense', _attended(weights, x)))
  rows = weights.norm('norm', [torch.stack(dense)])[0]
  return weights.head(list(functional.leaky_relu(rows, 0.01)))


def bcrnn(weights, utterances, *, convolutions, bands):
  """`acrnn` of signs, past which gradients go, unless a weight is beyond 1."""
  binary = {f'conv{n}': ('kernel',) for n in range(2, convolutions + 1)}
  binary['linear'] = ('kernel',)
  binary['ahead'] = binary['back'] = ('kernel', 'recurrent')
  arrays = {layer: dict(own) for layer, own in weights.arrays.items()}
  for layer, names in binary.items():
    for name in names:
      real = arrays[layer][name]
      size = real.abs().mean(dim=tuple(range(real.ndim - 1)))
      signs = torch.where(real >= 0, size, -size)
      inside = real.clamp(-1, 1)
      arrays[layer][name] = inside + (signs - inside).detach()
  signed = Weights(arrays, weights.statistics, weights.training)
  logits = acrnn(signed, utterances, convolutions=convolutions, bands=bands)
  weights.moved = signed.moved
  return logits


def _squashed(vectors):
  square = vectors.square().sum(dim=-1, keepdim=True)
  return square / (1 + square) * vectors / torch.sqrt(square + 1e-7)


def cpac(weights, utterances, *, size, capsules):
  fixed = Weights(weights.arrays, weights.statistics, training=False)
  rows = []
  for x in utterances:
    x = x[:, :, None]
    for number in (1, 2, 3):
      x = functional.elu(
        *fixed.norm(f'conv{number}_norm', [fixed.conv(f'conv{number}', x)])
      )
      y = functional.avg_pool2d(x.permute(2, 0, 1)[None], 2)
      x = y[0].permute(1, 2, 0)
    vectors = _squashed(fixed.conv('primary', x).reshape(-1, size))
    scores = vectors @ vectors.T * weights['attention']['scale']
    seen = torch.softmax(scores, dim=1) @ vectors
    votes = (vectors * seen) @ weights['routing']['kernel']
    votes = votes.reshape(len(vectors), capsules, size)
    agreed = torch.zeros(votes.shape[:2], dtype=votes.dtype)
    for number in (1, 2, 3):
      sums = torch.einsum('nk,nks->ks', torch.softmax(agreed, dim=1), votes)
      if number < 3:
        units = functional.normalize(sums, dim=1)
        agreed = torch.einsum('ks,nks->nk', units, votes)
    rows.append(_squashed(sums).mean(dim=0))
  weights.moved = weights.statistics  # of its BatchNorm no step moves any
  return weights.head(rows)


def drn(weights, utterances, *, heads):
  maps = weights.norm('input', utterances)
  maps = [weights.in_time('conv', x, 4, 5) for x in maps]
  # Stage -> frames of a kernel, dilation, stride.
  stages = {1: (5, 1, 2), 2: (5, 1, 2), 3: (3, 2, 1), 4: (3, 4, 1)}
  for stage, (size, apart, stride) in stages.items():
    maps = [
      weights.in_time(f'widen{stage}', x, 0, stride - 1, stride=(stride, 1))
      for x in maps
    ]
    around = (size - 1) // 2 * apart
    for first in (1, 3):
      y = maps
      for name in (f'stage{stage}_{first}', f'stage{stage}_{first + 1}'):
        y = [
          weights.in_time(name, x, around, around, dilation=(apart, 1))
          for x in y
        ]
        y = weights.norm(f'{name}_norm', y)
        if name.endswith(str(first)):
          y = [torch.relu(x) for x in y]
      maps = [torch.relu(a + b) for a, b in zip(maps, y, strict=True)]
  rows = []
  for x in maps:
    parts = [weights[name] for name in ('query', 'key', 'value')]
    module = torch.nn.MultiheadAttention(x.shape[1], heads, dtype=x.dtype)
    given = {
      'in_proj_weight': torch.cat([own['kernel'].T for own in parts]),
      'in_proj_bias': torch.cat([own['bias'] for own in parts]),
      'out_proj.weight': weights['mixed']['kernel'].T,
      'out_proj.bias': weights['mixed']['bias'],
    }
    y = functional_call(module, given, (x, x, x), {'need_weights': False})[0]
    y = torch.relu(weights.dense('dense1', y.mean(dim=0)))
    rows.append(torch.relu(weights.dense('dense2', y)))
  return weights.head(rows)


def gmtcn(weights, utterances, *, levels):
  rows = []
  for x in utterances:
    x, skipped = weights.in_time('first', x, 0, 0), 0
    for level in range(1, levels + 1):
      y = x
      for half, apart in ((1, 2 ** (level - 1)), (2, 2**level)):
        stage, gated = f'level{level}_{half}', []
        for n in (1, 2, 3):
          value = torch.relu(weights.causal(f'{stage}_value{n}', y, apart))
          gate = torch.relu(weights.causal(f'{stage}_gate{n}', y, apart))
          gated.append(value * torch.sigmoid(gate))
        y = torch.stack(gated).mean(dim=0)
      x, skipped = x + y, skipped + y
    rows.append(functional.leaky_relu(skipped, 0.05).mean(dim=0))
  return weights.head(rows)


def lflb(weights, utterances, *, pools):
  maps = [x[:, :, None] for x in utterances]
  for number, size in enumerate(pools, 1):
    maps = [weights.same(f'conv{number}', x) for x in maps]
    maps = weights.norm(f'conv{number}_norm', maps)
    maps = [_pool(functional.elu(x), size) for x in maps]
  return weights.head([weights.lstm(('lstm',), x.flatten(1))[-1] for x in maps])


def multipath(weights, utterances, *, kernel_frames):
  joined = []
  for x in weights.norm('input', utterances):
    quarters = []
    for number in range(1, len(kernel_frames) + 1):
      y = weights.same(f'path{number}', x[:, :, None])
      # Two by two cells, whose edges overlap where the size is odd.
      y = functional.adaptive_max_pool2d(y.permute(2, 0, 1), 2)
      quarters.append(y.permute(1, 2, 0).flatten())
    joined.append(torch.cat(quarters))
  rows = weights.norm('joined_norm', [torch.relu(torch.stack(joined))])[0]
  rows = torch.relu(weights.dense('dense1', rows))
  rows = weights.norm('dense1_norm', [rows])[0]
  return weights.head(list(torch.relu(weights.dense('dense2', rows))))


def timnet(weights, utterances, *, levels):
  found = [[0.0] * levels for _ in utterances]
  for way in ('ahead', 'back'):
    maps = [x if way == 'ahead' else x.flip(0) for x in utterances]
    maps = [weights.in_time(way, x, 0, 0) for x in maps]
    for level in range(1, levels + 1):
      y = maps
      for name in (f'{way}{level}_1', f'{way}{level}_2'):
        y = [weights.causal(name, x, 2 ** (level - 1)) for x in y]
        y = [torch.relu(x) for x in weights.norm(f'{name}_norm', y)]
      maps = [x * torch.sigmoid(g) for x, g in zip(maps, y, strict=True)]
      for means, x in zip(found, maps, strict=True):
        means[level - 1] = means[level - 1] + x.mean(dim=0)
  shares = weights['levels']['values']
  return weights.head([shares @ torch.stack(means) for means in found])


def _gru(own, x):
  """Outputs of every step; torch.nn.GRU resets behind the product, not before."""
  units = own['recurrent'].shape[0]
  kernel, recurrent = (
    own[k].split(units, dim=1) for k in ('kernel', 'recurrent')
  )
  bias = own['bias'].split(units)
  hidden, outputs = torch.zeros(units, dtype=x.dtype), []
  for now in x:
    reset, update, new = (
      now @ k + b for k, b in zip(kernel, bias, strict=True)
    )
    reset = torch.sigmoid(reset + hidden @ recurrent[0])
    update = torch.sigmoid(update + hidden @ recurrent[1])
    new = torch.tanh(new + (reset * hidden) @ recurrent[2])
    hidden = torch.lerp(new, hidden, update)
    outputs.append(hidden)
  return torch.stack(outputs)


def separable(weights, utterances, *, blocks):
  rows = []
  for x in weights.norm('input', utterances):
    # A frame of zeros at both ends, no band more.
    x = weights.conv('conv', x[:, :, None], (1, 0), (1, 0), stride=2)
    x = torch.relu(x)
    for number in range(1, blocks + 1):
      y = torch.relu(weights.same(f'expand{number}', x))
      name = f'depthwise{number}'
      # (3, 3, 1, c) as (c, 1, 3, 3): a group for each channel.
      y = torch.relu(weights.same(name, y, groups=y.shape[2]))
      y = weights.same(f'project{number}', y)
      if number > 1:
        x = x + y
        continue
      # As TensorFlow pads bands; frames are left out behind alone.
      tall, wide = y.shape[0] % 2 + 1, (1 if y.shape[1] % 2 == 0 else 2)
      padded = functional.pad(
        y.permute(2, 0, 1),
        (wide // 2, wide - wide // 2, 0, tall),
        value=-torch.inf,
      )
      x = functional.max_pool2d(padded, 3, 2).permute(1, 2, 0)
    x = x.flatten(1)
    back = _gru(weights['ahead'], x.flip(0)).flip(0)
    x = torch.cat([_gru(weights['ahead'], x), back], dim=1)
    x = weights.dense('dense', _attended(weights, x))
    rows.append(functional.prelu(x[None], weights['prelu']['slope'])[0])
  return weights.head(rows)
