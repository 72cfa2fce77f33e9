"""Recordings recognized from Python: `sernet_jax.load().predict(...)`.

- `predictor`: a model with `predict`, for arrays, files and batches
- `prediction`: what it returns, by the names of the classes; tables of pandas
- `result`: what `recordings.recognize` finds
- `embeddings`, `embedding_file`: the pooled map before the network's head
- `class_choice`: a model that chooses among some of its classes
- `voice_activity`: stretches of speech
- `options`: what commands have in common
"""
