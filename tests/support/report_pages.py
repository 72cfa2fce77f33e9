"""A run folder with figures of chance, and a page taken apart."""

from __future__ import annotations

import html.parser

import numpy as np

from sernet_jax.results import metrics, summaries
from sernet_jax.results.formats import results_json
from sernet_jax.results.run_folder import RunFolder

CLASSES = (
  'anger',
  'anxiety',
  'boredom',
  'disgust',
  'happiness',
  'neutral',
  'sadness',
)
SPEAKERS = ('03', '08', '09', '10', '11', '12', '13', '14', '15', '16')


def fake_run(
  path,
  speakers=SPEAKERS,
  classes=CLASSES,
  epochs=40,
  validation=True,
  synthetic=False,
  protocol='loso',
):
  """Files of a run that was never made; the folder and its results."""
  random = np.random.default_rng(0)
  folder = RunFolder(path)
  truth = {
    speaker: np.sort(random.integers(0, len(classes), 40 + 3 * k))
    for k, speaker in enumerate(speakers)
  }
  skill = dict(
    zip(speakers, random.uniform(1.2, 2.6, len(speakers)), strict=True)
  )

  def tested(labels, level):
    logits = random.gumbel(size=(len(labels), len(classes)))
    logits[np.arange(len(labels)), labels] += level
    matrix = np.zeros((len(classes), len(classes)), int)
    np.add.at(matrix, (labels, logits.argmax(1)), 1)
    return matrix, logits

  def scored(labels, level):
    matrix, _ = tested(labels, level)
    some = metrics.scores_of_many(matrix)
    return {
      'loss': float(1.95 * np.exp(-level / 2) + random.uniform(0, 0.1)),
      'confusion': matrix,
      'wa': some['wa'],
      'uar': some['uar'],
    }

  rows = []
  for epoch in range(1, epochs + 1):
    for speaker in speakers:
      learned = 1 - np.exp(-epoch / 12)
      row = {
        'fold': speaker,
        'epoch': epoch,
        'learning_rate': 1e-4 if epoch < 30 else 1e-4 * np.exp(-0.15),
        'seconds': 6.1,
        'train': {
          **scored(random.integers(0, len(classes), 470), 6 * learned),
          'l2': 0.01,
        },
        'test': scored(truth[speaker], 1.4 * skill[speaker] * learned),
      }
      if validation:
        row['validation'] = scored(truth[speaker], 2.5 * learned)
      rows.append(row)
  folder.append_metrics(rows)

  predictions = []

  def selection(name, dtype, level, epoch):
    for speaker in speakers:
      _, logits = tested(truth[speaker], level * skill[speaker])
      shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
      predictions.extend(
        {
          'selection': name,
          'weights_dtype': dtype,
          'fold': speaker,
          'utterance': f'{speaker}x{k:02d}',
          'speaker': speaker,
          'label': classes[label],
          'predicted': classes[share.argmax()],
          'probabilities': share,
        }
        for k, (label, share) in enumerate(
          zip(truth[speaker], shares, strict=True)
        )
      )
    mine = [
      row
      for row in predictions
      if (row['selection'], row['weights_dtype']) == (name, dtype)
    ]
    return summaries.from_predictions(
      mine, classes, dict.fromkeys(speakers, epoch)
    ).to_json()

  levels = {
    'last': (1.4, epochs),
    'last_recomputed': (1.6, epochs),
    'best_on_test': (1.8, 31),
  }
  if validation:
    levels['validation'] = (1.35, 28)
  results = {
    'corpus': 'synthetic' if synthetic else 'emodb',
    'synthetic': synthetic,
    'protocol': protocol,
    'validation': 'speaker' if validation else 'none',
    'classes': list(classes),
    'epochs': epochs,
    'seed': 0,
    'num_utterances': sum(map(len, truth.values())),
    'num_segments': sum(map(len, truth.values())),
    'skipped_files': {'/data/emodb/wav/03a01Fa.wav': 'has no samples'},
    'weights_dtype': 'float16',
    'selections': {
      name: selection(name, 'float16', *of) for name, of in levels.items()
    },
    'selections_float32': {
      name: selection(name, 'float32', *of) for name, of in levels.items()
    },
    'cost': {
      'parameters': 463431,
      'parameters_trainable': 461703,
      'parameters_folded': 460743,
      'mflops': 318.6528,
      'peak_memory_kib': 1610.0,
      'fp16_bytes': 921486,
    },
    'seconds': 2440.5,
  }
  folder.write_results(results_json.decode(results))
  folder.write_predictions(predictions, classes)
  folder.write_config(
    {
      'seed': 0,
      'data': {
        'corpus': results['corpus'],
        'root': '/data/emodb',
        'part': 'all',
        'duration_s': 3.0,
        'segments': 'center',
        'on_bad_file': 'skip',
      },
      'features': {'kind': 'mfcc', 'preset': 'paper', 'num_coefficients': 40},
      'model': {
        'paths': ['spectral', 'temporal', 'joint'],
        'filters': 96,
        'dropout': 0.3,
        'batch_norm_momentum': 0.99,
      },
      'loss': {'name': 'cross_entropy', 'gamma': 2.0, 'class_weights': 'none'},
      'optim': {'learning_rate': 1e-4, 'l2': 1e-6},
      'protocol': {
        'name': protocol,
        'validation': results['validation'],
        'folds': [],
      },
      'train': {'epochs': epochs, 'batch_size': 32, 'checkpoint_epochs': 10},
    }
  )
  folder.write_environment(
    {
      'command': 'python -m sernet_jax.main --config=configs/emodb.py '
      '--workdir=runs/emodb --config.train.epochs=40',
      'python': '3.11.7',
      'platform': 'Linux-6.1-x86_64',
      'cpu': 'AMD EPYC',
      'cores': 2,
      'packages': {'jax': '0.10.2', 'flax': None},
      'devices': ['TFRT_CPU_0'],
      'xla_flags': '',
      'git_commit': 'abc123',
      'date': '2026-01-02T03:04:05+00:00',
    }
  )
  time = np.linspace(0, 3, 184)[:, None]
  band = np.arange(40)
  shapes = [
    4 * np.cos(band / (k + 2) + time) * np.exp(-band / 12)
    for k in range(len(classes))
  ]
  folder.write_examples(
    shapes, [f'03a0{k}Fa' for k in range(len(classes))], classes
  )
  return folder, folder.read_results().to_json()


class Page(html.parser.HTMLParser):
  """Tags with their attributes, tables as lists of rows, and the text."""

  def __init__(self, text):
    super().__init__()
    self.tags, self.tables, self.text = [], [], ''
    self.in_cell = False
    self.feed(text)

  def handle_starttag(self, tag, attrs):
    self.tags.append((tag, dict(attrs)))
    if tag == 'table':
      self.tables.append([])
    elif tag == 'tr':
      self.tables[-1].append([])
    elif tag in ('td', 'th'):
      self.tables[-1][-1].append('')
      self.in_cell = True

  def handle_endtag(self, tag):
    if tag in ('td', 'th'):
      self.in_cell = False

  def handle_data(self, data):
    self.text += f'{data} '
    if self.in_cell:
      self.tables[-1][-1][-1] += f'{data} '

  def rows(self, heading):
    """Body of the table whose first cell starts with `heading`."""
    table = next(t for t in self.tables if t[0][0].startswith(heading))
    return [[cell.split() for cell in row] for row in table]
