"""Progress in a log: whole lines, seldom, and none for short work."""

from __future__ import annotations

import io

import pytest
import tiny

from sernet_jax.common import progress_bar


class Terminal(io.StringIO):
  def isatty(self):
    return True


@pytest.fixture
def err(monkeypatch):
  """Puts a stream in stderr's place."""
  monkeypatch.delenv('TQDM_DISABLE', raising=False)

  def put(stream):
    monkeypatch.setattr('sys.stderr', stream)
    return stream

  return put


def work(bar, steps=4):
  with bar:
    for step in range(steps):
      bar.set_postfix(loss=f'{step:.1f}')
      bar.update()


def test_a_log_gets_lines_that_say_how_far_and_how_long(err, monkeypatch):
  monkeypatch.setattr(progress_bar, 'LOG_SECONDS', 0.0)
  log = err(io.StringIO())
  work(progress_bar.make(total=5, initial=1, desc='training', unit='epoch'))
  text = log.getvalue()
  assert '\r' not in text and '\x1b' not in text and text.endswith('\n')
  lines = text.splitlines()
  assert lines[0].startswith('training: 1 of 5 epochs, 00:00 passed, ')
  assert lines[-1].startswith(
    'training: 5 of 5 epochs, 00:00 passed, 00:00 left'
  )
  assert lines[-1].endswith('loss=3.0')
  assert tiny.only_progress(text)
  assert not tiny.only_progress(f'{text}UserWarning: something else\n')
  assert all(lines)
  assert [
    n for n in '12345' if not any(f' {n} of 5 ' in x for x in lines)
  ] == []


def test_a_log_of_short_work_stays_empty(err):
  log = err(io.StringIO())
  work(progress_bar.make(total=4, desc='training'))
  for _ in progress_bar.make(range(3), desc='lengths', leave=False):
    pass
  assert log.getvalue() == ''


def test_a_bar_that_leaves_nothing_ends_without_an_empty_line(err, monkeypatch):
  monkeypatch.setattr(progress_bar, 'LOG_SECONDS', 0.0)
  log = err(io.StringIO())
  work(progress_bar.make(total=4, desc='reading', leave=False))
  assert log.getvalue().splitlines()[-1].startswith('reading: 4 of 4')
  assert '\n\n' not in log.getvalue()


def test_a_total_nobody_knows(err, monkeypatch):
  monkeypatch.setattr(progress_bar, 'LOG_SECONDS', 0.0)
  log = err(io.StringIO())
  work(progress_bar.make(total=None, desc='corpus.zip', unit='B'))
  assert 'corpus.zip: 4 of ? B, ' in log.getvalue()


def test_a_terminal_gets_a_bar(err):
  screen = err(Terminal())
  work(progress_bar.make(total=4, desc='training'))
  assert '\rtraining: 100%|' in screen.getvalue()


@pytest.mark.parametrize('stream', [io.StringIO, Terminal])
def test_hidden_bars_show_nothing(err, monkeypatch, stream):
  monkeypatch.setattr(progress_bar, 'LOG_SECONDS', 0.0)
  told = err(stream())
  work(progress_bar.make(total=4, shown=False))
  assert told.getvalue() == ''


def test_lines_come_after_the_pause_and_not_before(err, monkeypatch):
  log = err(io.StringIO())
  bar = progress_bar.make(total=400, desc='training')
  now = bar.start_t
  bar._time = lambda: now
  said = []
  for _ in range(400):
    now += 1.0
    bar.set_description(f'training at {now}')
    bar.set_postfix_str('busy')
    bar.update()
    said.append(len(log.getvalue().splitlines()))
  bar.close()
  assert said[58] == 0 and said[60] == 1
  assert said[-1] == 6  # one each full minute of 400 seconds
  assert log.getvalue().startswith('training at 1')
  assert ': :' not in log.getvalue()


def test_a_line_comes_where_nothing_got_done_too(err):
  """As while a large file is hashed, or one step takes minutes."""
  log = err(io.StringIO())
  bar = progress_bar.make(total=400, desc='training')
  now = bar.start_t
  bar._time = lambda: now
  for _ in range(200):
    now += 1.0
    bar.update(0)
  bar.close()
  assert [line[:19] for line in log.getvalue().splitlines()] == [
    'training: 0 of 400 '
  ] * 4


@pytest.mark.parametrize('stream', [io.StringIO, Terminal])
def test_time_left_leaves_out_a_first_step_that_compiles(
  err, monkeypatch, stream
):
  """200 seconds for the first of 100 epochs, then two for each."""
  monkeypatch.setattr(progress_bar, 'LOG_SECONDS', 0.0)
  err(stream())
  bar = progress_bar.make(
    total=103, initial=3, smoothing=0.05, first_compiles=True
  )
  now = bar.start_t
  bar._time = lambda: now
  lefts = []
  for seconds in (200.0, *[2.0] * 99):
    now += seconds
    bar.update()
    found = bar.format_dict | {'bar_format': '{elapsed} {remaining}'}
    lefts.append(bar.format_meter(**found))
  assert lefts[:3] == ['03:20 ?', '03:22 03:16', '03:24 03:14']
  assert lefts[-2:] == ['06:36 00:02', '06:38 00:00']


def test_time_left_follows_steps_that_take_longer(err):
  err(Terminal())
  bar = progress_bar.make(total=200, smoothing=0.05, first_compiles=True)
  now = bar.start_t
  bar._time = lambda: now
  for seconds in (9.0, *[1.0] * 50, *[3.0] * 100):
    now += seconds
    bar.update()
  rate = bar.format_dict['rate']
  assert 1 / 3 < rate < 1 / 2.9  # their mean is 1 / 2.3
