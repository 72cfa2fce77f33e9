"""Light-SERNet in PyTorch, our own twin, for the benchmark alone.

From waveform to probabilities, and one step of training as the authors' code
does it, or a whole fold. Weights come by Keras' names. As it is written, or
compiled; in float32, or in bfloat16 as users of PyTorch get it: by autocast in
training, by a cast of the network in inference.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import nn

from sernet_jax import features
from sernet_jax.nn.spec import Layer, ModelSpec

SPEC = features.MfccSpec()


class Pool(nn.Module):
  """Average pooling whose windows at the edge count real cells."""

  def __init__(self, window):
    super().__init__()
    self.pool = nn.AvgPool2d(window, ceil_mode=True, count_include_pad=False)

  def forward(self, x):
    """(batch, channels, frames, coefficients)."""
    return self.pool(x)


class Block(nn.Module):
  """Convolution, BatchNorm, ReLU, pooling."""

  def __init__(self, layer: Layer):
    super().__init__()
    self.conv = nn.Conv2d(
      layer.inputs, layer.outputs, layer.kernel, padding='same', bias=layer.bias
    )
    self.norm = nn.BatchNorm2d(layer.outputs, eps=1e-3, momentum=0.01)
    self.pool = (
      nn.AdaptiveAvgPool2d(1) if layer.pool is None else Pool(layer.pool)
    )

  def forward(self, x):
    """(batch, channels, frames, coefficients)."""
    return self.pool(torch.relu(self.norm(self.conv(x))))


class Network(nn.Module):
  """(batch, 1, frames, coefficients) to logits."""

  def __init__(self, num_classes=7):
    super().__init__()
    spec = ModelSpec(num_classes=num_classes)
    self.paths = nn.ModuleList([Block(path) for path in spec.layers('path')])
    self.blocks = nn.Sequential(
      *[Block(block) for block in spec.layers('block')]
    )
    self.dropout = nn.Dropout(spec.dropout)
    (head,) = spec.layers('dense')
    self.dense = nn.Linear(head.inputs, head.outputs)

  def forward(self, x):
    """Logits (batch, classes)."""
    x = torch.cat([path(x) for path in self.paths], 1)
    return self.dense(self.dropout(self.blocks(x).flatten(1)))

  def load(self, weights: dict[str, np.ndarray]) -> None:
    """Takes weights by the names of the authors' Keras model."""
    for number, block in enumerate([*self.paths, *self.blocks]):
      suffix = f'_{number}' if number else ''
      kernel = weights[f'conv2d{suffix}/kernel'].transpose(3, 2, 0, 1)
      _set(block.conv.weight, kernel)
      if block.conv.bias is not None:
        _set(block.conv.bias, weights[f'conv2d{suffix}/bias'])
      norm = f'batch_normalization{suffix}'
      _set(block.norm.weight, weights[f'{norm}/gamma'])
      _set(block.norm.bias, weights[f'{norm}/beta'])
      _set(block.norm.running_mean, weights[f'{norm}/moving_mean'])
      _set(block.norm.running_var, weights[f'{norm}/moving_variance'])
    _set(self.dense.weight, weights['dense/kernel'].T)
    _set(self.dense.bias, weights['dense/bias'])


def _set(target, value):
  with torch.no_grad():
    target.copy_(torch.from_numpy(np.ascontiguousarray(value)))


class Twin:
  """The methods that the benchmark asks of every peer."""

  def __init__(
    self, weights, x, y, waveforms, threads, compiled=False, bfloat16=False
  ):
    torch.set_num_threads(threads)
    self.network = Network().to(memory_format=torch.channels_last)
    if weights:
      self.network.load(weights)
    self.x = torch.from_numpy(x[:, None, :, :, 0]).contiguous(
      memory_format=torch.channels_last
    )
    self.y = torch.from_numpy(y).long()
    self.waveforms = torch.from_numpy(waveforms)
    self.window = torch.from_numpy(
      np.asarray(features.window(SPEC), np.float32)
    )
    self.mel = torch.from_numpy(
      np.asarray(features.mel_matrix(SPEC), np.float32)
    )
    self.dct = torch.from_numpy(
      np.asarray(features.dct_matrix(SPEC), np.float32)
    )
    self.optimizer = torch.optim.Adam(
      self.network.parameters(), 1e-4, eps=1e-7, fused=True
    )
    self.bfloat16 = bfloat16
    self.loss = self._loss
    self.trained = copy.deepcopy(self.network).eval()
    if bfloat16:
      self.trained.to(torch.bfloat16)
    if compiled:
      from torch._inductor import config

      config.freezing = True  # weights become constants, in inference alone
      self.loss = torch.compile(self._loss, dynamic=False)
      self.trained = torch.compile(self.trained, dynamic=False)

  def steps(self, count: int) -> None:
    """Training steps, one after another."""
    for _ in range(count):
      self.step()

  def step(self) -> None:
    """One training step: forward, backward, update."""
    self.network.train()
    self.optimizer.zero_grad(set_to_none=True)
    self.loss().backward()
    self.optimizer.step()

  def _loss(self):
    with torch.autocast('cpu', torch.bfloat16, enabled=self.bfloat16):
      logits = self.network(self.x)
    return penalized(self.network, logits.float(), self.y)

  def infer(self, count: int) -> np.ndarray:
    """Waveforms to probabilities (count, classes)."""
    with torch.no_grad():
      return self._probabilities(self._features(self.waveforms[:count]))

  def classify(self, count: int) -> np.ndarray:
    """Features to probabilities (count, classes)."""
    with torch.no_grad():
      return self._probabilities(self.x[:count])

  def _features(self, waveforms):
    spectrum = torch.stft(
      waveforms, 1024, 256, window=self.window, center=False,
      return_complex=True,
    ).abs()  # fmt: skip
    log_mel = torch.log(spectrum.transpose(1, 2) @ self.mel + 1e-6)
    x = torch.clip(log_mel @ self.dct, -10, 10)[:, None]
    return x.contiguous(memory_format=torch.channels_last)

  def _probabilities(self, x):
    x = x.bfloat16() if self.bfloat16 else x
    return torch.softmax(self.trained(x).float(), 1).numpy()


def loss_of(network: Network, x, y):
  """Cross-entropy and the L2 term of the convolutions of the blocks."""
  return penalized(network, network(x), y)


def penalized(network: Network, logits, y):
  """The same of logits."""
  loss = nn.functional.cross_entropy(logits, y)
  for block in network.blocks:
    loss = loss + 1e-6 * block.conv.weight.square().sum()
  return loss


class Fold:
  """A fold as a person would train it here: all data on the device, eager.

  Args:
    features: (utterances, frames, coefficients).
    labels: (utterances,).
    train: places of the training set.
    test: places of the test set, judged after every epoch.
    batch_size: the short last batch is kept.
    tf32: whether factors of products may be rounded to TF32.
  """

  def __init__(self, features, labels, train, test, batch_size, tf32):
    self.device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    self.device_name = (
      torch.cuda.get_device_name() if self.device.type == 'cuda' else 'cpu'
    )
    torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.benchmark = True
    self.batch_size = batch_size
    self.network = Network().to(self.device, memory_format=torch.channels_last)
    self.x = torch.from_numpy(features[:, None]).to(
      self.device, memory_format=torch.channels_last
    )
    self.y = torch.from_numpy(labels).long().to(self.device)
    self.train_set = torch.from_numpy(train).long().to(self.device)
    self.test_set = torch.from_numpy(test).long().to(self.device)
    self.optimizer = torch.optim.Adam(
      self.network.parameters(), 1e-4, eps=1e-7, fused=True
    )
    self.best, self.best_weights = -1.0, {}

  def train(self, epochs: int) -> None:
    """That many epochs, each with its test; the best weights are kept."""
    for _ in range(epochs):
      self.network.train()
      shuffle = torch.randperm(len(self.train_set), device=self.device)
      for batch in self.train_set[shuffle].split(self.batch_size):
        self.optimizer.zero_grad(set_to_none=True)
        loss_of(self.network, self.x[batch], self.y[batch]).backward()
        self.optimizer.step()
      found = self.accuracy()
      if found > self.best:
        self.best = found
        self.best_weights = {
          name: value.clone()
          for name, value in self.network.state_dict().items()
        }
    if self.device.type == 'cuda':
      torch.cuda.synchronize()

  def accuracy(self) -> float:
    """Accuracy on the test set."""
    self.network.eval()
    with torch.inference_mode():
      right = sum(
        (self.network(self.x[batch]).argmax(1) == self.y[batch]).sum()
        for batch in self.test_set.split(self.batch_size)
      )
    return float(right) / len(self.test_set)
