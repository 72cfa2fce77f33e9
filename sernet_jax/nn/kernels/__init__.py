"""Operations of the network that are fast on CPUs, each beside its definition.

Maps are (examples, frames, coefficients, channels). The names with `plain_` are
the definitions, which accelerators run as they are.

  convolution   `conv`, with a gradient of its own
  norm_pool     BatchNorm, ReLU and average pooling, and their gradient
  fused_paths   the parallel paths, one example at a time
  path_maps     the map of one path and one example, for fused_paths
  winograd      3 x 3 convolutions by tiles
  tiling        the matrices and the cutting of maps, for winograd
  shifted       convolutions of one channel
  taps          convolutions of any stride and dilation, and max pooling
  fence         keeps XLA from fusing two pieces of work
  precision     bfloat16 and TF32 as accelerators compute them
"""
