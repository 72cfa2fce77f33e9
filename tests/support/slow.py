"""Long files of tests: those that start first, and those that can be left out.

Without the marked ones (-m 'not slow') the tests of each room take less than a
minute on two cores.
"""

import pytest

# The longest first, so that no worker ends alone with one, by the sums of
# --durations=0 on one core (246 to 22 s). True: trains many networks or starts
# many processes, and is marked.
FILES = {
  'repo/test_docs': False,
  'runs/test_distributed': True,
  'sweep/test_sweep': False,
  'runs/test_loop': False,
  'training/test_mapping': False,
  'export/test_writing': True,
  'experiments/test_peers_benchmark': False,
  'nn/test_networks': True,
  'experiments/test_fine_tuning': False,
  'robustness/test_kills': False,
  'runs/test_main': True,
  'runs/test_published_networks': True,
  'features/test_front_end': False,
  'nn/test_folded': True,
  'export/test_command': True,
  'predict/test_enrolment': False,
  'training/test_steps': False,
  'export/test_c_pooling': False,
  'nn/test_model': True,
  'runs/test_teachers': True,
  'common/test_banners': False,
  'runs/test_calibrated': True,
  'experiments/test_accelerator_benchmark': False,
  'nn/test_fused_paths': True,
  'export/test_c_folder': False,
  'runs/test_recipe': True,
  'runs/test_run': False,
  'nn/test_model_weights': True,
  'sweep/test_cluster': False,
  'corpora/test_iemocap_run': False,
  'experiments/test_lengths': False,
  'sweep/test_seeds_together': False,
}


def sort(items: list[pytest.Item]) -> None:
  """Puts tests of long files first, the others as they are; marks the slow."""
  places = {name: place for place, name in enumerate(FILES)}

  def name(item: pytest.Item) -> str:
    return f'{item.path.parent.name}/{item.path.stem}'

  for item in items:
    if FILES.get(name(item)):
      item.add_marker(pytest.mark.slow)
  items.sort(key=lambda item: places.get(name(item), len(places)))
