"""The folder of a page that recognizes emotions in the browser.

Page, model and runtime, all local: any static host serves it, and the sound
stays in the page. The sources lie in `web`; `web_runtime` has the runtime.
"""

from __future__ import annotations

import importlib.resources
import json
import pathlib
import shlex

from sernet_jax.audio import timeline, voice_gate
from sernet_jax.audio.listening import Listening
from sernet_jax.common import files
from sernet_jax.common.errors import require
from sernet_jax.export import writing
from sernet_jax.export.device import web_runtime
from sernet_jax.predict.bundle import Bundle
from sernet_jax.predict.sessions import formats
from sernet_jax.runs.weights import threshold

MODEL = 'model.onnx'
_ABOUT = 'model.json'
_FORMAT = 'sernet_jax web'
_HOP_S = 0.5
_CURE = files.Cure('--output')
_LICENSE = f"""onnxruntime-web {web_runtime.VERSION}, three files of its folder dist:
{', '.join(original for original, _ in web_runtime.FILES.values())}

MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""


def write(folder: pathlib.Path, bundle: Bundle, runtime: str = '') -> str:
  """Writes the page into a folder; returns how to look at it.

  Args:
    folder: new, or one that this function wrote.
    bundle: the model.
    runtime: folder with the runtime; '' to take it from the cache or to
      download it.

  Raises:
    InputError: if the folder has files of somebody else, or the runtime is
      missing.
  """
  about_path = folder / _ABOUT
  ours = about_path.is_file() and _FORMAT.encode() in about_path.read_bytes()
  require(
    ours or not folder.is_dir() or not any(folder.iterdir()),
    f'{folder} has files of another kind; empty it or choose another --output',
  )
  engine = web_runtime.content(runtime)
  writing.write(folder / MODEL, bundle, 'onnx', 'fp32')
  for name, data in engine.items():
    files.write_bytes(folder / 'runtime' / name, data, _CURE)
  files.write_bytes(
    folder / 'runtime' / 'LICENSE.txt', _LICENSE.encode(), _CURE
  )
  for name, data in sources().items():
    files.write_bytes(folder / name, data, _CURE)
  about = json.dumps(_about(bundle, (folder / MODEL).read_bytes()), indent=2)
  files.write_bytes(about_path, about.encode(), _CURE)
  serve = shlex.join(
    ['python', '-m', 'http.server', '--directory', str(folder)]
  )
  return f'{serve}, then http://localhost:8000'


def _gate(bundle: Bundle) -> dict[str, float]:
  """Returns the constants of the voice gate, as gate.js takes them."""
  spec = voice_gate.GateSpec(
    bundle.audio.sample_rate_hz, bundle.mfcc.hop_samples
  )
  return {
    'hop': spec.hop,
    'open_db': voice_gate.OPEN_DB,
    'close_db': voice_gate.CLOSE_DB,
    'least_db': voice_gate.LEAST_DB,
    'rise_db': voice_gate.RISE_DB,
    'hang_hops': spec.hang_hops,
    'voice_hops': spec.voice_hops,
  }


def sources() -> dict[str, bytes]:
  """Returns the hand-written files of the page by name."""
  folder = importlib.resources.files('sernet_jax.export.device') / 'web'
  return {
    one.name: one.read_bytes() for one in folder.iterdir() if one.is_file()
  }


def _about(bundle: Bundle, model: bytes) -> dict[str, object]:
  """Returns what the page needs to know of its model and of `predict`."""
  audio, listening = bundle.audio, Listening()
  rate_hz, length = audio.sample_rate_hz, audio.num_samples
  hop_s = min(_HOP_S, audio.duration_s)
  return {
    'format': _FORMAT,
    'name': bundle.about.get('name', 'model'),
    'license': bundle.about.get('license', ''),
    'classes': list(bundle.classes),
    'rate': rate_hz,
    'samples': length,
    'channel': audio.channel,
    'segments': audio.segments,
    'hop': timeline.hop_samples(hop_s, rate_hz, length),
    'gate_db': listening.gate_db,
    'floor_db': listening.floor_db,
    'least_s': listening.least_s,
    # Below it the page says that it is unsure; 0 of weights that keep none.
    'abstain': threshold.kept(bundle.about) or 0.0,
    'voice_gate': _gate(bundle),
    'bytes': len(model),
    'sha256': formats.checksum(model),
    'runtime': f'onnxruntime-web {web_runtime.VERSION}',
    'about': bundle.about,
  }
