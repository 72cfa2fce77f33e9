"""Files that train many networks or start many processes.

Without them (-m 'not slow') the tests of each room take less than a minute on
two cores.
"""

FILES = {
  *('runs/test_calibrated', 'runs/test_distributed', 'runs/test_main'),
  *('runs/test_published_networks', 'runs/test_recipe', 'runs/test_teachers'),
  *('nn/test_folded', 'nn/test_fused_paths', 'nn/test_model'),
  *('nn/test_model_weights', 'nn/test_networks'),
  *('export/test_command', 'export/test_writing'),
}
