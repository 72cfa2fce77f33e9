"""Trained weights: as a file, in the folder of a run, as the start of another.

`bundle` is a file with all that goes from sound to probabilities (`bundle_file`
reads it with distrust, `seals` finds damage), `of_run` reads the weights of a
run's folds. `start` begins a training with weights of either kind: `heads`
keeps the rows of classes that agree, `history` knows whom weights have
heard, `hearing` what that means for those tested, `sentences` the same of what is said.
"""
