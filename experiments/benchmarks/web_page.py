"""Times the page in the browser from loading to the first estimate.

  python -m experiments.benchmarks.web_page [--runtime=FOLDER] [--model=...]

The page of `export --format=web` is opened in Chromium without a window, each
round with a new profile, so that nothing is cached, from a server on this
machine. Once it is ready it is given a recording of the synthetic corpus. Times
are the page's own, from the begin of loading: until it is ready (page, model and
runtime read and compiled) and until it shows the probabilities of the whole
recording. Writes web_page.json beside this file: medians, and the slowest round.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import statistics
import sys
import tempfile
from typing import Any

from experiments.benchmarks import history
from sernet_jax.export.device import web_folder
from sernet_jax.predict import bundle as bundle_lib
from sernet_jax.runs import example_recordings

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / 'tests' / 'support'))

import browser  # noqa: E402 - the tests drive the page too

# Runs before the page's own scripts, which it does not touch: notes when each
# state of the page is first there, and gives it the recording.
_WATCH = """
globalThis.times = {};
document.addEventListener('DOMContentLoaded', () => {
  new MutationObserver(async () => {
    const now = document.body.dataset.state;
    times[now] ??= performance.now() / 1000;
    if (now !== 'ready' || times.given) return;
    times.given = performance.now() / 1000;
    const sound = await (await fetch('sound.wav')).blob();
    const files = new DataTransfer();
    files.items.add(new File([sound], 'sound.wav'));
    const input = document.querySelector('#file');
    input.files = files.files;
    input.dispatchEvent(new Event('change', { bubbles: true }));
  }).observe(document.body, { attributeFilter: ['data-state'] });
});
"""


def one_round(address: str) -> dict[str, float]:
  """Seconds from the begin of loading, by the state of the page."""
  with (
    # What the browser writes as it ends is nobody's loss.
    tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
    browser.Browser(profile) as chromium,
  ):
    chromium.call('Page.addScriptToEvaluateOnNewDocument', source=_WATCH)
    chromium.call('Page.navigate', url=address)
    state = chromium.wait('done', 'fault')
    assert state == 'done', chromium.run('document.body.innerText')
    return chromium.run('times')


def main() -> None:
  """Measures, prints and stores."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--model', default=bundle_lib.RELEASES[0])
  parser.add_argument('--rounds', type=int, default=7)
  parser.add_argument('--output', default=str(HERE / 'web_page.json'))
  parser.add_argument(
    '--runtime', default='', help='folder of onnxruntime-web; the cache if not'
  )
  args = parser.parse_args()
  name = bundle_lib.released(args.model)
  bundle = bundle_lib.load(
    bundle_lib.release_path(name) if name else args.model
  )
  with tempfile.TemporaryDirectory() as temporary:
    folder = pathlib.Path(temporary) / 'page'
    web_folder.write(folder, bundle, args.runtime)
    sound, _ = example_recordings.write(pathlib.Path(temporary))
    seconds = sound.stat().st_size / 2 / example_recordings.RATE_HZ
    sound.rename(folder / 'sound.wav')
    size = sum(one.stat().st_size for one in folder.rglob('*'))
    with browser.served(folder) as (address, _):
      rounds = [one_round(address) for _ in range(args.rounds)]
  ready = [one['ready'] for one in rounds]
  first = [one['done'] for one in rounds]
  found: dict[str, Any] = {
    'what': 'seconds from the begin of loading',
    'model': name or 'other',
    'recording_seconds': round(seconds, 2),
    'page_mib': round(size / 2**20, 1),
    'rounds': args.rounds,
    'ready_median_s': round(statistics.median(ready), 3),
    'first_estimate_median_s': round(statistics.median(first), 3),
    'first_estimate_slowest': round(max(first), 3),
    'estimate_alone_median_s': round(
      statistics.median(one['done'] - one['given'] for one in rounds), 3
    ),
    **history.where('web_page'),
    'cores': len(os.sched_getaffinity(0)),
  }
  pathlib.Path(args.output).write_text(json.dumps(found, indent=2) + '\n')
  print(json.dumps(found, indent=2))


if __name__ == '__main__':
  main()
