"""Emitters: they carry out the operations of `export.chain`, one a format.

`protocol` lists the operations, `eager` computes them at once in jax.numpy,
`onnx_emitter` and `tflite_emitter` write them down; `tflite_graph` holds what
the latter writes.
"""
