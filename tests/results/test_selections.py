import pytest

from sernet_jax.corpora.protocols import PROTOCOLS, ProtocolSpec
from sernet_jax.results import selections
from sernet_jax.results.selections import SELECTIONS


def test_the_names_and_their_order_are_those_of_the_files():
  assert tuple(SELECTIONS) == (
    'last',
    'last_recomputed',
    'average',
    'validation',
    'best_on_test',
  )
  assert all(name == entry.name for name, entry in SELECTIONS.items())


def test_whatever_the_tests_chose_is_optimistic():
  for entry in SELECTIONS.values():
    assert entry.optimistic == (entry.part == 'test')
    assert entry.meaning.startswith('optimistic') == entry.optimistic


@pytest.mark.parametrize('protocol', PROTOCOLS)
@pytest.mark.parametrize('validation', ['none', 'speaker'])
def test_a_run_reports_what_its_protocol_can_choose(protocol, validation):
  spec = ProtocolSpec(protocol, validation=validation)
  chosen = selections.choosing(spec)
  if protocol == 'all':
    assert chosen == ()
  elif validation == 'none':
    assert chosen == ('best_on_test',)
  else:
    assert chosen == ('validation', 'best_on_test')
  assert selections.reported(spec) == ('last', 'last_recomputed', *chosen)


def test_the_tests_are_not_looked_at_where_nobody_wants_the_best_epoch():
  spec = ProtocolSpec('loso', best_on_test=False)
  assert selections.choosing(spec) == ()
  assert selections.reported(spec, averaging=True) == (
    'last',
    'last_recomputed',
    'average',
  )
