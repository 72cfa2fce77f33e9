"""The table of protocols: how each splits a corpus and what its figures mean.

Everything that depends on the protocol (which folds there are, what is
checked, what reports say) asks the entry; nothing else knows the names.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from sernet_jax.corpora.protocols import pairs
from sernet_jax.corpora.protocols.pairs import Pair

NUM_PAIRS = 10  # folds of 'paper2021'


@dataclasses.dataclass(frozen=True)
class Protocol:
  """One way to split a corpus.

  Has `test_sets` (within one corpus) or `pairs` (across several).

  Attributes:
    name: the value of `protocol.name`.
    title: its name in words, for headings.
    unit: what is never on both sides of a fold: 'speakers', 'corpora', or
      only 'utterances'.
    shows: what its figures show.
    does_not_show: what they do not show.
    test_sets: function of the module `test_sets`, '' for none; by its name, as
      that module loads numpy, which `--help` need not.
    pairs: from the names of corpora to who trains and who tests.
    num_folds: folds of a complete run, where the number of tests does not
      tell (the tests overlap); None where each utterance is tested once.
    trains_on_tests: the test set is the training set.
    adapts: recordings of the tested speaker, without their labels, shape the
      network before the test.
    holds_out: who chooses the epoch with `protocol.validation='speaker'`, in
      words.
    new_texts: nobody says the tested sentences in training.
    caveat: one more sentence for the notes of a run, '' for none.
  """

  name: str
  title: str
  unit: str
  shows: str
  does_not_show: str
  test_sets: str = ''
  pairs: Callable[[Sequence[str]], list[Pair]] | None = None
  num_folds: int | None = None
  trains_on_tests: bool = False
  adapts: bool = False
  holds_out: str = 'a training speaker'
  new_texts: bool = False
  caveat: str = ''

  def __post_init__(self) -> None:
    assert bool(self.test_sets) != bool(self.pairs)
    assert self.unit in ('speakers', 'corpora', 'utterances')

  @property
  def mixes_speakers(self) -> bool:
    """Speakers of the tests are heard in training."""
    return self.unit == 'utterances'

  @property
  def crosses_corpora(self) -> bool:
    """Folds go from some corpora to another."""
    return self.pairs is not None

  def is_complete(
    self, folds: int, tests: int, utterances: int, corpora: Sequence[str] = ()
  ) -> bool:
    """Tells whether a run covers the whole protocol.

    Args:
      folds: how many were run.
      tests: how many utterances were tested, over all folds.
      utterances: how many there are to test.
      corpora: names of the joined corpora.
    """
    if self.pairs is not None:
      return folds == len(self.pairs(corpora))
    if self.num_folds is not None:
      return folds == self.num_folds
    return tests == utterances


_ENTRIES = (
  Protocol(
    name='loso',
    title='one speaker left out at a time',
    unit='speakers',
    shows='Each test speaker was judged by a network that had never heard this '
    'speaker, so the figures estimate how well emotions are recognized in an '
    'unknown voice that speaks and was recorded as in this corpus.',
    does_not_show='They do not show how it fares with other languages, '
    'microphones or ways of speaking; and other recordings of the same '
    'sentences may have been trained on.',
    test_sets='by_speaker',
  ),
  Protocol(
    name='loso_adapted',
    title='one speaker left out at a time, the network adapted to the voice',
    unit='speakers',
    shows='The network never heard the test speaker in training, and nobody '
    "gave it the speaker's labels; before the test it heard recordings of this "
    'speaker, and BatchNorm took a share of their statistics: the figures of '
    'somebody who gives an application a few recordings first.',
    does_not_show='They are not figures of an unknown voice: compare them with '
    'other adapted ones only, never with `loso`. The recordings heard first '
    'hold all emotions in the shares of the corpus, which a real speaker does '
    'not offer, and are those of the test.',
    test_sets='by_speaker',
    adapts=True,
  ),
  Protocol(
    name='speaker_groups',
    title='a quarter of the speakers left out at a time',
    unit='speakers',
    shows='Each test speaker was judged by a network that had never heard this '
    'speaker: the question of `loso` on corpora of many speakers, with four '
    'trainings instead of one for each.',
    does_not_show='The networks heard three quarters of the speakers (half of '
    'them where another quarter chooses the epoch), so expect a little less '
    'than with `loso`; like there, the figures say nothing about other '
    'languages, microphones or ways of speaking. The quarters of a single '
    'corpus are neighbors in the sorted list of speakers: where names begin '
    'with the sex or a place, few such voices may have been heard.',
    test_sets='by_speaker_group',
    holds_out='a quarter of the speakers',
  ),
  Protocol(
    name='loso_text',
    title='one speaker and a group of sentences left out at a time',
    unit='speakers',
    shows='Each test was judged by a network that had heard neither this '
    'speaker nor anybody say one of the sentences tested, so the figures '
    'estimate how well emotions are recognized in an unknown voice that says '
    'something unknown, recorded as in this corpus.',
    does_not_show='They do not show how it fares with other languages, '
    'microphones or ways of speaking. Training has fewer recordings than with '
    "'loso' (with two groups of sentences about half), so the two differ for "
    'that reason too.',
    test_sets='by_speaker_and_text',
    new_texts=True,
  ),
  Protocol(
    name='random10',
    title='ten random folds, speakers mixed',
    unit='utterances',
    shows='The folds were drawn at random within each class, so every tested '
    'speaker was also heard in training: the figures tell how well emotions '
    'are recognized in voices the network knows.',
    does_not_show='They do not show how it fares with an unknown voice; expect '
    'less there (leaving speakers out has cost a classical system 9 to 13 '
    'points on EMO-DB).',
    test_sets='stratified',
  ),
  Protocol(
    name='emobox',
    title='the five folds of EmoBox, speakers mixed',
    unit='utterances',
    shows='The test sets are the five fixed ones of the EmoBox benchmark, for '
    'a comparison with results published on the same folds.',
    does_not_show='Their speakers were also heard in training, so they do not '
    'show how it fares with an unknown voice; expect less there.',
    test_sets='emobox',
  ),
  Protocol(
    name='paper2021',
    title='ten random pairs of ten folds, speakers mixed',
    unit='utterances',
    shows='Each test set is a random fifth of the corpus, as in the published '
    'table, which this protocol is for; an utterance is tested twice on '
    'average, and what was published is the selection best_on_test.',
    does_not_show='Every tested speaker was also heard in training and the '
    'tests overlap, so they do not show how it fares with an unknown voice; '
    'expect less there, and take the intervals for too narrow.',
    test_sets='random_pairs',
    num_folds=NUM_PAIRS,
  ),
  Protocol(
    name='all',
    title='trained on everything, judged on the same recordings',
    unit='utterances',
    shows='How well the network fits the recordings it was trained on; this '
    'run is for its weights.',
    does_not_show='It says nothing about any other recording or voice: for '
    "that, train the same settings with protocol.name='loso'.",
    test_sets='everything',
    trains_on_tests=True,
    caveat='The tests are the training set itself, so these figures say '
    "nothing about new recordings; protocol.name='loso' does.",
  ),
  Protocol(
    name='loco',
    title='one corpus left out at a time',
    unit='corpora',
    shows='Each corpus was judged by a network trained on the others alone, so '
    'the figures estimate how well emotions are recognized in recordings of '
    'another kind: other speakers, microphones, ways of acting and labelling '
    'and, where the corpora differ in it, another language.',
    does_not_show='They hold for these corpora and their shared classes. They '
    'do not show how it fares on others or on speech that nobody acted, and '
    'not why a figure is low: sound, language and the meaning of a label '
    'change at once.',
    pairs=pairs.one_left_out,
    holds_out='the first speaker of each training corpus',
  ),
  Protocol(
    name='cross',
    title='trained on one corpus, tested on another',
    unit='corpora',
    shows='Each cell of the matrix is a network trained on one corpus alone '
    'and tested on all of another, on the classes that both have: how far what '
    'was learned from the one carries over to the other.',
    does_not_show='A cell holds for its pair, and the corpora differ in size '
    'too, so a row is not a ranking of corpora. The pooled figures mix all '
    'pairs and count each utterance once for every training corpus: read the '
    'matrix.',
    pairs=pairs.ordered_pairs,
    holds_out='the first speaker of the training corpus',
  ),
)
PROTOCOLS = {entry.name: entry for entry in _ENTRIES}
