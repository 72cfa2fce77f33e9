"""The embedded corpus: synthetic emotional speech, for a first run offline.

Six voices say five texts in four emotions, twice each: 240 recordings with
names like EMO-DB's. Nobody spoke and nobody listened: an emotion is a shift
of eleven properties of the voice, in the directions that reviews of vocal
emotion report (K. Scherer, Vocal communication of emotion, 2003). The shifts
overlap, each voice has its own habits, and repetitions of a text differ.
Figures made from this corpus show that the program works; they say nothing
about people.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import numpy as np

from sernet_jax.audio import reading
from sernet_jax.common.errors import InputError, require
from sernet_jax.corpora.synthetic import voice

VERSION = '2'  # raise it whenever a sound changes
CLASSES = ('anger', 'happiness', 'neutral', 'sadness')
LETTERS = {'anger': 'W', 'happiness': 'F', 'neutral': 'N', 'sadness': 'T'}
VERSIONS = ('a', 'b')
TEXTS = {
  'a01': 'da NI so | me KA lu te',
  'a02': 'MO be ta | fi LE nu JA ko',
  'a03': 'si DO ma LU | ne TA bi',
  'b01': 'le FA di | ko NE mu SA',
  'b02': 'nu TE lo BI | ja sa ME do',
}
# Level of pitch in Hz, length of the tract as the factor of the formants,
# corner of the source in Hz: 01 to 03 are men, 04 to 06 women.
SPEAKERS = {
  '01': (104.0, 0.97, 1300.0),
  '02': (121.0, 1.01, 1700.0),
  '03': (138.0, 1.05, 1500.0),
  '04': (183.0, 1.13, 1300.0),
  '05': (202.0, 1.17, 1800.0),
  '06': (221.0, 1.20, 1500.0),
}

# The difficulty of the task: the distance between the emotions, the spread of
# utterances of one emotion, and the distance of a speaker's habits from the
# common pattern. Raise VERSION with them.
STRENGTH = 1.2
SCATTER = 0.8
HABIT = 0.5

# Shift by emotion in the order of CLASSES, then the standard deviation of an
# utterance at SCATTER 1; HABIT counts in these deviations too.
_SHIFTS = {
  'pitch_st': (3.5, 4.0, 0.0, -1.0, 2.0),
  'range_log': (0.25, 0.40, 0.0, -0.45, 0.20),
  'end_st': (-1.0, 1.0, 0.0, -0.5, 1.0),
  'rate_log': (0.10, 0.05, 0.0, -0.14, 0.08),
  'effort': (1.0, 0.4, 0.0, -0.7, 0.4),
  'breath_db': (-3.0, -1.0, 0.0, 5.0, 3.0),
  'jitter_log': (0.4, 0.0, 0.0, 0.3, 0.3),
  'jaw_log': (0.09, 0.05, 0.0, -0.04, 0.04),
  'smile_log': (0.0, 0.04, 0.0, -0.03, 0.02),
  'articulation_log': (0.10, 0.08, 0.0, -0.20, 0.10),
  'accent_db': (2.5, 1.5, 0.0, -1.5, 1.0),
}
# Arguments of `synthesize` by the name of the recording.
_UTTERANCES = {
  ''.join((speaker, text, LETTERS[emotion], version)): (
    speaker,
    text,
    emotion,
    version,
  )
  for speaker in SPEAKERS
  for text in TEXTS
  for emotion in CLASSES
  for version in VERSIONS
}
_SEED = 20_220_523
_NAME = re.compile(r'\d\d[a-z]\d\d[A-Z][a-z]')
_README = 'README.txt'
_MARK = 'Synthetic emotional speech of sernet_jax, version '
_TEXT = f"""{_MARK}{VERSION}

Everything here was computed; nobody speaks in these recordings, and no
person judged them. Results on them show that the program works. They say
nothing about the recognition of human emotion.

wav/<speaker><text><emotion><version>.wav, 16 kHz, 16 bit, mono
speaker 01 to 03 low voices, 04 to 06 high voices
emotion W anger, F happiness, N neutral, T sadness
"""


def synthesize(
  speaker: str, text: str, emotion: str, version: str
) -> np.ndarray:
  """Synthesizes one utterance.

  Args:
    speaker: a key of `SPEAKERS`.
    text: a key of `TEXTS`.
    emotion: one of `CLASSES`.
    version: one of `VERSIONS`.

  Returns:
    (samples,) float64 at `voice.SAMPLE_RATE_HZ`, magnitude below 1, the same
    for the same arguments.
  """
  indices = (
    tuple(SPEAKERS).index(speaker),
    tuple(TEXTS).index(text),
    CLASSES.index(emotion),
    VERSIONS.index(version),
  )
  rng = _generator(1, *indices)
  style = _style(speaker, emotion, rng)
  peak = 0.35 + 0.5 * rng.random()
  return peak * voice.speak(TEXTS[text], style, rng)


def parse_name(stem: str) -> tuple[str, str]:
  """Reads speaker and emotion from a name such as '01a02Wb'.

  Raises:
    InputError: if no recording of this corpus has the name.
  """
  require(
    stem in _UTTERANCES,
    f'{stem!r} is not a recording of the embedded corpus, whose names are like '
    '01a02Wb; remove the file or give data.root another folder',
  )
  speaker, _, emotion, _ = _UTTERANCES[stem]
  return speaker, emotion


def is_complete(root: Path) -> bool:
  """Tells whether `root` holds every recording of this version."""
  readme, wav = Path(root) / _README, Path(root) / 'wav'
  if not readme.is_file() or not wav.is_dir():
    return False
  if readme.read_text(encoding='utf-8', errors='replace') != _TEXT:
    return False
  found = {p.name for p in wav.iterdir() if p.stat().st_size > 44}
  return {f'{name}.wav' for name in _UTTERANCES} <= found


def generate(root: Path) -> None:
  """Writes the corpus to `root` unless it is complete there.

  The recordings are written to a hidden folder beside `root`, which becomes
  `root` in one step: a killed process leaves no half corpus, and of two
  processes at once the later one to finish drops its copy. A damaged or
  older corpus is replaced.

  Raises:
    InputError: if `root` holds something else or cannot be written.
  """
  root = Path(root)
  try:
    if is_complete(root):
      return
    require(
      not root.exists() or _is_replaceable(root),
      f'{root} holds files that are not of the embedded corpus; name another '
      'folder or move them away',
    )
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
      prefix=f'.{root.name}-', dir=root.parent
    ) as scratch:
      _write(Path(scratch) / 'new')
      if root.exists() and not is_complete(root):
        root.rename(Path(scratch) / 'old')
      if not is_complete(root):
        (Path(scratch) / 'new').rename(root)
  except OSError as error:
    if not is_complete(root):  # else another process was faster
      raise InputError(
        f'{root} cannot be written ({error.strerror}); make room or name a '
        'writable folder'
      ) from error


def _write(root: Path) -> None:
  (root / 'wav').mkdir(parents=True)
  for name, arguments in _UTTERANCES.items():
    samples = synthesize(*arguments)
    reading.write_wav(
      root / 'wav' / f'{name}.wav', samples, voice.SAMPLE_RATE_HZ
    )
  (root / _README).write_text(_TEXT, encoding='utf-8')


def _is_replaceable(root: Path) -> bool:
  """Tells whether a folder holds only what any version of `_write` writes."""
  if not root.is_dir():
    return False
  entries = {entry.name for entry in root.iterdir()}
  if not entries:
    return True
  if not entries <= {_README, 'wav'} or not (root / _README).is_file():
    return False
  text = (root / _README).read_text(encoding='utf-8', errors='replace')
  recordings = (root / 'wav').iterdir() if 'wav' in entries else ()
  return text.startswith(_MARK) and all(
    path.suffix == '.wav' and _NAME.fullmatch(path.stem) for path in recordings
  )


def _generator(*purpose: int) -> np.random.Generator:
  return np.random.Generator(np.random.PCG64([_SEED, *purpose]))


def _bounded(rng: np.random.Generator, count: int) -> np.ndarray:
  """Draws normal deviates within 2, so that voices stay human; (count,)."""
  return np.clip(rng.standard_normal(count), -2, 2)


def _style(speaker: str, emotion: str, rng: np.random.Generator) -> voice.Style:
  """Draws the voice of one utterance: common pattern, habit, chance.

  shift = STRENGTH * intensity * pattern + deviation * (HABIT * h + SCATTER * n)
  with h fixed for speaker and emotion, n and the intensity for the utterance.
  """
  pitch_hz, tract, tilt_hz = SPEAKERS[speaker]
  column = CLASSES.index(emotion)
  of_speaker = _generator(0, tuple(SPEAKERS).index(speaker), column)
  habits = _bounded(of_speaker, len(_SHIFTS))
  chance = _bounded(rng, len(_SHIFTS))
  intensity = np.exp(0.2 * SCATTER * _bounded(rng, 1)[0])
  shift = {}
  for index, (name, row) in enumerate(_SHIFTS.items()):
    pattern, deviation = row[column], row[-1]
    shift[name] = STRENGTH * intensity * pattern + deviation * (
      HABIT * habits[index] + SCATTER * chance[index]
    )
  return voice.Style(
    pitch_hz=pitch_hz * 2 ** (shift['pitch_st'] / 12),
    pitch_range=np.exp(shift['range_log']),
    pitch_end_st=-2.0 + shift['end_st'],
    rate=np.exp(shift['rate_log']),
    pause_s=0.08 * np.exp(-2 * shift['rate_log'] + 0.3 * rng.standard_normal()),
    tract=tract * np.exp(0.01 * rng.standard_normal()),
    jaw=np.exp(shift['jaw_log']),
    smile=np.exp(shift['smile_log']),
    articulation=np.exp(shift['articulation_log']),
    tilt_hz=tilt_hz * 2 ** shift['effort'],
    open_quotient=float(np.clip(0.6 - 0.07 * shift['effort'], 0.4, 0.8)),
    breath=0.06 * 10 ** (shift['breath_db'] / 20),
    jitter=0.006 * np.exp(shift['jitter_log']),
    shimmer=0.06 * np.exp(0.5 * shift['jitter_log']),
    accent_db=4.0 + shift['accent_db'],
    snr_db=30.0 + 3.0 * rng.standard_normal(),
  )
