"""Recordings whose file names say who speaks with which emotion."""

from __future__ import annotations

import collections
import pathlib
from collections.abc import Callable, Iterator

from sernet_jax.common import files, folders
from sernet_jax.common.errors import InputError, require
from sernet_jax.common.text import listing
from sernet_jax.corpora.readers.entry import CorpusEntry, PathLike, compared
from sernet_jax.corpora.utterances import Corpus, Utterance

# An utterance; why a recording is left out on purpose; None for a name that
# does not fit.
Parsed = Utterance | str | None

_DEPTH = 3  # folders below the one that was named


def collect(
  entry: CorpusEntry,
  root: PathLike,
  parse: Callable[[pathlib.Path], Parsed],
) -> Corpus:
  """Reads all recordings below `root` that `parse` understands.

  Subfolders are searched too, so it does not matter how an archive was
  unpacked. Of a recording that is there more than once, the first copy is
  used. Whatever is left out becomes a problem of the corpus.

  Args:
    entry: of the corpus, with published facts.
    root: the folder.
    parse: reads the path of a recording.

  Raises:
    InputError: if there is no recording that `parse` understands.
  """
  published = entry.published
  assert published is not None
  folder = files.absolute(root)
  found: dict[str, Utterance] = {}
  odd, repeated = [], []
  left_out: collections.Counter[str] = collections.Counter()
  for path in below(folder):
    parsed = parse(path)
    if parsed is None:
      odd.append(str(path.relative_to(folder)))
    elif isinstance(parsed, str):
      left_out[parsed] += 1
    elif parsed.name in found:
      repeated.append(str(path.relative_to(folder)))
    else:
      found[parsed.name] = parsed
  require(
    bool(found),
    f'{folder} holds no recordings of {entry.name}'
    + (f' ({len(odd)} have other names, such as {odd[0]})' if odd else '')
    + f'; get them at {published.source} and name their folder with '
    f'--config.data.root= (or {entry.name}:FOLDER in data.corpora)',
  )
  problems = [
    f'{n} recordings {why} and were left out.'
    for why, n in sorted(left_out.items())
  ]
  for paths, what in (
    (repeated, 'are duplicates, the first copy is used'),
    (odd, f'are not named like {entry.name} and were left out'),
  ):
    if paths:
      problems.append(f'{len(paths)} recordings {what}: {listing(paths, 3)}.')
  corpus = Corpus(
    entry.name,
    tuple(published.classes),
    tuple(found[key] for key in sorted(found)),
    problems=tuple(problems),
  )
  return compared(corpus, published, folder)


def wav_files(folder: pathlib.Path) -> list[pathlib.Path]:
  """Lists the WAV files of `folder`, of its folder wav/, or below, by name.

  Raises:
    InputError: if the folder cannot be read, holds a name twice, or if several
      folders below it hold WAV files and none of them alone is called wav.
  """
  if (folder / 'wav').is_dir():
    folder = folder / 'wav'
  if not folder.is_dir():
    return []
  paths = _wav_in(folder) or _wav_deeper(folder)
  by_name: dict[str, pathlib.Path] = {}
  for path in paths:
    require(
      path.stem not in by_name,
      f'{path.parent} holds {path.stem} twice, with different endings; remove '
      'one',
    )
    by_name[path.stem] = path
  return list(by_name.values())


def _wav_in(folder: pathlib.Path) -> list[pathlib.Path]:
  """Lists the WAV files directly in a folder, by name."""
  try:
    return sorted(
      path
      for path in folder.iterdir()
      if path.suffix.lower() == '.wav' and not path.name.startswith('.')
    )
  except OSError as error:
    raise InputError(
      f'{folder} cannot be read ({error.strerror}); correct its permissions or '
      '--config.data.root='
    ) from error


def _wav_deeper(folder: pathlib.Path) -> list[pathlib.Path]:
  """Lists the WAV files of the one folder, up to `_DEPTH` below, with any."""
  found = collections.defaultdict(list)
  for path in below(folder, _DEPTH):
    found[path.parent].append(path)
  called_wav = [parent for parent in found if parent.name.lower() == 'wav']
  chosen = called_wav if len(called_wav) == 1 else list(found)
  if not chosen:
    return []
  require(
    len(chosen) == 1,
    f'{folder} holds several folders of recordings '
    f'({listing(map(str, chosen), 3)}); name one of them with '
    '--config.data.root=',
  )
  return found[chosen[0]]


def below(
  folder: pathlib.Path,
  depth: int | None = None,
  suffixes: tuple[str, ...] = ('.wav',),
) -> Iterator[pathlib.Path]:
  """Yields recordings below a folder, in order; see `folders.below`.

  Args:
    folder: where to begin.
    depth: how many folders deep to look; None for all.
    suffixes: of recordings, in small letters.
  """
  for path in folders.below(folder, depth):
    if path.name.lower().endswith(suffixes):
      yield path
