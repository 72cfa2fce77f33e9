"""Data of a run: its corpus, features, folds and the arrays of training."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Sequence

import numpy as np

from sernet_jax import features
from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common import files
from sernet_jax.common.errors import require
from sernet_jax.corpora import (
  duplicates,
  joined,
  look_alikes,
  phonemes,
  protocols,
  registry,
  vocabulary,
)
from sernet_jax.corpora.cache import feature_cache, mel_store
from sernet_jax.corpora.cache.feature_cache import CorpusFeatures
from sernet_jax.corpora.protocols import Fold, balance
from sernet_jax.corpora.utterances import (
  Corpus,
  check,
  is_unknown,
  require_names,
)
from sernet_jax.nn.network import Spec
from sernet_jax.results.run_folder import RUN, RunFolder
from sernet_jax.runs.config import Experiment
from sernet_jax.training import batching
from sernet_jax.training.sound.corpus import Heard, Sound


class Data:
  """Features of a corpus, folds, and the arrays that training reads.

  Attributes:
    features: of the corpus, with those utterances that could be read; those
      that tests hear.
    source: what training reads: the features, or the corpus as `Sound`.
    folds: of the protocol.
    fold_arrays: one per trial, see `batching.fold_arrays`.
    labels: int32 (segments,), or with numbers for a corpus with dimensions.
    teacher: the network of `fold_arrays`' teachers, see `weights.teachers`;
      None without them.
  """

  def __init__(self, experiment: Experiment, corpus: Corpus):
    self.source: np.ndarray | Sound
    self.teacher: Spec | None = None
    if experiment.sound is None:
      self.features = _features(experiment, corpus, experiment.audio)
      self.source = np.asarray(self.features.features)
    else:
      self.features, self.source = sound_of(experiment, corpus)
    corpus = self.features.corpus
    owners = self.features.segment_utterances
    self.folds = protocols.make(corpus, experiment.protocol, experiment.seed)
    self.fold_arrays = batching.fold_arrays(
      self.folds,
      corpus.labels,
      owners,
      experiment.train.batch_size,
      experiment.seeds,
      _speakers(corpus) if experiment.train.batches == 'speaker' else None,
    )
    self.labels: np.ndarray | batching.Truth = corpus.labels[owners]
    if corpus.dimensions:
      self.labels = batching.Truth(self.labels, corpus.values[owners])

  def heard(self, segments: np.ndarray) -> np.ndarray | Heard:
    """Returns what a test hears of some segments."""
    values = np.asarray(self.features.features)[segments]
    frames = self.features.frames
    return values if frames is None else Heard(values, frames[segments])

  def heard_of(self, utterances: np.ndarray) -> np.ndarray | Heard:
    """Returns what a test hears of some utterances, of each all segments."""
    owners = self.features.segment_utterances
    return self.heard(np.flatnonzero(np.isin(owners, utterances)))

  @property
  def fingerprint(self) -> str:
    """Tells apart corpora and folds, not versions of the features."""
    names = _told(self.features.corpus)
    tests = [fold.test.tolist() for fold in self.folds]
    return hashlib.sha256(json.dumps([names, tests]).encode()).hexdigest()


def _speakers(corpus: Corpus) -> np.ndarray:
  """Numbers the speaker of every utterance, int32.

  Raises:
    InputError: if one has no speaker.
  """
  names = [utterance.speaker for utterance in corpus.utterances]
  unknown = sum(map(is_unknown, names))
  require(
    not unknown,
    f"train.batches is 'speaker', but {unknown} of {len(names)} recordings have "
    "no known speaker; set data.speaker, or train.batches='mixed'",
  )
  return np.unique(names, return_inverse=True)[1].astype(np.int32)


def _features(
  experiment: Experiment, corpus: Corpus, audio: AudioSpec
) -> CorpusFeatures:
  return feature_cache.load(
    corpus,
    experiment.feature_kind,
    experiment.mfcc,
    audio,
    cache_folder(experiment),
    experiment.data.on_bad_file,
  )


def sound_of(
  experiment: Experiment, corpus: Corpus
) -> tuple[CorpusFeatures, Sound]:
  """Loads a corpus as sound, and the features that its tests hear.

  A network that looks at an utterance's own frames alone is tested on
  utterances that begin at the first frame, of longer ones on their middle;
  another one on segments as `feature_cache` makes them.
  """
  spec, audio = experiment.mfcc, experiment.test_audio
  store = mel_store.load(
    corpus,
    spec,
    cache_folder(experiment),
    experiment.data.on_bad_file,
    channel=audio.channel,
  )
  if experiment.model.masked:
    most = features.num_frames(audio.num_samples, spec)
    values, frames = mel_store.features_of(
      store, experiment.feature_kind, spec, most
    )
    notes = store.notes
    longer = np.flatnonzero(store.counts > most)
    if longer.size:
      cuts = _cuts(experiment, store.corpus, longer)
      values[longer] = np.asarray(cuts.features)
      # Of the same sound, and of what is heard of it.
      notes = {**notes, **cuts.notes}
    owners = np.arange(len(values), dtype=np.int32)
    heard = CorpusFeatures(
      store.corpus, values, owners, store.skipped, frames, notes
    )
  else:
    heard = _features(experiment, corpus, audio)
    frames = np.full(len(heard.features), heard.features.shape[1], np.int32)
    require(
      heard.corpus == store.corpus,
      f'some recordings of {corpus.name} are silent in the middle; leave them '
      "out, or use model.pooling='masked'",
    )
  heard, said = _with_phonemes(experiment, heard)
  speakers = {u.speaker for u in store.corpus.utterances}
  order = {speaker: index for index, speaker in enumerate(sorted(speakers))}
  return heard, Sound(
    features=np.asarray(heard.features),
    frames=frames,
    mels=np.asarray(store.mels),
    starts=store.starts,
    rows=store.rows,
    speakers=np.array(
      [order[u.speaker] for u in store.corpus.utterances], np.int32
    ),
    phonemes=said,
  )


def _with_phonemes(
  experiment: Experiment, heard: CorpusFeatures
) -> tuple[CorpusFeatures, np.ndarray | None]:
  """Puts a column of phonemes behind the features if the network reads some.

  Returns:
    The features that tests hear, and the phonemes of all utterances.
  """
  sound = experiment.sound
  if not experiment.model.phoneme_kinds or sound is None:
    return heard, None
  values = np.asarray(heard.features)
  frames = values.shape[1]
  said = phonemes.rows(heard.corpus, max(frames, sound.num_frames))
  column = said[:, :frames, None].astype(values.dtype)
  both = np.concatenate([values, column], axis=-1)
  return dataclasses.replace(heard, features=both), said


def _cuts(
  experiment: Experiment, corpus: Corpus, longer: np.ndarray
) -> CorpusFeatures:
  """Features of utterances that are longer than what tests hear.

  Their middle is cut out and scaled by itself, as `predict` and exported files
  do it; the scale of a whole recording may come from a part that is not heard.

  Args:
    experiment: the settings.
    corpus: all utterances.
    longer: indices of the longer ones.
  """
  part = dataclasses.replace(
    corpus,
    utterances=tuple(corpus.utterances[index] for index in longer),
    expected_speakers=(),
  )
  cut = _features(experiment, part, experiment.test_audio)
  assert cut.corpus == part, 'what was read before can be cut'
  return cut


def _told(corpus: Corpus) -> list[list[str]]:
  """Lists what a corpus says of its utterances, for fingerprints."""
  return [
    # NaN has no JSON.
    [u.name, u.label, u.speaker, *map(str, u.values)]
    for u in corpus.utterances
  ]


def load_corpus(experiment: Experiment) -> Corpus:
  """Loads the corpus that a config names, or several as one, with its classes.

  Raises:
    InputError: if a corpus is missing or does not fit the config.
  """
  data = experiment.data
  options = data.part, data.excited_as_happy
  if data.corpora:
    corpus = joined.load(data.corpora, data.classes, *options, **data.ways)
  else:
    corpus = registry.load(
      data.corpus, data.root, data.manifest, *options, **data.ways
    )
  if data.merge_labels:
    corpus = vocabulary.unify(corpus, data.classes)
  if data.classes:
    corpus = vocabulary.choose(corpus, data.classes)
  elif experiment.protocol.entry.crosses_corpora:
    corpus = joined.only_shared(corpus)
  corpus = require_names(corpus)
  corpus = balance.limited(corpus, data.most_per_speaker, data.most_per_corpus)
  check(corpus)
  if experiment.model.phoneme_kinds:
    kinds = experiment.model.phoneme_kinds
    corpus = phonemes.with_phonemes(corpus, data.corpus, kinds)
  corpus = duplicates.with_sounds(corpus, cache_folder(experiment))
  return look_alikes.noted(corpus, joined.own(data.corpora, data.corpus))


def cache_folder(experiment: Experiment) -> pathlib.Path:
  """Folder of the feature cache."""
  return pathlib.Path(
    experiment.data.cache_dir or files.cache_dir() / 'features'
  )


def check_folds(
  folder: RunFolder, corpus: Corpus, folds: Sequence[Fold]
) -> None:
  """Writes folds.json, or compares with the one of the run that is resumed.

  Raises:
    InputError: if utterances, labels or folds are not those of the run.
  """

  def names(utterances: np.ndarray) -> list[str]:
    return [corpus.utterances[index].name for index in utterances]

  labels = _told(corpus)
  content = {
    'corpus': corpus.name,
    'fingerprint': hashlib.sha256(json.dumps(labels).encode()).hexdigest(),
    'folds': [
      {
        'name': fold.name,
        'index': fold.index,
        'train': names(fold.train),
        'validation': names(fold.validation),
        'test': names(fold.test),
      }
      for fold in folds
    ],
  }
  path = folder.folds
  if path.exists():
    require(
      files.read_json(path, ('folds',), RUN) == content,
      f'{path} names other utterances, labels or folds than '
      f'{corpus.name} has now ({len(corpus.utterances)} utterances); restore '
      'the recordings or choose another --workdir',
    )
  else:
    files.write_json(path, content, RUN)
