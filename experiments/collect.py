"""Copies what is worth keeping of a run or sweep into a folder here.

  python -m experiments.collect runs/emodb experiments/emodb/loso_300
  python -m experiments.collect runs/parallel_paths experiments/parallel_paths

Takes the results, the settings, the environment without paths of the machine,
and the main figures; checkpoints and recordings stay behind. A page there with
the marks `settings` or `recalls` (see `lib/markdown.py`) gets the tables of a
sweep.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import re
import shutil
import sys

from experiments.lib import markdown, provenance
from sernet_jax.common import command_line, files
from sernet_jax.common.errors import require
from sernet_jax.corpora import joined
from sernet_jax.results import run_folder

FIGURES = ('learning_curves', 'confusion_last')
ENVIRONMENT = (
  'python',
  'cpu',
  'cores',
  'packages',
  'devices',
  'xla_flags',
  'git_commit',
  'date',
)


def main(run: str, target: str) -> None:
  """Runs the command; see the top of the file."""
  source, folder = pathlib.Path(run), pathlib.Path(target)
  finished = ('comparison.json', 'results.json')
  require(
    any((source / name).exists() for name in finished),
    f'{source} holds neither {" nor ".join(finished)}: it is not a finished run '
    'or sweep; run its command again to go on, or name another folder',
  )
  folder.mkdir(parents=True, exist_ok=True)
  if (source / 'comparison.json').exists():
    _collect_sweep(source, folder)
  else:
    _collect_run(source, folder)


def _collect_sweep(source: pathlib.Path, folder: pathlib.Path) -> None:
  record = files.read_json(source / 'comparison.json', ('runs', 'settings'))
  record['command'] = provenance.without_paths(record['command'])
  for run in record['runs']:
    run['command'] = provenance.without_paths(run['command'])
    run['folder'] = pathlib.Path(run['folder']).name
    run['environment'] = {
      name: run['environment'][name] for name in ENVIRONMENT
    }
  record['missing'] = [
    {**entry, 'reason': entry['reason'].split(' (log: ')[0]}
    for entry in record.get('missing', [])
  ]
  tables = {
    'settings': settings_table(record),
    'recalls': recalls_table(record),
  }
  _write(folder / 'results.json', record)
  for picture in sorted((source / 'figures').glob('*.png')):
    shutil.copy(picture, folder / picture.name)
  page = folder / 'README.md'
  for mark, table in tables.items():
    print(f'{table}\n')
    if page.exists() and f'<!-- {mark} -->' in page.read_text():
      markdown.fill(page, mark, table)


def settings_table(record: dict) -> str:
  """Scores of each setting by the selection compared, per cent."""
  selection = record['selection']
  against = {
    row['setting']: row
    for row in record['differences']
    if record['baseline'] and row['difference'] is not None
  }
  lines, labels = [], _labels(record)
  for setting in record['settings']:
    found = setting['selections'][selection]
    row = against.get(setting['name'])
    lines.append(
      [
        labels[setting['name']],
        len(setting['seeds']),
        markdown.percent(found['scores'], found['ci95'], 'uar'),
        *(f'{100 * found["scores"][s]:.1f}' for s in ('wa', 'f1_macro')),
        row and markdown.percent(row['difference'], row['ci95'], 'uar', '+'),
        f'{row["p_holm"]:.3f}' if row and row['p_holm'] is not None else None,
        f'{100 * setting["selections"]["last"]["scores"]["uar"]:.1f}',
        f'{setting["cost"]["mflops"]:.0f}',
      ]
    )
  return markdown.table(
    [
      'setting',
      'seeds',
      f'UAR, `{selection}` [95 %]',
      'WA',
      'macro F1',
      'UAR minus the baseline [95 %]',
      'p (Holm)',
      'UAR, `last`',
      'MFLOPs',
    ],
    lines,
  )


def recalls_table(record: dict) -> str:
  """Recall of each class by the selection compared, per cent."""
  labels = _labels(record)
  lines = [
    [
      labels[setting['name']],
      *(
        None if row['recall'] is None else f'{100 * row["recall"]:.0f}'
        for row in setting['selections'][record['selection']]['classes']
      ),
    ]
    for setting in record['settings']
  ]
  return markdown.table(['setting', *record['classes']], lines)


def _labels(record: dict) -> dict[str, str]:
  """Short names of the settings for a table.

  Fields that all settings share are left out, and so are their sections:
  'loss.name=focal' is `loss=focal`, 'data.duration_s=3' is `duration_s=3`.
  A setting without fields keeps its name.
  """
  parts = {
    setting['name']: _parts(setting['name']) for setting in record['settings']
  }
  shared = set.intersection(*(set(fields.items()) for fields in parts.values()))
  labels = {}
  for name, fields in parts.items():
    kept = [pair for pair in fields.items() if pair not in shared]
    labels[name] = ', '.join(
      f'`{_short(field)}={value}`' for field, value in kept or fields.items()
    )
  return {name: label or f'`{name}`' for name, label in labels.items()}


def _parts(name: str) -> dict[str, str]:
  """Field -> value of a setting's name."""
  pairs = re.findall(r'([\w.]+)=(.*?)(?=,[\w.]+=|$)', name)
  return dict(pairs)


def _short(field: str) -> str:
  section, _, name = field.rpartition('.')
  return section if section and name == 'name' else name


def _write(path: pathlib.Path, record: dict) -> None:
  text = json.dumps(record, indent=1, allow_nan=False)
  files.write_bytes(path, f'{text}\n'.encode())


def _collect_run(source: pathlib.Path, folder: pathlib.Path) -> None:
  kept = run_folder.RunFolder(source)
  content = {
    'config': kept.read_config(),
    'environment': kept.read_environment(),
    'results': kept.read_results().to_json(),
  }
  epochs = content['config']['train']['epochs']
  require(
    content['results']['epochs'] == epochs,
    f'{source} has results of {content["results"]["epochs"]} epochs and is on '
    f'its way to {epochs}; run its command again to finish it',
  )
  data = content['config']['data']
  root = data['root']
  corpora = provenance.without_places(joined.without_roots(data['corpora']))
  data.update(root='', cache_dir='', manifest='', corpora=corpora)
  content['results']['skipped_files'] = {
    name.removeprefix(f'{root}/') if root else name: why
    for name, why in content['results']['skipped_files'].items()
  }
  environment = content['environment']
  command = provenance.without_paths(environment['command'])
  seconds = sorted(row['seconds'] for row in kept.read_metrics())
  record = {
    'command': command,
    'environment': {name: environment[name] for name in ENVIRONMENT},
    'config': content['config'],
    'median_seconds_per_epoch_of_a_fold': seconds[len(seconds) // 2],
    'results': content['results'],
  }
  _write(folder / 'results.json', record)
  for name in FIGURES:
    shutil.copy(source / 'figures' / f'{name}.png', folder / f'{name}.png')
  for name, selection in content['results']['selections'].items():
    pooled = {k: v for k, v in selection['pooled'].items() if k != 'confusion'}
    print(name, json.dumps(pooled))


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    prog='python -m experiments.collect',
    description='Copy what is worth keeping of a run or sweep into a folder.',
  )
  parser.add_argument('run', help='folder of a run or sweep')
  parser.add_argument('target', help='folder to fill')
  return parser


if __name__ == '__main__':
  arguments = _parser().parse_args()
  sys.exit(command_line.run(lambda: main(arguments.run, arguments.target)))
