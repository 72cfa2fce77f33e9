"""Emitters: they carry out the chain of `predict.plain`, one a format.

`eager` computes its operations at once in jax.numpy,
`onnx_emitter` and `tflite_emitter` write them down; `tflite_graph` holds what
the latter writes.
"""
