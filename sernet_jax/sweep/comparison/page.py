"""comparison.html, comparison.json, tables and figures of finished runs.

The same runs give the same page, byte for byte; its dates are those of the
runs.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from sernet_jax.common import files, trees
from sernet_jax.corpora import utterances
from sernet_jax.results import caveats, report
from sernet_jax.results.figures import comparison_plots
from sernet_jax.results.selections import OPTIMISTIC, SELECTIONS
from sernet_jax.sweep.comparison import compare_runs, tables

_COST = {
  'parameters': 'parameters',
  'mflops': 'MFLOPs',
  'peak_memory_kib': 'peak KiB',
}


def write(
  folder: pathlib.Path,
  content: Mapping[str, Any],
  command: str,
  missing: Sequence[tuple[str, str]] = (),
) -> pathlib.Path:
  """Writes page, JSON and figures into a folder.

  Args:
    folder: made if need be.
    content: from `comparison.compare`.
    command: that makes all of it.
    missing: jobs without results: name and why.

  Returns:
    The path of the page.
  """
  notes = list(content['notes'])
  if missing:
    done = len({run['folder'] for run in content['runs']})
    notes.insert(
      0,
      f'{len(missing)} of {done + len(missing)} jobs have no results yet and '
      'are left out.',
    )
  content = {**content, 'notes': notes, 'command': command}
  content['missing'] = [
    {'name': name, 'reason': reason} for name, reason in missing
  ]
  figures = _draw(folder, content)
  environments = [run['environment'] for run in content['runs']]
  dates = sorted(environment['date'] for environment in environments)
  page = report.template('comparison.html.j2').render(
    content=content,
    protocol=caveats.protocol(content['protocol']),
    test=content['test'],
    settings=content['settings'],
    optimistic=all(
      name in row['selections']
      for row in content['settings']
      for name in OPTIMISTIC
    ),
    others=_other_selections(content),
    seeds=any(len(row['seeds']) > 1 for row in content['settings']),
    costs=_costs(content['settings']),
    figures=figures,
    environment=_environment(environments),
    first_date=dates[0],
    last_date=dates[-1],
  )
  files.write_json(folder / 'comparison.json', content)
  tables.write(folder, content)
  path = folder / 'comparison.html'
  files.write_bytes(path, page.encode())
  return path


def _other_selections(content: Mapping[str, Any]) -> list[str]:
  """Selections that all settings have, but the one compared and optimistic ones."""
  return [
    name
    for name in SELECTIONS
    if name not in (content['selection'], *OPTIMISTIC)
    and all(name in row['selections'] for row in content['settings'])
  ]


def _draw(
  folder: pathlib.Path, content: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
  about = (
    f'{content["corpus"]}, {caveats.protocol(content["protocol"])[0]}, '
    f'{caveats.times(content["num_speakers"], "speaker")}, '
    f'{content["weights_dtype"]} weights. '
  )
  # What limits the figures goes with them; the page and the JSON have more.
  names = tuple(row['name'] for row in content['settings'])
  notes = [n for n in content['notes'] if n != utterances.SYNTHETIC_NOTE]
  of_all = [note for note in notes if not note.startswith(names)]
  about += ' '.join(of_all)
  if len(of_all) < len(notes):
    about += ' What limits single settings stands on the page.'
  footer = caveats.footer(content['synthetic'])
  place = folder / 'figures'
  texts = {'settings': 'UAR, WA and F1 of each setting with intervals'}
  comparison_plots.settings(
    content['settings'],
    content['guessing'],
    content['selection'],
    place / 'settings.png',
    about,
    footer,
  )
  pairs = [row for row in content['differences'] if row['seeds']]
  if pairs:
    texts['differences'] = 'Difference in UAR of each pair with its interval'
    comparison_plots.differences(
      pairs, compare_runs.LEVEL, place / 'differences.png', about, footer
    )
  texts['recalls'] = 'Recall of each class under each setting'
  comparison_plots.recalls(
    content['settings'],
    content['classes'],
    content['selection'],
    place / 'recalls.png',
    about,
    footer,
  )
  return {
    name: report.embedded(place / f'{name}.png', text)
    for name, text in texts.items()
  }


def _costs(settings: Sequence[Mapping[str, Any]]) -> dict[str, str]:
  """Returns the costs in which the settings differ, with their headings."""
  return {
    key: heading
    for key, heading in _COST.items()
    if len({row['cost'][key] for row in settings}) > 1
  }


def _environment(environments: Sequence[Mapping[str, Any]]) -> dict[str, str]:
  """Returns field -> value, or all values where runs differ, but the dates."""
  values: dict[str, dict[str, None]] = {}
  for environment in environments:
    for field, value in trees.flatten(dict(environment)).items():
      if field != 'date':
        shown = value if isinstance(value, str) else json.dumps(value)
        values.setdefault(field, {})[shown] = None
  return {field: '; '.join(texts) for field, texts in values.items()}
