"""A run on a list that was made for something else, with a copy in it."""

from __future__ import annotations

import json
import shutil

import pytest
import tiny

from sernet_jax.runs import run

pytestmark = pytest.mark.usefixtures('blank_figures')


def test_loso_text_on_a_list_with_other_columns(tmp_path, capsys):
  folder = tmp_path / 'corpus'
  tiny.write_corpus(folder)
  lines = ['file_path;emotion;sentence']
  for speaker in tiny.SPEAKERS:
    (folder / speaker).mkdir()
    for label in tiny.LABELS:
      for take in range(tiny.TAKES):
        name = f'{speaker}\\{label}_{take}.wav'
        shutil.move(
          folder / f'{speaker}_{label}_{take}.wav',
          folder / name.replace('\\', '/'),
        )
        lines.append(f'{name};{label};s{take}')
  shutil.copy(folder / 'ann/low_0.wav', folder / 'ann/low_2.wav')
  path = folder / 'made_elsewhere.csv'
  path.write_text('\n'.join(lines))
  config = tiny.config(
    path,
    tmp_path / 'cache',
    data__columns='path=file_path,label=emotion,text=sentence',
    data__speaker_from='folder',
    protocol__name='loso_text',
    train__epochs=1,
    **tiny.QUICK,
  )
  workdir = tmp_path / 'run'
  results = run.train(config, workdir)
  sentence = (
    '1 recording sounds exactly like one of the same speaker and label and '
    'counts twice: ann/low_0.wav and ann/low_2.wav.'
  )
  assert f'problem: {sentence}' in capsys.readouterr().err
  assert results.cautions == (sentence,)
  assert (
    'ann/low_0.wav and ann/low_2.wav' in (workdir / 'report.html').read_text()
  )
  folds = json.loads((workdir / 'folds.json').read_text())['folds']
  assert [fold['name'] for fold in folds] == [
    f'{speaker}_text{group}' for speaker in tiny.SPEAKERS for group in (1, 2)
  ]
  assert folds[0]['test'] == [
    f'ann/{label}_{take}.wav' for label in tiny.LABELS for take in (0, 2)
  ]
  assert folds[0]['train'] == [
    f'{speaker}/{label}_{take}.wav'
    for speaker in ('bob', 'cyd')
    for label in tiny.LABELS
    for take in (1, 3)
  ]
  assert results.num_tests == results.num_utterances == 24
