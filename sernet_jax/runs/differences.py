"""Settings that tell two runs apart, and a short name for them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Collection
from typing import Any

from sernet_jax.common import trees
from sernet_jax.corpora import joined
from sernet_jax.runs import defaults
from sernet_jax.training.sound.augment_spec import AugmentSpec

# Fields a run may change when it is resumed: its results stay the same.
FREE = {
  'data.root',
  'data.cache_dir',
  'train.epochs',
  'train.checkpoint_epochs',
  'train.report_epochs',
  'train.fold_mapping',
  'train.tensorboard',
  'train.loggers',
}
# Fields that older runs lack; an empty value equals a missing field.
_LATER = {
  'data.corpora',
  'data.classes',
  'data.columns',
  'data.speaker_from',
  'data.pattern',
  'data.table',
  'data.emotion',
  'data.speaker',
  'data.dimensions',
  'data.merge_labels',
  'data.most_per_speaker',
  'data.most_per_corpus',
}

# Fields younger than some run folders: there, and in the names of folders,
# a missing one has this value.
YOUNG: dict[str, Any] = {
  'data.channel': 'mean',
  'train.seeds': 1,
  'train.precision': 'float32',
  'train.batches': 'mixed',
  'data.crop': 'center',
  'data.test_duration_s': 0.0,
  'model.pooling': 'mean',
  'protocol.best_on_test': True,
  'protocol.enrolled': 0,
  'protocol.prior': 20.0,
  'loss.label_smoothing': 0.0,
  'loss.dimensions': 0.5,
  'optim.schedule': 'exponential',
  'optim.cycle_epochs': 40,
  'optim.weight_decay': 0.0,
  'optim.average': 0.0,
  'optim.beta1': 0.9,
  'optim.beta2': 0.999,
  'optim.epsilon': 1e-7,
  **{
    f'augment.{field.name}': field.default
    for field in dataclasses.fields(AugmentSpec)
  },
  'protocol.text_groups': 2,
  'protocol.shots': 0,
  'protocol.choose_by': 'wa',
  'model.size': 'paper',
  'model.name': 'light_sernet',
  'model.phonemes': 0,
  'train.start_from': '',
  'train.freeze': '',
  'train.new_head': False,
  'train.teachers': '',
  'loss.floor': 1e-7,
  'loss.distillation': 0.5,
  'loss.temperature': 2.0,
}


def between(
  one: dict[str, Any],
  other: dict[str, Any],
  free: Collection[str] = frozenset(FREE),
) -> list[tuple[str, Any, Any]]:
  """Compares two configs.

  Args:
    one: nested dicts, as in config.json.
    other: the same.
    free: fields that may differ; by default those that do not shape results.

  Returns:
    (field, value, other value) of all other fields that differ, by name.
  """
  mine, others = _kept(one, free), _kept(other, free)
  every = defaults.fields()
  usual = {field: every[field] for field in _LATER}
  return [
    (
      field,
      mine.get(field, usual.get(field)),
      others.get(field, usual.get(field)),
    )
    for field in sorted(mine.keys() | others.keys())
    if mine.get(field) != others.get(field)
  ]


def short_hash(config: dict[str, Any]) -> str:
  """Returns eight hex digits of the fields that shape the results."""
  kept = {
    k: v
    for k, v in _kept(config, FREE).items()
    if k not in YOUNG or v != YOUNG[k]
  }
  text = json.dumps(kept, sort_keys=True)
  return hashlib.sha256(text.encode()).hexdigest()[:8]


def _kept(config: dict[str, Any], free: Collection[str]) -> dict[str, Any]:
  """The fields that are not free, flat; what older runs lack is filled in."""
  fields = {**YOUNG, **trees.flatten(config)}
  kept = {
    field: value
    for field, value in fields.items()
    if field not in free and not (field in _LATER and not value)
  }
  corpus = fields.get('data.corpus')
  if 'data.root' in free and corpus in joined.NAMED_BY_FOLDER:
    kept['data.root'] = joined.folder_name(fields['data.root'])
  if 'data.corpora' in kept:  # folders are as free as data.root
    kept['data.corpora'] = joined.without_roots(kept['data.corpora'])
  return kept
