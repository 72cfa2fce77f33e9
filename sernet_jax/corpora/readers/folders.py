r"""Folders of classes: recordings whose paths say who speaks and how.

`config.data.pattern` shows how the end of a path looks, without the suffix:

  {label}/{speaker}_*           anger/ann_01.wav
  {speaker}/*-{label}-{text}    Actor_01/take-anger-s2.wav

{label} is needed; {speaker}, {text} and {group} may be there. Each stands for
some characters without a slash, as few as fit; * for any number of them. A
regular expression with such named groups does what this cannot:

  \d*(?P<label>\w+)/\w+-(?P<text>\d+)-\d+-\d+-(?P<speaker>\d+)

takes 02Fearful/f1-04-02-01-29.wav of ASED.
"""

from __future__ import annotations

import re

from sernet_jax.audio import containers
from sernet_jax.common import files
from sernet_jax.common.errors import InputError, nearest, require
from sernet_jax.common.text import listing
from sernet_jax.corpora.readers import by_filename
from sernet_jax.corpora.readers.entry import CorpusEntry, PathLike
from sernet_jax.corpora.readers.tables import speakers
from sernet_jax.corpora.utterances import Corpus, Utterance

FIELDS = ('label', 'speaker', 'text', 'group')
_PIECE = re.compile(r'\{([^{}]*)\}|\*')


def folders(root: PathLike, pattern: str, speaker_from: str = '') -> Corpus:
  """Reads all recordings below a folder whose paths fit a pattern.

  An utterance is named by its path from `root`; the classes are the labels.

  Args:
    root: the folder; it may lie deeper or less deep than the pattern begins.
    pattern: `config.data.pattern`.
    speaker_from: see `speakers.finder`; needed where the pattern has none.

  Raises:
    InputError: if the pattern cannot be used or fits no recording.
  """
  require(
    bool(root),
    "data.root is empty; name the folder of the corpus 'folders' with "
    '--config.data.root=',
  )
  folder = files.absolute(root)
  expression = compiled(pattern)
  has_speaker = 'speaker' in expression.groupindex
  require(
    has_speaker != bool(speaker_from),
    f'data.pattern is {pattern!r} and data.speaker_from is {speaker_from!r}; '
    'say who speaks in one of them: {speaker} in the pattern, or speaker_from '
    "'folder', 'unknown' or a regular expression",
  )
  find = speakers.finder(speaker_from) if speaker_from else None
  # Those that do not fit: the pattern, or speaker_from alone.
  utterances, odd, voiceless = [], [], []
  for path in by_filename.below(folder, suffixes=containers.SUFFIXES):
    name = path.relative_to(folder).as_posix()
    match = expression.fullmatch(path.with_suffix('').as_posix())
    found = match.groupdict('') if match else {}
    label = found.get('label', '').strip()
    speaker = find(name, str(path)) if find else found.get('speaker', '')
    if label and speaker.strip():
      utterances.append(
        Utterance(
          name,
          str(path),
          label,
          speaker.strip(),
          found.get('group', ''),
          text=found.get('text', ''),
        )
      )
    elif label and find:
      voiceless.append(name)
    else:
      odd.append(name)
  require(
    bool(utterances) or not voiceless,
    f'{folder} holds no recording whose path fits '
    f'data.speaker_from={speaker_from!r} ({len(voiceless)} do not, such as '
    f'{(voiceless or [""])[0]}); correct it',
  )
  require(
    bool(utterances),
    f'{folder} holds no recording that fits data.pattern={pattern!r}'
    + (f' ({len(odd)} do not, such as {odd[0]})' if odd else '')
    + '; correct it or --config.data.root=',
  )
  problems = [
    f'{len(names)} recordings do not fit {what} and were left out: '
    f'{listing(names, 3)}.'
    for names, what in (
      (odd, repr(pattern)),
      (voiceless, f'data.speaker_from={speaker_from!r}'),
    )
    if names
  ]
  unknown = speaker_from == 'unknown'
  return Corpus(
    files.folder_name(folder),
    tuple(sorted({u.label for u in utterances})),
    tuple(sorted(utterances, key=lambda u: u.name)),
    problems=tuple(problems),
    remarks=(speakers.REMARK,) if unknown else (),
  )


def compiled(pattern: str) -> re.Pattern[str]:
  """Returns the regular expression of a pattern, for paths without suffix.

  Raises:
    InputError: if a field is unknown or comes twice, {label} is missing, or
      nothing stands between two fields.
  """
  if '(?P<' in pattern:
    return _regular(pattern)
  example = "such as '{label}/{speaker}_*'"
  require(
    '{label}' in pattern,
    f'data.pattern is {pattern!r}, which has no {{label}}; show how a path '
    f'ends, {example}',
  )
  parts, seen, end = [], set(), 0
  for piece in _PIECE.finditer(pattern):
    require(
      piece.start() > end or not end,
      f'data.pattern is {pattern!r}, in which nothing parts what stands before '
      f'{piece[0]!r} from it, so that one name can be read in several ways; '
      'write what is between them, or a regular expression with (?P<label>...)',
    )
    parts.append(re.escape(pattern[end : piece.start()]))
    end = piece.end()
    field = piece[1]
    if field is None:
      parts.append('[^/]*')
      continue
    require(
      field in FIELDS,
      f'data.pattern is {pattern!r}, whose {{{field}}} is not known: '
      f'{nearest(field, FIELDS)}',
    )
    require(
      field not in seen,
      f'data.pattern is {pattern!r}, which has {{{field}}} twice; use * where '
      'it comes again',
    )
    seen.add(field)
    parts.append(f'(?P<{field}>[^/]+?)')
  parts.append(re.escape(pattern[end:]))
  return re.compile('(?:.*/)?' + ''.join(parts), re.DOTALL)


def _regular(pattern: str) -> re.Pattern[str]:
  """Compiles a regular expression with named groups."""
  try:
    expression = re.compile(f'(?:.*/)?(?:{pattern})', re.DOTALL)
  except re.error as error:
    raise InputError(
      f'data.pattern is {pattern!r}, which is not a regular expression '
      f'({error}); correct it'
    ) from error
  names = expression.groupindex
  unknown = [name for name in names if name not in FIELDS]
  require(
    not unknown,
    f'data.pattern is {pattern!r}, whose group {", ".join(unknown)} is not '
    f'known: {nearest(unknown[0], FIELDS) if unknown else ""}',
  )
  require(
    'label' in names,
    f'data.pattern is {pattern!r}, which has no group (?P<label>...)',
  )
  return expression


ENTRY = CorpusEntry(
  'folders',
  lambda source: folders(source.root, source.pattern, source.speaker_from),
)
