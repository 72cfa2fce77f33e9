"""Figures as PNG files: one function per figure, data in, file out.

`style` gives all of them their look. Scores come in as fractions and are
drawn in per cent. Only this folder loads matplotlib.
"""
