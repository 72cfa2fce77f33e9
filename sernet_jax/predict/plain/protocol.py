"""The operations of a chain, which every format must be able to express."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from sernet_jax.nn.spec import Layer

Shape = tuple[int | None, ...]  # None for the batch
Value = Any  # of an emitter; has .shape


class NetworkEmitter(Protocol):
  """Carries out or writes down what a network consists of.

  Maps lie as the format has them, and only these operations know how.
  """

  def image(self, x: Value) -> Value:
    """Makes (batch, frames, coefficients) a map with one channel."""

  def conv_relu(
    self, layer: Layer, x: Value, kernel: np.ndarray, bias: np.ndarray
  ) -> Value:
    """Convolution that keeps the size, bias, ReLU; kernel (h, w, in, out)."""

  def pool(self, name: str, x: Value, size: tuple[int, int]) -> Value:
    """Mean over windows side by side; at the edge over the real cells."""

  def join(self, name: str, maps: list[Value]) -> Value:
    """Concatenates maps along their channels."""

  def mean_map(self, name: str, x: Value) -> Value:
    """Mean over a map: (batch, channels)."""

  def dense(
    self, name: str, x: Value, kernel: np.ndarray, bias: np.ndarray
  ) -> Value:
    """Computes x @ kernel + bias."""

  def softmax(self, x: Value) -> Value:
    """Softmax over the last axis."""


class Emitter(NetworkEmitter, Protocol):
  """Carries operations out or writes them down.

  Values are (batch, ...), the batch is free; axes count from the batch, axis
  0.
  """

  def constant(self, table: np.ndarray) -> Value:
    """A float32 table, broadcast against (batch, ...)."""

  def binary(self, name: str, a: Value, b: Value) -> Value:
    """'add', 'sub', 'mul', 'div', 'min', 'max' or 'pow', with broadcast."""

  def unary(self, name: str, x: Value) -> Value:
    """'abs', 'sqrt', 'log' or 'exp'."""

  def extent(self, x: Value) -> Value:
    """Samples from the first to the last that is not 0, (batch, 1)."""

  def from_first(self, x: Value) -> Value:
    """Turns each row until its first sample that is not 0 comes first."""

  def by_frame(self, x: Value, weights: Value) -> Value:
    """Multiplies a map with weights (batch, frames)."""

  def rows(self, x: Value) -> Value:
    """Cells of a map, frame by frame: (batch, cells, channels)."""

  def top(self, x: Value, count: int) -> Value:
    """The greatest `count` values of the last axis, in falling order."""

  def reduce(self, name: str, x: Value, axes: tuple[int, ...]) -> Value:
    """'sum', 'mean' or 'max'; the axes stay, with length 1."""

  def reshape(self, x: Value, shape: tuple[int, ...]) -> Value:
    """Reshapes to (batch, *shape)."""

  def transpose(self, x: Value, order: tuple[int, ...]) -> Value:
    """Axes in another order; the batch stays first."""

  def concat(self, parts: list[Value], axis: int) -> Value:
    """Concatenates along an axis."""

  def slice(
    self, x: Value, axis: int, start: int, stop: int, step: int = 1
  ) -> Value:
    """Entries start, start + step, ... below stop of an axis."""

  def pad(
    self, x: Value, axis: int, before: int, after: int, mirror: bool = False
  ) -> Value:
    """Pads with zeros, or with the mirror image about the end."""

  def take(self, x: Value, index: np.ndarray, axis: int) -> Value:
    """Entries at constant indices of an axis."""

  def matmul(self, x: Value, table: np.ndarray) -> Value:
    """Multiplies the last axis with a constant matrix."""


def size(shape: Shape, axis: int) -> int:
  """Length of an axis that is not the batch."""
  length = shape[axis]
  assert length is not None
  return length


def resized(shape: Shape, axis: int, length: int) -> Shape:
  """The shape with another length of one axis."""
  return tuple(length if i == axis else n for i, n in enumerate(shape))


def broadcast(a: Shape, b: Shape) -> Shape:
  """The shape of a binary operation between shapes of the same rank."""
  return tuple(
    None if one is None or two is None else max(one, two)
    for one, two in zip(a, b, strict=True)
  )


def reduced(shape: Shape, axes: tuple[int, ...]) -> Shape:
  """The shape with length 1 in some axes."""
  return tuple(1 if i in axes else n for i, n in enumerate(shape))
