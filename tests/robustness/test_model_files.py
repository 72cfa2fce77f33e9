"""Damaged model files: refused in a sentence, with memory that is bounded.

Half of them are sealed again, as somebody would who makes one on purpose: then
all that stands between the file and the program are the checks of its parts.
"""

from __future__ import annotations

import json
import random

import mutations
import pytest
import small_model

from sernet_jax.common.errors import InputError
from sernet_jax.predict import bundle

SPECS = ('model', 'mfcc', 'audio', 'classes', 'about', 'feature_kind')


@pytest.fixture(scope='module')
def content(tmp_path_factory):
  path = tmp_path_factory.mktemp('model') / 'a.safetensors'
  bundle.save(path, small_model.make())
  return path.read_bytes()


def with_header(content: bytes, change) -> bytes:
  """A file whose header `change` has changed, without a seal."""
  end = 8 + int.from_bytes(content[:8], 'little')
  header = json.loads(content[8:end])
  del header['__metadata__']['seal']
  text = json.dumps(change(header)).encode()
  return len(text).to_bytes(8, 'little') + text + content[end:]


def of_a_spec(header, dice):
  """Changes a field of a spec, which is JSON in a text of the header."""
  key = dice.choice(SPECS)
  value = json.loads(header['__metadata__'][key])
  if isinstance(value, dict | list) and value:
    value = mutations.of_json(value, dice)
  else:
    value = dice.choice(mutations.STRANGE)
  header['__metadata__'][key] = json.dumps(value)
  return header


def test_damaged_files_are_refused_in_a_sentence(content, tmp_path):
  path = tmp_path / 'a.safetensors'
  dice = random.Random(24)
  counts = mutations.Counts()
  for number in range(mutations.how_many(300, large=3000)):
    how = number % 4
    if how == 0:
      changed = mutations.of_bytes(content, dice)
    elif how == 1:
      changed = with_header(content, lambda h: mutations.of_json(h, dice))
    else:
      changed = with_header(content, lambda h: of_a_spec(h, dice))
    path.write_bytes(changed)
    counts.attempt(number, lambda: bundle.load(path))
  counts.finish('model files')
  assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
  ('key', 'fields'),
  [
    ('audio', {'duration_s': 500.0, 'sample_rate_hz': 1_000_000}),
  ],
)
def test_a_file_cannot_ask_for_much_memory(content, tmp_path, key, fields):
  """Each number is within its own limit; what they ask for together is not."""

  def change(header):
    texts = header['__metadata__']
    spec = json.loads(texts[key]) | fields
    texts[key] = json.dumps(spec)
    if 'sample_rate_hz' in fields:
      mfcc = json.loads(texts['mfcc'])
      mfcc['sample_rate_hz'] = fields['sample_rate_hz']
      texts['mfcc'] = json.dumps(mfcc)
    return header

  path = tmp_path / 'a.safetensors'
  path.write_bytes(with_header(content, change))
  with pytest.raises(InputError, match='allowed in a file'):
    bundle.load(path)


def test_segments_of_a_minute_are_no_such_files(tmp_path):
  path = tmp_path / 'a.safetensors'
  bundle.save(path, small_model.make(duration_s=60.0))
  assert bundle.load(path).audio.duration_s == 60
