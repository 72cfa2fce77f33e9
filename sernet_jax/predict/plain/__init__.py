"""The whole chain in about twenty operations: in numpy, or for a file.

`chain` expresses raw sound to probabilities in the operations of `protocol`
(`own_frames` where the network looks at an utterance's own frames alone).
`arrays` carries them out in numpy; the emitters of `sernet_jax.export` write
them down. `quick_start` recognizes the first segments of a process with it,
so that a short command waits neither for JAX nor for its compiler.
"""
