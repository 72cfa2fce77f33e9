"""C++ programs use the exported C sources, beside TensorFlow Lite Micro too."""

from __future__ import annotations

import re
import shutil
import subprocess

import c_sources
import numpy as np
import pytest
import tiny

from sernet_jax import features
from sernet_jax.audio import segments
from sernet_jax.export.device import c_folder, micro_folder
from sernet_jax.export.emitters import int8

STRICT = ['-std=c++11', '-Wall', '-Wextra', '-Werror', '-O1']


def program(folder, main, c_files, others=()):
  """Compiles C as C and C++ as C++, and links them."""
  compiler = shutil.which('c++')
  if compiler is None:
    pytest.skip('there is no C++ compiler c++')
  (folder / 'main.cc').write_text(main)
  objects = []
  for name in c_files:
    objects.append(str(folder / f'{name}.o'))
    command = [c_sources.compiler(), '-std=c99', '-O1', '-c', name]
    subprocess.run([*command, '-o', objects[-1]], cwd=folder, check=True)
  subprocess.run(
    [compiler, *STRICT, 'main.cc', *others, *objects, '-lm', '-o', 'main'],
    cwd=folder,
    check=True,
  )
  return folder / 'main'


_LISTENER = """
#include <cstdio>
#include "front_end.h"
#include "gate.h"
#include "network.h"

int main() {
  static sernet_front_end sound;
  static sernet_network network;
  static sernet_gate gate;
  float hop[SERNET_HOP], row[SERNET_COEFFICIENTS], p[SERNET_CLASSES];
  int16_t quiet[SERNET_HOP] = {};
  sernet_front_end_init(&sound);
  sernet_network_init(&network);
  sernet_gate_init(&gate);
  for (int i = 0, done = 0; !done; i++) {
    for (int k = 0; k < SERNET_HOP; k++) hop[k] = (i * 7 + k) % 20 * 0.05f;
    if (sernet_front_end_push(&sound, hop, row))
      done = sernet_network_push(&network, row, p);
  }
  float sum = 0;
  for (float one : p) sum += one;
  std::printf("%d %.3f %s", sernet_gate_push(&gate, quiet), sum,
              sernet_classes[SERNET_CLASSES - 1]);
}
"""


def test_the_headers_are_c_for_a_c_plus_plus_compiler(tmp_path):
  bundle = c_sources.small_bundle()
  c_folder.write(tmp_path, bundle)
  app = program(tmp_path, _LISTENER, ['front_end.c', 'network.c', 'gate.c'])
  done = subprocess.run([app], capture_output=True, text=True, check=True)
  assert done.stdout == f'0 1.000 {bundle.classes[-1]}'


_READER = """
#include <cstdio>

int main(int, char** argv) {
  static int16_t segment[SERNET_SAMPLES];
  static int8_t input[SERNET_ROWS * SERNET_COLUMNS];
  std::FILE* file = std::fopen(argv[1], "rb");
  if (std::fread(segment, 2, SERNET_SAMPLES, file) != SERNET_SAMPLES) return 1;
  features(segment, input);
  return std::fwrite(input, 1, sizeof input, stdout) != sizeof input;
}
"""


@pytest.mark.parametrize('gain', [1.0, 0.1])
def test_the_snippet_gives_the_features_that_the_model_takes(tmp_path, gain):
  """Printed on the page: front_end.c and model.cc in one C++ program."""
  pytest.importorskip('ai_edge_litert')
  text = (tiny.ROOT / 'docs' / 'export.md').read_text()
  (snippet,) = re.findall(r'^```cpp\n(.*?)^```$', text, re.M | re.S)
  assert len(snippet.splitlines()) <= 22
  bundle = c_sources.small_bundle()
  c_folder.write(tmp_path, bundle)
  micro_folder.write(tmp_path, bundle)
  app = program(tmp_path, snippet + _READER, ['front_end.c'], ['model.cc'])
  random = np.random.default_rng(0)
  tone = np.sin(np.arange(9600) * 0.05) + 0.3 * random.normal(size=9600)
  recorded = np.round(9000 * gain * tone).astype('<i2')
  recorded.tofile(tmp_path / 'a.raw')
  done = subprocess.run(
    [app, tmp_path / 'a.raw'], capture_output=True, check=True
  )
  actual = np.frombuffer(done.stdout, np.int8)
  sound = segments.prepare(np.float64(recorded) / 32768, 9600)
  x = np.asarray(features.mfcc(sound[None], bundle.mfcc))
  (seen,) = {
    bundle.ranges[f'{layer.name}_input']
    for layer in bundle.model.layers('path')
  }
  expected = int8.quantized(x, int8.scale(seen)).ravel()
  assert actual.shape == expected.shape
  difference = np.abs(actual.astype(int) - expected.astype(int))
  assert difference.max() <= 1  # of 256 steps, where a value is rounded
  assert (difference == 0).mean() > 0.99
  assert len(set(actual.tolist())) > 50
