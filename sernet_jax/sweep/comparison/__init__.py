"""Finished runs side by side: which setting did better, and is that chance?

- `compared_runs`: finished runs, one entry for each seed
- `comparable`: which runs may stand in one table
- `counted`: counts of runs, pooled or by fold, and their scores
- `tables`: comparison.tex, .md and .csv
- `compare_runs`: intervals and tests, the content of comparison.json
- `notes`: what limits a comparison, in words
- `page`: comparison.html and figures
- `last_lines`: what ends a comparison on the terminal
- `cross`: the matrix of a run across corpora
- `command`: `python -m sernet_jax.compare`
- `cross_command`: `python -m sernet_jax.cross`
"""
