"""Light-SERNet as an entry of the table: its functions under common names."""

from __future__ import annotations

from sernet_jax.nn import cost, folded, folding, model, unfolded
from sernet_jax.nn.networks.generic import Network

NETWORK = Network(
  init=model.init,
  apply=model.apply,
  fold=folding.fold,
  unfold=unfolded.unfold,
  moments=unfolded.moments,
  ready=folded.ready,
  embeddings=folded.embeddings,
  head=folded.head,
  dimensions=folded.dimensions,
  cost=cost.cost,
  formats=None,
)
