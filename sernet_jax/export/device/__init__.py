"""Models for microcontrollers: C99 sources and TensorFlow Lite Micro.

`c_folder` writes a folder of C that needs a compiler and libm alone, from the
hand-written sources in `c` and the tables of `c_front_end` and `c_network`.
`micro_folder` writes a file for TensorFlow Lite Micro and what a program needs
beside it: the operators of `micro_emitter`, the arena that `arena` measured.
"""
