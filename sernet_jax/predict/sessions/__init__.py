"""Runners of exported files, one module for each format.

`formats.session` opens a file; each module loads the library of its own
format alone, and only when a file of that format is opened.
"""
