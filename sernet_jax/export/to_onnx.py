"""ONNX files: the nodes of the chain, 8 bits by onnxruntime's own tools.

Opset 17, standard operators only, so that onnxruntime and onnxruntime-web run
a file as it is. The batch is free. The metadata is in the metadata_props, as
in the header of a safetensors bundle.

The nodes are written by hand, `emitters.onnx_emitter`, because one chain then
serves three formats; jax2onnx would serve this one alone.
"""

from __future__ import annotations

import contextlib
import logging
import pathlib
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sernet_jax.export.emitters.onnx_emitter import Value, Writer
from sernet_jax.predict.bundle import Bundle
from sernet_jax.predict.plain import chain
from sernet_jax.predict.sessions import formats
from sernet_jax.predict.sessions.onnx_session import INPUT, OUTPUT, needed

OPSET = 17
IR_VERSION = 8


def convert(
  bundle: Bundle,
  precision: str,
  metadata: Mapping[str, str],
  calibration: np.ndarray | None = None,
) -> bytes:
  """Returns the content of an ONNX file.

  Args:
    bundle: what to write.
    precision: 'fp32'; 'fp16' stores the network's kernels in fp16 and
      computes in float32; 'int8' also computes the network in 8 bits.
    metadata: stored in the file, text by name.
    calibration: raw waveforms (utterances, samples) that 'int8' finds its
      ranges with.

  Raises:
    InputError: if onnx or onnxruntime is not installed.
  """
  with needed():
    from onnx import TensorProto, checker, helper

  writer = Writer(half=precision == 'fp16')
  samples = bundle.audio.num_samples
  chain.probabilities(
    writer,
    Value(INPUT, (None, samples)),
    bundle.audio,
    bundle.feature_kind,
    bundle.mfcc,
    bundle.light_sernet,
    bundle.folded,
  )
  float32 = TensorProto.FLOAT
  graph = helper.make_graph(
    writer.nodes,
    'sernet',
    [helper.make_tensor_value_info(INPUT, float32, ['batch', samples])],
    [
      helper.make_tensor_value_info(
        OUTPUT, float32, ['batch', bundle.light_sernet.num_classes]
      )
    ],
    writer.initializers,
  )
  model = helper.make_model(
    graph,
    producer_name='sernet_jax',
    ir_version=IR_VERSION,
    opset_imports=[helper.make_opsetid('', OPSET)],
  )
  checker.check_model(model, full_check=True)
  if precision == 'int8':
    assert calibration is not None
    model = _quantized(model, writer.heavy, calibration)
  texts = {**metadata, formats.SEAL: formats.UNSEALED}
  helper.set_model_props(model, texts)
  return formats.sealed(model.SerializeToString())


def _quantized(model: Any, nodes: list[str], calibration: np.ndarray) -> Any:
  """Quantizes the blocks: static ranges, kernels by channel.

  Activations are signed in the file. That does not spare processors older than
  VNNI the sums in 16 bits that overflow: where it pays, onnxruntime (seen in
  1.32) makes them unsigned when it loads. The paths hold 1 in 500 of the kernels' numbers,
  but cause most of the loss in 8 bits, and stay in float32.
  """
  import onnx
  from onnxruntime import quantization

  class Reader(quantization.CalibrationDataReader):
    def __init__(self) -> None:
      self.batches = iter(np.array_split(calibration, len(calibration)))

    def get_next(self) -> dict[str, np.ndarray] | None:
      batch = next(self.batches, None)
      return None if batch is None else {INPUT: batch}

  with tempfile.TemporaryDirectory() as folder, _quiet():
    source = pathlib.Path(folder) / 'float.onnx'
    target = pathlib.Path(folder) / 'int8.onnx'
    onnx.save(model, source)
    quantization.quantize_static(
      source,
      target,
      Reader(),
      quant_format=quantization.QuantFormat.QDQ,
      activation_type=quantization.QuantType.QInt8,
      weight_type=quantization.QuantType.QInt8,
      per_channel=True,
      nodes_to_quantize=nodes,
    )
    return onnx.load(target)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
  """Silences the advice that onnxruntime's tools log."""
  level = logging.root.level
  logging.root.setLevel(logging.ERROR)
  try:
    yield
  finally:
    logging.root.setLevel(level)
