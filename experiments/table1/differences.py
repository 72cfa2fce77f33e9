"""The differences between the rows of table 1, and what they say.

`assemble.py` makes the rows. A difference is taken only between rows that were
trained alike, of those that were trained the longest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from experiments.lib import markdown, published

PROTOCOLS = ('loso', 'random10', 'paper2021', 'emobox')
SHOWN = ('wa', 'uar', 'f1_macro')
HONEST = ('last', 'last_recomputed')

Scores = dict[str, float] | None
# A question, the row whose training stands beside the answer, and the scores
# of which the second are taken from the first.
Question = tuple[str, dict | None, Scores, Scores]


def answers(rows: list[dict]) -> list[dict[str, Any]]:
  """Returns the differences between rows, in points of 100.

  Args:
    rows: of `assemble.rows_of`, most epochs of a protocol first.

  Returns:
    An answer for each question and loss; its points are None where a row is
    missing.
  """
  found = []
  for loss, paper in published.LIGHT_SERNET_EMODB.items():
    of: dict[str, list[dict]] = {}
    for row in rows:
      if row['loss'] == loss and row['gamma'] in (None, 2.0):
        of.setdefault(row['protocol'], []).append(row)
    theirs = {score: paper[score] / 100 for score in SHOWN}
    for question, ours, first, second in _questions(of, theirs):
      points = None
      if first and second:
        points = {
          score: 100 * (first[score] - second[score])
          for score in SHOWN
          if score in first
        }
      found.append(
        {
          'loss': loss,
          'what': question,
          'points': points,
          'trained': how_far(ours) if ours and points else None,
        }
      )
  return found


def _questions(of: dict[str, list[dict]], theirs: Scores) -> Iterator[Question]:
  """Yields the questions in the order of the table, for one loss."""
  longest = {protocol: some[0] for protocol, some in of.items()}
  paper2021, loso, emobox = map(longest.get, ('paper2021', 'loso', 'emobox'))
  yield (
    'published minus ours under its scheme (paper2021, best on test)',
    paper2021,
    theirs,
    _scores(paper2021, 'best_on_test'),
  )
  for row, whom in (
    (paper2021, 'set (paper2021'),
    (loso, 'speaker (loso'),
  ):
    yield (
      f'choosing the epoch on the test {whom}, best on test minus last)',
      row,
      _scores(row, 'best_on_test'),
      _scores(row, 'last'),
    )
  for protocol in PROTOCOLS:
    row = longest.get(protocol)
    yield (
      'recomputing the BatchNorm statistics on the training set '
      f'({protocol}, last_recomputed minus last)',
      row,
      _scores(row, 'last_recomputed'),
      _scores(row, 'last'),
    )
  for protocol in ('random10', 'paper2021'):
    mixed, unheard = _alike(of, protocol, 'loso')
    for selection in HONEST:
      yield (
        f'having heard the speakers ({protocol} minus loso, {selection})',
        mixed,
        _scores(mixed, selection),
        _scores(unheard, selection),
      )
  for selection in HONEST:
    yield (
      f'published minus the honest figure (loso, {selection})',
      loso,
      theirs,
      _scores(loso, selection),
    )
  for selection in HONEST:
    yield (
      f'best of the leaderboard minus ours (emobox, {selection}, mean of '
      'folds)',
      emobox,
      _best_of_the_leaderboard(),
      _scores(emobox, selection, 'mean_of_folds'),
    )


def _best_of_the_leaderboard() -> dict[str, float]:
  return {
    score: max(
      board[score]
      for board in published.EMOBOX_EMODB.values()
      if score in board
    )
    / 100
    for score in ('wa', 'uar')
  }


def how_far(row: dict) -> str:
  """Epochs, seeds and folds, for wherever a figure of the row stands."""
  seeds = ', '.join(map(str, row['seeds']))
  text = (
    f'{row["epochs"]} of {row["epochs_of_the_paper"]} epochs, '
    f'seed{"s" * (len(row["seeds"]) > 1)} {seeds}'
  )
  if row['folds']:
    text += f', folds {", ".join(row["folds"])} only'
  return text


def _scores(
  row: dict | None, selection: str, part: str = 'pooled'
) -> dict | None:
  found = row and row['selections'].get(selection)
  return found and found[part]


def _alike(of: dict, *protocols: str) -> tuple[dict | None, ...]:
  """A row of each protocol, trained alike, as long as there are; or Nones.

  Only of all folds: parts of two protocols test different utterances.
  """

  def training(row):
    return row['epochs'], tuple(row['seeds'])

  whole = {
    protocol: [row for row in rows if not row['folds']]
    for protocol, rows in of.items()
  }
  for row in whole.get(protocols[0], []):
    others = [
      next((r for r in whole.get(p, []) if training(r) == training(row)), None)
      for p in protocols[1:]
    ]
    if all(others):
      return row, *others
  return (None,) * len(protocols)


def table(found: list[dict]) -> str:
  """The differences, and how many others want runs that are not there."""
  known = [answer for answer in found if answer['points']]
  text = markdown.table(
    ['what it is worth, points', 'loss', 'ours trained', 'WA', 'UAR', 'F1'],
    [
      [
        answer['what'],
        answer['loss'].replace('_', '-'),
        answer['trained'],
        *(
          f'{answer["points"][score]:+.1f}'
          if score in answer['points']
          else None
          for score in SHOWN
        ),
      ]
      for answer in known
    ],
  )
  if len(known) < len(found):
    text += (
      f'\n\n{len(found) - len(known)} more differences want runs that are not '
      'here; `results.json` names them.'
    )
  return text
