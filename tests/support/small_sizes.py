"""Fields that make each network of the table but Light-SERNet small.

Data alone, for scripts that run without this package.
"""

from __future__ import annotations

_ACRNN = {
  'convolutions': 2,
  'bands': 4,
  'channels': (4, 6),
  'linear': 8,
  'units': 3,
  'dense': 5,
}
# Network -> fields that make it small.
SMALL = {
  'acrnn': _ACRNN,
  'bcrnn': _ACRNN,
  'cpac': {
    'coefficients': 38,
    'channels': 3,
    'groups': 2,
    'size': 4,
    'capsules': 3,
    'convolution_dropout': False,
  },
  'drn': {
    'bands': 5,
    'first': 3,
    'channels': (4, 3, 4, 6),
    'heads': 2,
    'dense': 5,
  },
  'gmtcn': {'levels': 2, 'coefficients': 5},
  'lflb': {
    'bands': 6,
    'channels': (3, 4, 3, 5),
    'pools': (2, 2, 1, 3),
    'units': 4,
  },
  'multipath': {
    'bands': 7,
    'maps': 3,
    'kernel_frames': (2, 3),
    'kernel_bands': (4, 3),
    'dense': (5, 4),
  },
  'timnet': {'levels': 2, 'coefficients': 5},
  'separable': {
    'bands': 9,
    'blocks': 3,
    'first': 3,
    'channels': 4,
    'expanded': 5,
    'units': 3,
    'dense': 5,
  },
}
