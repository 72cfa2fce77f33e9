"""A trained model recognizes emotions in recordings and streams.

  from sernet_jax import predict
  model = predict.load('runs/emodb')  # or a model file, or '' for the release
  for result in predict.recognize(['a.wav', 'b.wav'], model):
    print(result)  # a Recording, or a Failure that says why

`bundle` is the file of a model (`runs.weights` has its format), `models` opens
one of any kind. Bundles (`bundled`) are run by `recognizer` with JAX, the first
segments of a command by `plain` in numpy; exported files by `exported` (see
`sessions`). `recordings` recognizes files, `live` streams; `inference` has what
is behind `sernet_jax.load()`. The commands are `__main__`, `stream` and `demo`.

Importing this package loads none of its modules, so that `--help` needs no
JAX; a name is loaded when it is first used (PEP 562).
"""

from typing import TYPE_CHECKING

from sernet_jax.common import lazy

if TYPE_CHECKING:
  from sernet_jax.predict.bundle import Bundle as Bundle
  from sernet_jax.predict.inference.prediction import (
    Prediction as Prediction,
    to_frame as to_frame,
  )
  from sernet_jax.predict.inference.predictor import Predictor as Predictor
  from sernet_jax.predict.models import Model as Model, load as load
  from sernet_jax.predict.recordings import (
    Failure as Failure,
    Recording as Recording,
    Window as Window,
    recognize as recognize,
  )

_MODULES = {
  'Bundle': 'bundle',
  'Failure': 'recordings',
  'Model': 'models',
  'Prediction': 'inference.prediction',
  'Predictor': 'inference.predictor',
  'Recording': 'recordings',
  'Window': 'recordings',
  'load': 'models',
  'recognize': 'recordings',
  'to_frame': 'inference.prediction',
}
__all__ = list(_MODULES)


__getattr__ = lazy.loader(__name__, _MODULES)
