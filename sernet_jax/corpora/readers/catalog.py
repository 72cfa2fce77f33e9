"""What is published about each corpus: size, classes, licence, source.

The counts are those of the official releases, so that what lies on a disk
can be compared with them; `docs/corpora.md` shows the same facts as a table.
Hours are those of the recordings, rounded to minutes where a source says
them so exactly.
"""

from __future__ import annotations

import collections
import dataclasses
import pathlib

from sernet_jax.corpora.utterances import Corpus


@dataclasses.dataclass(frozen=True)
class Facts:
  """One corpus as published.

  Attributes:
    title: its name in full or as it is known.
    language: what is spoken.
    speakers: how many.
    classes: class -> utterances.
    hours: of speech.
    licence: in short; the source has the binding text.
    source: where to get it.
    paper: to cite.
  """

  title: str
  language: str
  speakers: int
  classes: dict[str, int]
  hours: float
  licence: str
  source: str
  paper: str

  @property
  def utterances(self) -> int:
    """All classes together."""
    return sum(self.classes.values())


def _each(count: int, names: str, **others: int) -> dict[str, int]:
  """The same count for each of `names`, and some that differ."""
  return dict(sorted({**dict.fromkeys(names.split(), count), **others}.items()))


CATALOG = {
  'emodb': Facts(
    title='Berlin Database of Emotional Speech (EMO-DB)',
    language='German',
    speakers=10,
    classes={
      'anger': 127,
      'boredom': 81,
      'disgust': 46,
      'fear': 69,
      'happiness': 71,
      'neutral': 79,
      'sadness': 62,
    },
    hours=0.4,
    licence='free to use, cite the paper',
    source='http://emodb.bilderbar.info',
    paper='Burkhardt et al., Interspeech 2005',
  ),
  'iemocap': Facts(
    title='IEMOCAP, four classes, excited counted as happiness',
    language='English',
    speakers=10,
    classes={
      'anger': 1103,
      'happiness': 1636,
      'neutral': 1708,
      'sadness': 1084,
    },
    hours=7.0,
    licence='on request, research only',
    source='https://sail.usc.edu/iemocap/',
    paper='Busso et al., Language Resources and Evaluation 42, 2008',
  ),
  'ravdess': Facts(
    title='RAVDESS, speech, sound alone',
    language='English (North American)',
    speakers=24,
    classes=_each(
      192, 'anger calm disgust fear happiness sadness surprise', neutral=96
    ),
    hours=1.5,
    licence='CC BY-NC-SA 4.0',
    source='https://zenodo.org/records/1188976',
    paper='Livingstone and Russo, PLoS ONE 13(5), 2018',
  ),
  'cremad': Facts(
    title='CREMA-D',
    language='English (United States)',
    speakers=91,
    classes=_each(1271, 'anger disgust fear happiness sadness', neutral=1087),
    hours=5.3,
    licence='ODbL 1.0',
    source='https://github.com/CheyneyComputerScience/CREMA-D',
    paper='Cao et al., IEEE Transactions on Affective Computing 5(4), 2014',
  ),
  'savee': Facts(
    title='SAVEE',
    language='English (British)',
    speakers=4,
    classes=_each(
      60, 'anger disgust fear happiness sadness surprise', neutral=120
    ),
    hours=0.5,
    licence='free for research, after registration',
    source='http://kahlan.eps.surrey.ac.uk/savee/',
    paper='Haq and Jackson, in: Machine Audition, IGI Global, 2010',
  ),
  'tess': Facts(
    title='Toronto emotional speech set (TESS)',
    language='English (Canadian)',
    speakers=2,
    classes=_each(400, 'anger disgust fear happiness neutral sadness surprise'),
    hours=1.6,
    licence='CC BY-NC-ND 4.0',
    source='https://doi.org/10.5683/SP2/E8H2MF',
    paper='Pichora-Fuller and Dupuis, 2020 (the data set)',
  ),
  'emovo': Facts(
    title='EMOVO',
    language='Italian',
    speakers=6,
    classes=_each(84, 'anger disgust fear happiness neutral sadness surprise'),
    hours=0.5,
    licence='none stated by its source; ask the authors',
    source='http://voice.fub.it/activities/corpora/emovo/index.html',
    paper='Costantini et al., LREC 2014',
  ),
  'nemo': Facts(
    title='nEMO',
    language='Polish',
    speakers=9,
    classes={
      'anger': 749,
      'fear': 736,
      'happiness': 749,
      'neutral': 809,
      'sadness': 769,
      'surprise': 669,
    },
    hours=3.1,
    licence='CC BY-NC-SA 4.0',
    source='https://github.com/amu-cai/nEMO',
    paper='Christop, LREC-COLING 2024',
  ),
  'shemo': Facts(
    title='Sharif Emotional Speech Database (ShEMO)',
    language='Persian',
    speakers=87,
    classes={
      'anger': 1059,
      'fear': 38,
      'happiness': 201,
      'neutral': 1028,
      'sadness': 449,
      'surprise': 225,
    },
    hours=3.4,
    licence='free for academic purposes',
    source='https://github.com/mansourehk/ShEMO',
    paper='Mohamad Nezami et al., Language Resources and Evaluation 53, 2019',
  ),
}


def compared(corpus: Corpus, name: str, folder: pathlib.Path) -> Corpus:
  """The corpus with a sentence on how its counts compare to the published.

  Args:
    corpus: as it was found.
    name: a key of `CATALOG`.
    folder: where it was found.

  Returns:
    The corpus with one more remark (all counts agree) or one more problem
    (which do not).
  """
  facts = CATALOG[name]
  counts = collections.Counter(u.label for u in corpus.utterances)
  speakers = len(corpus.speakers)
  if dict(counts) == facts.classes and speakers == facts.speakers:
    remark = (
      f'{facts.utterances} utterances, {speakers} speakers and the count of '
      f'each of {len(counts)} classes are as published.'
    )
    return dataclasses.replace(corpus, remarks=(*corpus.remarks, remark))
  differ = [
    f'{label} {counts[label]} of {facts.classes.get(label, 0)}'
    for label in sorted(counts.keys() | facts.classes.keys())
    if counts[label] != facts.classes.get(label, 0)
  ]
  if speakers != facts.speakers:
    differ.append(f'speakers {speakers} of {facts.speakers}')
  problem = (
    f'{folder} holds {len(corpus.utterances)} recordings, the whole corpus has '
    f'{facts.utterances} ({", ".join(differ)}).'
  )
  return dataclasses.replace(corpus, problems=(*corpus.problems, problem))
