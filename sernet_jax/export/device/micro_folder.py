"""The folder of a TensorFlow Lite Micro model: features in, int8 in and out."""

from __future__ import annotations

import json
import pathlib
import tempfile
from typing import Any

from sernet_jax.common import files
from sernet_jax.common.errors import require
from sernet_jax.export import to_tflite, writing
from sernet_jax.export.device import (
  arena,
  c_network,
  c_text,
  memory_plan,
  micro_emitter,
  own_files,
)
from sernet_jax.export.emitters import int8
from sernet_jax.features import kinds
from sernet_jax.features.spec import num_frames
from sernet_jax.predict.bundle import Bundle
from sernet_jax.predict.plain import chain
from sernet_jax.predict.sessions import formats
from sernet_jax.predict.sessions.tflite_session import needed

# Of `nn.spec.POOLINGS`; all but the mean for sound that fills the segment.
POOLINGS = ('mean', 'masked', 'statistics')
_FILES = ('model.tflite', 'model.h', 'model.cc', 'model.json')
INPUT, OUTPUT = 'features', 'probabilities'
# Operator of a file -> the method of MicroMutableOpResolver that adds it.
_METHODS = {
  'CONV_2D': 'AddConv2D',
  'AVERAGE_POOL_2D': 'AddAveragePool2D',
  'CONCATENATION': 'AddConcatenation',
  'MEAN': 'AddMean',
  'FULLY_CONNECTED': 'AddFullyConnected',
  'SOFTMAX': 'AddSoftmax',
  'DEQUANTIZE': 'AddDequantize',
  'SQUARED_DIFFERENCE': 'AddSquaredDifference',
  'ADD': 'AddAdd',
  'SQRT': 'AddSqrt',
  'QUANTIZE': 'AddQuantize',
}


def write(folder: pathlib.Path, bundle: Bundle) -> str:
  """Writes the model into a folder; returns what it needs.

  Args:
    folder: for model.tflite, model.h, model.cc and model.json.
    bundle: the model, with the ranges of its layers.

  Raises:
    InputError: if the operators cannot express the model, a package is
      missing, or the folder has files of somebody else by these names.
  """
  require_suitable_pooling(bundle)
  own_files.require_own(folder, _FILES)
  content, operators = convert(bundle)
  arena_bytes = None
  if arena.version():
    with tempfile.TemporaryDirectory() as temporary:
      path = pathlib.Path(temporary) / 'model.tflite'
      path.write_bytes(content)
      arena_bytes = arena.measured(path)
  report = _report(bundle, content, operators, arena_bytes)
  header = c_text.source(
    'model.h', constants=_constants(report), resolver=_resolver(operators)
  )
  sources = {
    'model.tflite': content,
    'model.h': header.encode(),
    'model.cc': c_text.source(
      'model.cc', tables=_tables(bundle, content)
    ).encode(),
  }
  cure = files.Cure('--output')
  for name, text in sources.items():
    files.write_bytes(folder / name, text, cure)
  files.write_json(folder / 'model.json', report, cure)
  note = ''
  if report['sound_fills_segment']:
    note = ', for sound that fills the segment'
  if arena_bytes is None:
    return f'arena not measured; pip install tflite-micro for that{note}'
  return f'an arena of {arena_bytes} bytes, {len(operators)} operators{note}'


def require_suitable_pooling(bundle: Bundle) -> None:
  """Refuses a pooling that TensorFlow Lite Micro has no operators for.

  Raises:
    InputError: if it is none of `POOLINGS`.
  """
  pooling = bundle.light_sernet.pooling
  require(
    pooling in POOLINGS,
    f'this model has model.pooling={pooling}, which is not written for '
    f'TensorFlow Lite Micro; train it with {", ".join(POOLINGS)}, or export it '
    'to onnx or tflite',
  )


def convert(bundle: Bundle) -> tuple[bytes, list[str]]:
  """Returns the file, and the names of its operators.

  Raises:
    InputError: if ai-edge-litert is not installed or ranges are unknown.
  """
  ranges = writing.known_ranges(bundle)
  with needed():
    writer = micro_emitter.Writer(bundle.light_sernet, ranges)
  source = writer.tensor(_shape(bundle), _input_scale(bundle), INPUT)
  logits = chain.network(
    writer,
    source,
    bundle.light_sernet,
    bundle.folded,
    micro_emitter.AllFrames(writer),
  )
  result = writer.softmax(logits)
  content = to_tflite.assemble(
    writer.graph,
    {INPUT: source},
    {OUTPUT: result},
    c_network.metadata(bundle),
    others={
      memory_plan.NOTE: memory_plan.note(writer.graph, [source], [result])
    },
  )
  return content, list(writer.graph.codes)


def _shape(bundle: Bundle) -> tuple[int, ...]:
  rows = num_frames(bundle.audio.num_samples, bundle.mfcc)
  columns = kinds.KINDS[bundle.feature_kind].width(bundle.mfcc)
  return 1, rows, columns, 1


def _input_scale(bundle: Bundle) -> int8.Scale:
  """The scale of the features, which all paths read."""
  (seen,) = {
    bundle.ranges[f'{layer.name}_input']
    for layer in bundle.light_sernet.layers('path')
  }
  return int8.scale(seen)


def _report(
  bundle: Bundle, content: bytes, operators: list[str], arena_bytes: int | None
) -> dict[str, Any]:
  """Everything that a program must know about the file."""
  scale, zero = _input_scale(bundle)
  out_scale, out_zero = micro_emitter.SOFTMAX_SCALE
  return {
    'format': 'tflite_micro',
    'sha256': formats.checksum(content),
    'file_bytes': len(content),
    'classes': bundle.classes,
    'sample_rate_hz': bundle.audio.sample_rate_hz,
    'samples': bundle.audio.num_samples,
    # Whether zeros around a short recording are sound that was not trained on.
    'sound_fills_segment': bundle.light_sernet.masked,
    'input': {
      'name': INPUT,
      'shape': _shape(bundle),
      'scale': scale,
      'zero_point': zero,
    },
    'output': {
      'name': OUTPUT,
      'shape': [1, len(bundle.classes)],
      'scale': out_scale,
      'zero_point': out_zero,
    },
    'operators': operators,
    'arena_bytes': arena_bytes,
    'arena_measured_with': arena.version(),
    'license': bundle.about.get('license'),
    'model': {
      key: json.loads(text) if text[:1] in '{["' else text
      for key, text in c_network.metadata(bundle).items()
    },
  }


def _constants(report: dict[str, Any]) -> str:
  """The macros of `c/model.h`."""
  values: dict[str, float | str] = {
    'SERNET_MODEL_BYTES': report['file_bytes'],
    'SERNET_CLASSES': len(report['classes']),
    'SERNET_RATE_HZ': report['sample_rate_hz'],
    'SERNET_SAMPLES': report['samples'],
    'SERNET_ROWS': report['input']['shape'][1],
    'SERNET_COLUMNS': report['input']['shape'][2],
    'SERNET_INPUT_SCALE': report['input']['scale'],
    'SERNET_INPUT_ZERO_POINT': f'({report["input"]["zero_point"]})',
    'SERNET_OUTPUT_SCALE': report['output']['scale'],
    'SERNET_OUTPUT_ZERO_POINT': f'({report["output"]["zero_point"]})',
    'SERNET_OPERATORS': len(report['operators']),
  }
  if report['arena_bytes'] is not None:
    values['SERNET_ARENA_BYTES'] = report['arena_bytes']
  return c_text.constants(values)


def _resolver(operators: list[str]) -> str:
  return '\n'.join(f'  resolver.{_METHODS[name]}();' for name in operators)


def _tables(bundle: Bundle, content: bytes) -> str:
  """The file as an array, and the names of the classes."""
  names = ', '.join(c_text.string(name) for name in bundle.classes)
  return '\n'.join(
    [
      f'const char* const sernet_classes[SERNET_CLASSES] = {{{names}}};\n',
      'alignas(16) const unsigned char sernet_model[SERNET_MODEL_BYTES] = {',
      *c_text.lines([str(byte) for byte in content]),
      '};',
    ]
  )
