"""Agreement with numbers such as arousal: CCC, its interval, its files.

`record` is what results.json holds, `agreement` the figures, `of_tests` makes
them of predictions, `columns` are those of predictions.csv.
"""
