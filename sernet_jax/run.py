"""One experiment from its config to its report.

Folds advance together, epoch by epoch, so that a run stopped anywhere has
results for every fold. All state lives in the checkpoint; the files of the
run folder are written from it.
"""

from __future__ import annotations

import pathlib
import sys
import time
from typing import Any

import jax
import ml_collections
import numpy as np
import tqdm

from sernet_jax import (
  batching,
  checkpoint,
  config as config_lib,
  corpora,
  emotions,
  feature_cache,
  files,
  inspection,
  interrupt,
  joined,
  manifest,
  protocols,
  records,
  report,
  results as results_lib,
  tensorboard,
  training,
)
from sernet_jax.config import Experiment
from sernet_jax.spec import InputError, require

_EXCITED = {'default': None, 'yes': True, 'no': False}


def load_corpus(experiment: Experiment) -> corpora.Corpus:
  """The corpus that a config names, or several as one, with its classes."""
  data = experiment.data
  options = data['part'], _EXCITED[data['excited']]
  if data['corpora']:
    corpus = joined.load(data['corpora'], data['classes'], *options)
  else:
    corpus = corpora.load(
      data['corpus'], data['root'], data['manifest'], *options
    )
  if data['classes']:
    corpus = emotions.choose(corpus, data['classes'])
  elif experiment.protocol.name in ('loco', 'cross'):
    corpus = joined.only_shared(corpus)
  corpora.check(corpus)
  return corpus


def default_workdir(config: ml_collections.ConfigDict) -> pathlib.Path:
  """runs/NAME-HASH, another folder for every set of settings."""
  digest = config_lib.short_hash(config_lib.to_dict(config))
  return pathlib.Path('runs') / f'{config.name}-{digest}'


def inspect(config: ml_collections.ConfigDict, workdir: pathlib.Path) -> str:
  """The table of a corpus; its picture goes to workdir/corpus.png."""
  experiment = config_lib.experiment(config)
  try:
    corpus = load_corpus(experiment)
  except manifest.WrongLines as error:
    raise InputError(error.explained()) from error
  if experiment.data['manifest']:
    corpus = joined.with_copies_told(corpus)
  durations_s, bad = inspection.durations_s(
    corpus, folder=_cache_folder(experiment), processes=files.num_cores()
  )
  segment_s = experiment.audio.duration_s
  picture = workdir / 'corpus.png'
  with records.files.writing(picture):
    workdir.mkdir(parents=True, exist_ok=True)
    inspection.figure(corpus, durations_s, picture, segment_s)
  table = inspection.table(corpus, durations_s, segment_s, bad)
  return f'{table}\nlook at {picture}'


def train(
  config: ml_collections.ConfigDict, workdir: pathlib.Path
) -> dict[str, Any]:
  """Runs, resumes or recalls an experiment; returns its results.

  Raises:
    InputError: for anything wrong in config, corpus or folder.
    interrupt.Stopped: after SIGINT or SIGTERM, with the state saved.
  """
  experiment = config_lib.experiment(config)
  settings = config_lib.to_dict(config)
  folder = records.RunFolder(workdir)
  if folder.config.exists():
    with folder.lock():
      finished = _recall(folder, settings)
    if finished is not None:
      return finished
  else:
    _require_empty(folder)
  # Whatever is wrong with the corpus shows before the folder is touched.
  data = _Data(experiment)
  with folder.lock():
    if folder.config.exists():
      _compare(folder, settings)
    results_lib.check_folds(folder, data.features.corpus, data.folds)
    folder.write_config(settings)
    folder.write_environment(records.environment(jax.devices()))
    return _Run(experiment, folder, data).run()


def evaluate(
  config: ml_collections.ConfigDict, workdir: pathlib.Path
) -> dict[str, Any]:
  """Results of a run's newest checkpoint, however far it is."""
  experiment = config_lib.experiment(config)
  folder = records.RunFolder(workdir)
  require(
    folder.config.exists(),
    f'{workdir} holds no run; train one with --mode=train first',
  )
  with folder.lock():
    _compare(folder, config_lib.to_dict(config))
    data = _Data(experiment)
    results_lib.check_folds(folder, data.features.corpus, data.folds)
    return _Run(experiment, folder, data).evaluate_checkpoint()


def _recall(
  folder: records.RunFolder, config: dict[str, Any]
) -> dict[str, Any] | None:
  """Results of a finished run of the same settings, None if there is work."""
  _compare(folder, config)
  if not folder.results.exists():
    return None
  results, epochs = folder.read_results(), config['train']['epochs']
  _require_ahead(folder, results['epochs'], epochs)
  return results if results['epochs'] == epochs else None


def _require_ahead(folder: records.RunFolder, done: int, epochs: int) -> None:
  require(
    done <= epochs,
    f'{folder.path} already did {done} epochs, more than train.epochs={epochs}; '
    'ask for at least as many, or choose another --workdir',
  )


def _require_empty(folder: records.RunFolder) -> None:
  if not folder.path.exists():
    return
  require(folder.path.is_dir(), f'{folder.path} is a file; choose a --workdir')
  stray = [p.name for p in folder.path.iterdir() if p != folder.lock_file]
  require(
    not stray,
    f'{folder.path} holds {", ".join(sorted(stray)[:3])} but no run; choose an '
    'empty or new --workdir',
  )


def _compare(folder: records.RunFolder, config: dict[str, Any]) -> None:
  changed = config_lib.differences(config, folder.read_config())
  if changed:
    field, now, before = changed[0]
    more = f' and {len(changed) - 1} other fields' if len(changed) > 1 else ''
    raise InputError(
      f'{folder.path} is a run with {field}={before!r}, not {now!r}{more}; '
      'choose another --workdir or the settings in its config.json'
    )


def _cache_folder(experiment: Experiment) -> pathlib.Path:
  return pathlib.Path(
    experiment.data['cache_dir'] or corpora.cache_dir() / 'features'
  )


class _Data:
  """Corpus, features, folds, and their arrays on the device."""

  def __init__(self, experiment: Experiment):
    self.features = feature_cache.load(
      load_corpus(experiment),
      experiment.feature_kind,
      experiment.mfcc,
      experiment.audio,
      _cache_folder(experiment),
      experiment.data['on_bad_file'],
    )
    corpus = self.features.corpus
    owners = self.features.segment_utterances
    self.folds = protocols.make(corpus, experiment.protocol, experiment.seed)
    arrays = batching.fold_arrays(
      self.folds, corpus.labels, owners, experiment.train.batch_size
    )
    self.fold_arrays = jax.device_put(arrays)
    self.inputs = jax.device_put(np.asarray(self.features.features))
    self.labels = jax.device_put(corpus.labels[owners])


class _Run:
  """The moving parts of one experiment."""

  def __init__(
    self, experiment: Experiment, folder: records.RunFolder, data: _Data
  ):
    self.experiment, self.folder, self.data = experiment, folder, data
    self.folds = data.folds
    self.recipe = results_lib.recipe(experiment, data.features.corpus)

  def run(self) -> dict[str, Any]:
    with checkpoint.Checkpoints(self.folder.checkpoints) as checkpoints:
      states, done = self._restore(checkpoints)
      self._train(checkpoints, states, done)
      return self._finish(states, done)

  def evaluate_checkpoint(self) -> dict[str, Any]:
    with checkpoint.Checkpoints(self.folder.checkpoints) as checkpoints:
      states, done = self._restore(checkpoints)
    require(
      bool(done.min() > 0),
      f'{self.folder.path} has no checkpoint in which every fold did an epoch; '
      'train it further with --mode=train',
    )
    return self._finish(states, done)

  def _restore(self, checkpoints) -> tuple[list[Any], np.ndarray]:
    init = jax.jit(training.init_state, static_argnums=0)
    fresh = [init(self.recipe, fold.index) for fold in self.folds]
    # As numpy arrays: what is given to a compiled epoch is used up.
    states = [jax.tree.map(np.asarray, state) for state in fresh]
    done = np.zeros(len(self.folds), np.int32)
    tree, said = checkpoints.load(_stack(states, done))
    for sentence in said:
      print(sentence, file=sys.stderr)
    if tree is not None:
      done = np.asarray(tree['epochs_done'])
      states = [
        jax.tree.map(lambda leaf, i=i: leaf[i], tree['folds'])
        for i in range(len(self.folds))
      ]
    _require_ahead(self.folder, int(done.max()), self.experiment.train.epochs)
    names = [fold.name for fold in self.folds]
    self.folder.truncate_metrics(dict(zip(names, done.tolist(), strict=True)))
    return states, done

  def _train(self, checkpoints, states, done) -> None:
    train = self.experiment.train
    if done.min() == train.epochs:
      return
    run_epoch = training.compile_epoch(self.recipe)
    logs = tensorboard.writer(self.folder.path, self.experiment.tensorboard)
    bar = tqdm.tqdm(
      total=len(self.folds) * train.epochs,
      initial=int(done.sum()),
      unit='epoch',
      desc='training',
      disable=None,
      smoothing=0.05,
    )
    latest: dict[str, float] = {}
    with interrupt.signals() as stop, logs, bar:
      for epoch in range(int(done.min()), train.epochs):
        for number, fold in enumerate(self.folds):
          if done[number] > epoch:
            continue
          start = time.perf_counter()
          states[number], values = run_epoch(
            self.data.inputs,
            self.data.labels,
            self.data.fold_arrays[number],
            states[number],
            np.int32(epoch),
          )
          row = results_lib.metrics_row(
            fold, epoch, self.experiment.optim, jax.device_get(values)
          )
          row['seconds'] = time.perf_counter() - start
          self._require_finite(row, checkpoints)
          self.folder.append_metrics([row])
          logs.write(row)
          done[number] = epoch + 1
          latest[fold.name] = row.get('test', row['train'])['uar']
          bar.set_postfix(
            loss=f'{row["train"]["loss"]:.3f}',
            UAR=f'{np.mean(list(latest.values())):.3f}',
          )
          bar.update()
          if stop:
            checkpoints.save(int(done.sum()), _stack(states, done))
            raise interrupt.Stopped(
              stop[0],
              f'stopped after {done.sum()} of {len(done) * train.epochs} '
              'fold-epochs; run the same command again to go on',
            )
        last = epoch + 1 == train.epochs
        if last or (epoch + 1) % train.checkpoint_epochs == 0:
          checkpoints.save(int(done.sum()), _stack(states, done))

  def _require_finite(self, row, checkpoints) -> None:
    values = [
      row['train']['l2'],
      *(
        row[part]['loss']
        for part in ('train', 'test', 'validation')
        if part in row
      ),
    ]
    if np.isfinite(values).all():
      return
    steps = checkpoints.steps
    kept = f'step {steps[-1]} is kept' if steps else 'none was written yet'
    raise InputError(
      f'fold {row["fold"]} became {row["train"]["loss"]} (training loss) in '
      f'epoch {row["epoch"]} at learning rate {row["learning_rate"]:.3g}; '
      'lower optim.learning_rate and start in a new --workdir (last '
      f'checkpoint: {kept})'
    )

  def _finish(self, states, done) -> dict[str, Any]:
    data = self.data
    tests = results_lib.predictions(
      self.recipe,
      data.inputs,
      data.features,
      data.fold_arrays,
      self.folds,
      states,
    )
    results = results_lib.make(
      self.experiment, self.recipe, data.features, tests, done, self.folder
    )
    report.write(self.folder)
    return results


def _stack(states: list[Any], done: np.ndarray) -> dict[str, Any]:
  """All folds along a leading axis, as a checkpoint holds them."""
  host = [jax.tree.map(np.asarray, state) for state in states]
  folds = jax.tree.map(lambda *leaves: np.stack(leaves), *host)
  return {'epochs_done': np.asarray(done, np.int32), 'folds': folds}
