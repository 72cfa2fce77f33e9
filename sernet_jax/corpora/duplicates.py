"""Finds recordings that are in a corpus twice, by their sound.

Sound is compared after decoding, so that a copy in another container or with
another header is found too: the same samples at the same rate. Copies at
another rate or loudness, or after a lossy codec, are not found.
"""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import hashlib
import pathlib
from collections.abc import Iterable, Sequence

from sernet_jax.audio import part_reading, reading
from sernet_jax.common import files
from sernet_jax.common.errors import InputError
from sernet_jax.common.text import listing
from sernet_jax.corpora.cache import durations
from sernet_jax.corpora.readers.archives import emodb_sums
from sernet_jax.corpora.specs import CACHE
from sernet_jax.corpora.utterances import Corpus, Utterance, cautioned

_READERS = 8
_SHOWN = 5  # pairs in one sentence

Pair = tuple[Utterance, Utterance]


def with_sounds(
  corpus: Corpus, folder: pathlib.Path | None = None, progress: bool = True
) -> Corpus:
  """Notes which utterances sound the same.

  Only recordings of the same length are decoded; those that cannot be read
  are passed over.

  Args:
    corpus: the utterances.
    folder: where to keep what was found, which changes with the files; None
      to keep nothing.
    progress: show a bar while lengths are measured.

  Returns:
    The corpus with `Utterance.sound` and a problem for each kind of copies:
    of two labels, of two speakers, of one.
  """
  sounds = _sounds(corpus, folder, progress)
  if not any(sounds):
    return corpus
  utterances = tuple(
    dataclasses.replace(utterance, sound=sound)
    for utterance, sound in zip(corpus.utterances, sounds, strict=True)
  )
  corpus = dataclasses.replace(corpus, utterances=utterances)
  return cautioned(corpus, _problems(utterances))


def pairs(utterances: Iterable[Utterance]) -> list[Pair]:
  """Pairs each utterance with the first one that sounds the same."""
  first: dict[str, Utterance] = {}
  return [
    (one, utterance)
    for utterance in utterances
    if utterance.sound
    and (one := first.setdefault(utterance.sound, utterance)) is not utterance
  ]


def of_emodb(corpus: Corpus) -> dict[int, str]:
  """Finds files of EMO-DB under whatever names, by their checksums.

  Returns:
    Index of an utterance -> speaker in EMO-DB. Files that were converted, or
    cannot be read, are not found.
  """
  names = {value: name for name, value in emodb_sums().items()}
  paths = sorted({utterance.path for utterance in corpus.utterances})
  with concurrent.futures.ThreadPoolExecutor(_READERS) as pool:
    found = dict(zip(paths, pool.map(_sha256, paths), strict=True))
  return {
    index: names[found[utterance.path]][:2]
    for index, utterance in enumerate(corpus.utterances)
    if found[utterance.path] in names
  }


def _sha256(path: str) -> str:
  """Returns the checksum of a file, '' if it cannot be read."""
  try:
    with pathlib.Path(path).open('rb') as file:
      return hashlib.file_digest(file, 'sha256').hexdigest()
  except OSError:
    return ''


def _problems(utterances: Sequence[Utterance]) -> list[str]:
  """Returns a sentence for each kind of copies, the worst first."""
  labels, speakers, others = [], [], []
  for one, other in pairs(utterances):
    if one.label != other.label:
      labels.append(
        f'{one.name} ({one.label}) and {other.name} ({other.label})'
      )
    elif one.speaker != other.speaker:
      speakers.append(
        f'{one.name} ({one.speaker}) and {other.name} ({other.speaker})'
      )
    else:
      others.append(f'{one.name} and {other.name}')
  return [
    f'{_recordings(len(found))} exactly like one {what}: '
    f'{listing(found, _SHOWN, "; ")}.'
    for found, what in (
      (labels, 'with another label, so that one label of each pair is wrong'),
      (speakers, 'of another speaker'),
      (
        others,
        'of the same speaker and label and '
        + ('counts twice' if len(others) == 1 else 'count twice'),
      ),
    )
    if found
  ]


def _recordings(count: int) -> str:
  return '1 recording sounds' if count == 1 else f'{count} recordings sound'


def _sounds(
  corpus: Corpus, folder: pathlib.Path | None, progress: bool
) -> list[str]:
  """Returns a digest for each utterance, '' where no other has the same."""
  utterances = corpus.utterances
  note = None
  if folder is not None:
    places = [str(u.recording) for u in utterances if u.is_part]
    key = durations.key([u.path for u in utterances] + places)
    note = folder / f'sounds-{key}.json'
    if note.exists():
      try:
        found = files.read_json(note, ('sounds',), CACHE)['sounds']
        return [str(found.get(str(i), '')) for i in range(len(utterances))]
      except (InputError, AttributeError):  # damaged: found again
        pass
  seconds, _ = durations.measure(corpus, progress, folder)
  by_length = collections.defaultdict(list)
  for position, length in enumerate(seconds.tolist()):
    if length == length:  # not NaN, which is a file that cannot be read
      # A part's length is the difference of two times, which rounds.
      by_length[round(length, 6)].append(position)
  suspects = [
    i for group in by_length.values() if len(group) > 1 for i in group
  ]
  with concurrent.futures.ThreadPoolExecutor(_READERS) as pool:
    digests = list(pool.map(_digest, (utterances[i] for i in suspects)))
  count = collections.Counter(digests)
  sounds = [''] * len(utterances)
  for index, digest in zip(suspects, digests, strict=True):
    if count[digest] > 1:
      sounds[index] = digest
  if note is not None:
    found = {str(i): sound for i, sound in enumerate(sounds) if sound}
    files.write_json(note, {'sounds': found}, CACHE)
  return sounds


def _digest(utterance: Utterance) -> str:
  """Returns a digest of rate and samples, '' if they cannot be read."""
  try:
    samples, rate_hz = part_reading.read(utterance.recording)
  except reading.BadFile:
    return ''
  digest = hashlib.blake2b(samples.tobytes(), digest_size=16)
  digest.update(str(rate_hz).encode())
  return digest.hexdigest()
