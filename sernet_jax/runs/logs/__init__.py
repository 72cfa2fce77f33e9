"""Curves of a training in other programs, each an optional extra.

`writers` opens those that a config asks for, `scalars` is what they are given;
`tensorboard`, `weights_and_biases` and `mlflow_store` each know one of them.
"""
