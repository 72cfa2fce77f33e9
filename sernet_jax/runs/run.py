"""One experiment, from its config to its report."""

from __future__ import annotations

import contextlib
import pathlib
import sys
from collections.abc import Iterator
from typing import Any

import jax
import ml_collections

from sernet_jax.audio import quality
from sernet_jax.common import files, machine
from sernet_jax.common.errors import InputError, require
from sernet_jax.corpora import inspection, joined
from sernet_jax.corpora.cache import durations
from sernet_jax.results import environment, report, run_folder
from sernet_jax.results.figures import corpus_plot
from sernet_jax.results.formats import results_json
from sernet_jax.results.run_results import Results
from sernet_jax.runs import config as config_lib, differences, trainer
from sernet_jax.runs.config import Experiment
from sernet_jax.runs.data import Data, cache_folder, check_folds, load_corpus
from sernet_jax.runs.distributed.group import Group
from sernet_jax.runs.weights import history, start as start_lib, teachers
from sernet_jax.runs.weights.start import Start

# Where a machine keeps its files may differ between the processes of a run.
_LOCAL = ('data.root', 'data.cache_dir')
_PICTURE = 'corpus.png'  # of `inspect`


def default_workdir(config: ml_collections.ConfigDict) -> pathlib.Path:
  """Returns runs/NAME-HASH, another folder for every set of settings.

  Raises:
    InputError: if the config is wrong, or its name would leave runs/.
  """
  name = config_lib.experiment(config).name
  require(
    files.file_name(name) == name,
    f'the config has name={name!r}, which cannot be part of a folder below '
    'runs/; set another with --config.name, or give a --workdir',
  )
  digest = differences.short_hash(config_lib.to_dict(config))
  return pathlib.Path('runs') / f'{name}-{digest}'


def inspect(config: ml_collections.ConfigDict, workdir: pathlib.Path) -> str:
  """Returns the table of a corpus; draws it in workdir/corpus.png."""
  experiment = config_lib.experiment(config)
  require(not workdir.is_file(), f'{workdir} is a file; choose a --workdir')
  corpus = load_corpus(experiment)
  durations_s, bad = durations.measure(
    corpus, folder=cache_folder(experiment), processes=machine.num_cores()
  )
  segment_s = experiment.audio.duration_s
  picture = workdir / _PICTURE
  with files.writing(picture, run_folder.RUN):
    workdir.mkdir(parents=True, exist_ok=True)
    corpus_plot.figure(corpus, durations_s, picture, segment_s)
  limit_hz = experiment.mfcc.upper_edge_hz
  odd = inspection.listen(corpus, experiment.audio, limit_hz, bad)
  table = inspection.table(corpus, durations_s, segment_s, bad, odd)
  return f'{table}\nlook at {picture}'


def train(config: ml_collections.ConfigDict, workdir: pathlib.Path) -> Results:
  """Runs, resumes or recalls an experiment; returns its results.

  Raises:
    InputError: for anything wrong in config, corpus or folder.
    interrupt.Stopped: after SIGINT or SIGTERM, with the state saved.
  """
  group = Group()
  with group.guard():
    experiment = config_lib.experiment(config)
    settings = config_lib.to_dict(config)
    _require_precision(experiment.train.precision)
    _require_same(group, settings)
    return _train(experiment, settings, run_folder.RunFolder(workdir), group)


def _train(
  experiment: Experiment,
  settings: dict[str, Any],
  folder: run_folder.RunFolder,
  group: Group,
) -> Results:
  """Runs `train` among the processes of `group`."""

  def prepare() -> dict[str, Any] | None:
    if folder.config.exists():
      with folder.lock():
        results = _recall(folder, settings)
        return results.to_json() if results else None
    _require_empty(folder)
    return None

  finished = group.from_first(prepare)
  if finished is not None:
    return results_json.decode(finished)
  # Whatever is wrong with the corpus shows before the folder is touched.
  data = _load(experiment, group)
  # A start that was killed before there was a config may have left another.
  begun = folder.config.exists() and (folder.path / history.FILE).exists()
  start: list[Start] = []
  told: dict[str, Any] = {}
  taught: list[Start] = []
  group.all(lambda: taught.extend(teachers.load(experiment, data)))
  teachers.give(data, taught)

  def look() -> None:
    if begun:
      teachers.require_same(folder, taught)
      return
    if experiment.train.start_from:
      start.append(start_lib.load(experiment.train.start_from))
      told.update(start_lib.record(start[0], experiment, data))
    else:
      told.update(history.of_run(experiment.data, data))
    if taught:
      told.update(teachers.record(taught, experiment, data, told))

  group.from_first(look)
  with _held(folder, group):

    def begin() -> None:
      if folder.config.exists():
        _compare(folder, settings)
      else:  # a start that was killed may have left them
        folder.folds.unlink(missing_ok=True)
      check_folds(folder, data.features.corpus, data.folds)
      folder.write_environment(environment.record(jax.devices()))
      if not begun:
        history.write(folder, told)
      # Last: a folder with a config is a run.
      folder.write_config(settings)

    group.from_first(begin)
    return trainer.Trainer(experiment, folder, data, group, *start).run()


def evaluate(
  config: ml_collections.ConfigDict, workdir: pathlib.Path
) -> Results:
  """Evaluates a run's newest checkpoint, however far it is."""
  experiment = config_lib.experiment(config)
  group = Group()
  require(
    group.size == 1, 'an evaluation needs one process; leave out --coordinator'
  )
  folder = run_folder.RunFolder(workdir)
  require(
    folder.config.exists(),
    f'{workdir} holds no run; train one with --mode=train first',
  )
  with folder.lock():
    _compare(folder, config_lib.to_dict(config))
    data = Data(experiment, load_corpus(experiment))
    check_folds(folder, data.features.corpus, data.folds)
    return trainer.Trainer(
      experiment, folder, data, group
    ).evaluate_checkpoint()


def _require_precision(precision: str) -> None:
  """Rejects a precision that the backend would ignore; CPUs emulate it."""
  platform = jax.default_backend()
  require(
    precision != 'tf32' or platform in ('cpu', 'gpu', 'cuda', 'rocm'),
    f"train.precision is 'tf32', which {platform} does not support; choose "
    "'float32' or 'bfloat16'",
  )


def _require_same(group: Group, settings: dict[str, Any]) -> None:
  """Refuses processes of one run that were started with unlike settings."""
  expected = group.from_first(lambda: settings)

  def compare() -> None:
    changed = differences.between(settings, expected, free=_LOCAL)
    if changed:
      field, here, there = changed[0]
      raise InputError(
        f'process {group.rank} was started with {field}={here!r} and process '
        f'0 with {there!r}; give all processes the same --config'
      )

  group.all(compare)


def _load(experiment: Experiment, group: Group) -> Data:
  """Loads the data of every process; process 0 first, to fill the cache."""
  made: list[Data] = []

  def load() -> str:
    corpus = load_corpus(experiment)
    if group.first:
      for problem in corpus.problems:
        print(f'problem: {problem}', file=sys.stderr)
      for remark in corpus.remarks:
        print(f'note: {remark}', file=sys.stderr)
    made.append(Data(experiment, corpus))
    if group.first:
      total = len(corpus.utterances)
      for note in quality.summary(made[0].features.notes, total):
        print(f'note: {note}', file=sys.stderr)
    return made[0].fingerprint

  expected = group.from_first(load)

  def check() -> None:
    if not made:
      load()
    require(
      made[0].fingerprint == expected,
      f'process {group.rank} has another corpus than process 0 in '
      f'data.root={experiment.data.root!r}; give both the same files',
    )

  group.all(check)
  return made[0]


@contextlib.contextmanager
def _held(folder: run_folder.RunFolder, group: Group) -> Iterator[None]:
  """Holds the lock of the folder, in process 0 for all."""
  with contextlib.ExitStack() as stack:

    def lock() -> None:
      stack.enter_context(folder.lock())

    group.from_first(lock)
    yield


def _recall(
  folder: run_folder.RunFolder, config: dict[str, Any]
) -> Results | None:
  """Returns the results of a finished run, None if there is work."""
  before = _compare(folder, config)
  if not folder.results.exists():
    return None
  results, epochs = folder.read_results(), config['train']['epochs']
  trainer.require_ahead(folder, results.epochs, epochs)
  if results.epochs != epochs:
    return None
  print(_of_recalled(folder, before['data'], config['data']), file=sys.stderr)
  if not folder.report.exists():  # killed while it was drawn
    report.write(folder)
  return results


def _of_recalled(
  folder: run_folder.RunFolder, before: dict[str, Any], now: dict[str, Any]
) -> str:
  """Says what the results of a finished run are of.

  Args:
    folder: of the run.
    before: its settings of data.
    now: those that were asked for.
  """
  for field in ('root', 'corpora'):
    old, new = before.get(field, ''), now[field]
    if old != new and (
      field == 'root' or joined.parse(old) != joined.parse(new)
    ):
      return (
        f'{folder.path} was trained on the recordings in data.{field}={old!r}; '
        f'these are its results, and {new!r} was not opened'
      )
  return (
    f'{folder.path} is finished: these are its results, and no recording or list '
    'was opened'
  )


def _require_empty(folder: run_folder.RunFolder) -> None:
  if not folder.path.exists():
    return
  require(folder.path.is_dir(), f'{folder.path} is a file; choose a --workdir')
  # Of `inspect`, or what a start that was killed left behind.
  expected = {
    _PICTURE,
    history.FILE,
    *(
      path.name
      for path in (
        folder.lock_file,
        folder.folds,
        folder.environment,
        folder.config,
      )
    ),
  }
  stray = [
    path.name
    for path in folder.path.iterdir()
    if files.name_when_written(path) not in expected
  ]
  require(
    not stray,
    f'{folder.path} holds {", ".join(sorted(stray)[:3])} but no run; choose an '
    'empty or new --workdir',
  )


def _compare(
  folder: run_folder.RunFolder, config: dict[str, Any]
) -> dict[str, Any]:
  """Returns the config of a run, which must have the same settings."""
  before = folder.read_config()
  changed = differences.between(config, before)
  if changed:
    field, now, old = changed[0]
    more = f' and {len(changed) - 1} other fields' if len(changed) > 1 else ''
    raise InputError(
      f'{folder.path} is a run with {field}={old!r}, not {now!r}{more}; '
      'choose another --workdir or the settings in its config.json'
    )
  return before
