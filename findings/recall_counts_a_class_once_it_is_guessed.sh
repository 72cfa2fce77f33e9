#!/usr/bin/env bash
# The mean of recalls has one term more when a class that is absent is guessed.
#
# Versions: scikit-learn 1.9.1, audmetric 1.4.2, numpy 2.4.6, Python 3.11.
# Date: 2026-11-29.
#
# A fold of one speaker who has no sound of the third emotion, as happens where
# emotions are not acted. Of the two true classes one is always right, the other
# half of the time. What differs is what the wrong half is called: the other
# true class, or the one that is not there.
#
# Expected: 0.75 both times, the mean of 1 and 0.5, as recall asks about true
# classes; or the same less for both, if a class that is not there counts 0.
# Seen: the class that is not there joins the mean, as 0, when the model says it
# at least once (a warning says "set to 0.0", nothing of one more in the mean).
# So a fold's figure falls by a third with the same hits, and names that the
# field takes for the same thing differ:
#   half called the other: recall 0.75, balanced accuracy 0.75, audmetric 0.75
#   half called the absent: recall 0.50, balanced accuracy 0.75, audmetric 0.50
#   with all labels given: recall 0.50 and 0.50
# What to do: say in a table whether a class without recordings counts, leave it
# out by name (labels=sorted(set(truth))), or take one matrix over all folds.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet scikit-learn==1.9.1 audmetric==1.4.2 \
  numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import audmetric
from sklearn import metrics

truth = ['anger', 'anger', 'joy', 'joy']
answers = {
  'other': ['anger', 'joy', 'joy', 'joy'],
  'absent': ['anger', 'sadness', 'joy', 'joy'],
}
classes = ['anger', 'joy', 'sadness']
found, given = {}, []
for name, answer in answers.items():
  macro = metrics.recall_score(truth, answer, average='macro')
  balanced = metrics.balanced_accuracy_score(truth, answer)
  average = audmetric.unweighted_average_recall(truth, answer)
  print(
    f'half called the {name}: recall {macro:.2f}, balanced accuracy '
    f'{balanced:.2f}, audmetric {average:.2f}'
  )
  found[name] = round(macro, 2), round(balanced, 2), round(average, 2)
  given.append(
    metrics.recall_score(truth, answer, labels=classes, average='macro')
  )
print(f'with all labels given: recall {given[0]:.2f} and {given[1]:.2f}')
assert found['other'] == (0.75, 0.75, 0.75)
assert found['absent'] == (0.5, 0.75, 0.5)
assert given == [0.5, 0.5]
print('as described')
PYTHON
