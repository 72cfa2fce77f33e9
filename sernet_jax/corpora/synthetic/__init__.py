"""The synthetic corpus of the quickstart, computed by a small speech synthesizer.

`speech` decides who says what in which emotion, `voice` turns syllables and a
style into control tracks, and `source_filter` turns tracks into sound.
"""
