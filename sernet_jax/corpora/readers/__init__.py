"""Readers: from a root folder or a list to a `Corpus`, one function for each.

Beside its function a reader has the labels and names of its corpus and its
`CorpusEntry` (see `entry`); `sernet_jax.corpora.registry` collects these in
one table. A new corpus is a function, an entry, and its name in that table.
"""
