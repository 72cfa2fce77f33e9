"""Helpers of readers that read lists: lines and paths of a manifest, rows of a
database, alignments, and who speaks where nobody wrote it down.
"""
