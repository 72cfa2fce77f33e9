"""Exported files that are damaged, foreign or changed are refused."""

from __future__ import annotations

import hashlib
import json

import pytest
from exportable import AUDIO, LIBRARY, bundle

from sernet_jax.common.errors import InputError
from sernet_jax.predict import bundle as bundle_lib, models
from sernet_jax.predict.sessions import formats


@pytest.mark.parametrize('kind', ['stablehlo', 'onnx', 'tflite'])
class TestBadFiles:
  def check(self, path, words):
    with pytest.raises(InputError) as caught:
      models.load(path)
    text = str(caught.value)
    assert str(path) in text
    assert words in text
    assert '\n' not in text

  def copy(self, exported_file, kind, tmp_path, change):
    path = tmp_path / f'changed.{kind}'
    path.write_bytes(change(exported_file(kind, 'fp16').read_bytes()))
    return path

  @pytest.mark.parametrize('share', [0.0, 0.0001, 0.5, 0.999])
  def test_cut_short(self, exported_file, kind, tmp_path, share):
    path = self.copy(
      exported_file, kind, tmp_path, lambda x: x[: int(share * len(x))]
    )
    self.check(path, 'again')

  @pytest.mark.parametrize('place', [0.001, 0.4, 0.8, 0.9999])
  def test_one_flipped_bit(self, exported_file, kind, tmp_path, place):
    def flip(content):
      damaged = bytearray(content)
      damaged[int(place * len(content))] ^= 1
      return damaged

    self.check(self.copy(exported_file, kind, tmp_path, flip), 'again')

  def test_foreign(self, exported_file, kind, tmp_path):
    path = self.copy(exported_file, kind, tmp_path, lambda x: b'x' * 5000)
    self.check(path, 'again')

  def test_not_the_file_of_its_report(self, exported_file, kind, tmp_path):
    path = self.copy(exported_file, kind, tmp_path, lambda x: x)
    report = formats.report_path(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    report.write_text(json.dumps({'sha256': digest}))
    models.load(path)
    report.write_text(json.dumps({'sha256': 64 * '0'}))
    self.check(path, 'is not the file that')

  @pytest.mark.parametrize(
    ('change', 'words'),
    [
      ({'classes': '["one", "two"]'}, 'outputs and 2 class'),
      ({'audio': json.dumps({**vars(AUDIO), 'duration_s': 3.0})}, 'samples'),
      ({'audio': '{}'}, 'audio in its header'),
      ({'format': 'other'}, 'another program'),
      ({'format_version': '99'}, 'newer'),
    ],
  )
  def test_made_for_other_specs(self, kind, tmp_path, change, words):
    if kind in LIBRARY:
      pytest.importorskip(LIBRARY[kind])
    path = tmp_path / f'other.{kind}'
    texts = {**bundle_lib.metadata(bundle()), **change}
    module = __import__(f'sernet_jax.export.to_{kind}', fromlist=['convert'])
    path.write_bytes(module.convert(bundle(), 'fp32', texts))
    self.check(path, words)
