"""Copies what is worth keeping of a run or sweep into a folder here.

  python experiments/collect.py runs/emodb experiments/emodb_loso
  python experiments/collect.py runs/parallel_paths experiments/parallel_paths

Takes the results, the settings, the environment without paths of the machine,
and the main figures; checkpoints and recordings stay behind.
"""

from __future__ import annotations

import json
import pathlib
import shutil
import sys

from sernet_jax import command_line

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
  """See the text of the file."""
  source, folder = pathlib.Path(run), pathlib.Path(target)
  folder.mkdir(parents=True, exist_ok=True)
  if (source / 'comparison.json').exists():
    _collect_sweep(source, folder)
  else:
    _collect_run(source, folder)


def _collect_sweep(source: pathlib.Path, folder: pathlib.Path) -> None:
  record = json.loads((source / 'comparison.json').read_text())
  record['command'] = command_line.without_paths(record['command'])
  for run in record['runs']:
    run['command'] = command_line.without_paths(run['command'])
    run['folder'] = pathlib.Path(run['folder']).name
    run['environment'] = {
      name: run['environment'][name] for name in ENVIRONMENT
    }
  (folder / 'results.json').write_text(json.dumps(record, indent=1) + '\n')
  for picture in sorted((source / 'figures').glob('*.png')):
    shutil.copy(picture, folder / picture.name)
  for setting in record['settings']:
    print(setting['name'], json.dumps(setting['selections']['last']['scores']))


def _collect_run(source: pathlib.Path, folder: pathlib.Path) -> None:
  content = {
    name: json.loads((source / f'{name}.json').read_text())
    for name in ('config', 'environment', 'results')
  }
  content['config']['data'].update(root='', cache_dir='')
  environment = content['environment']
  command = command_line.without_paths(environment['command'])
  rows = [
    json.loads(line)
    for line in (source / 'metrics.jsonl').read_text().splitlines()
  ]
  seconds = sorted(row['seconds'] for row in rows)
  record = {
    'command': command,
    'environment': {name: environment[name] for name in ENVIRONMENT},
    'config': content['config'],
    'median_seconds_per_epoch_of_a_fold': seconds[len(seconds) // 2],
    'results': content['results'],
  }
  (folder / 'results.json').write_text(json.dumps(record, indent=1) + '\n')
  for name in FIGURES:
    shutil.copy(source / 'figures' / f'{name}.png', folder / f'{name}.png')
  for name, selection in content['results']['selections'].items():
    pooled = {k: v for k, v in selection['pooled'].items() if k != 'confusion'}
    print(name, json.dumps(pooled))


if __name__ == '__main__':
  main(*sys.argv[1:])
