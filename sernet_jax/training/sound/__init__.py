"""Training examples made of mel bands on the device, anew in every epoch.

`spec.SoundSpec` and `augment_spec.AugmentSpec` are the settings,
`corpus.Sound` the data, `examples.make` the way from the one to the other.
"""
