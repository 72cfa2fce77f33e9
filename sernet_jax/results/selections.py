"""Which weights of a training a result is of."""

SELECTIONS = ('last', 'last_recomputed', 'validation', 'best_on_test')
