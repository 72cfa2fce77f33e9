"""Times the estimates of a stream that computes only what is new.

  python experiments/benchmarks/moving_window.py --data_root=FOLDER_OF_EMODB
    [--model=...] [--size=...] [--minutes=5] [--hop_s=0.256]
    [--output=moving_window.json]

Recordings of EMO-DB, back to back without gaps, are cut into windows a
hop apart. In turns, window by window, each is computed whole (scaled by its own
percentile, `prepare` and the model) and by `MovingWindow`, whose scale is held
within 1, 3 or 6 dB. Printed and stored: the median and mean times of both, their
ratios, the share of windows that had to be computed anew, and the share that
have the label of the window computed whole. --size takes random weights of a
network of that size, for times alone.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pathlib
import time

import history
import jax
import numpy as np
import tqdm

from sernet_jax.audio import reading, segments, timeline
from sernet_jax.corpora.readers import emodb
from sernet_jax.nn import folded, incremental, model as nn_model, sizes
from sernet_jax.predict import models
from sernet_jax.predict.recognizer import Recognizer

HELD_DB = (1.0, 3.0, 6.0)


def speech(folder: str, rate_hz: int, minutes: float) -> np.ndarray:
  """Recordings back to back, in an order drawn once."""
  paths = [one.path for one in emodb.emodb(folder).utterances]
  most, parts, count = round(minutes * 60 * rate_hz), [], 0
  for index in np.random.default_rng(0).permutation(len(paths)):
    parts.append(reading.load_mono(paths[index], rate_hz))
    count += len(parts[-1])
    if count >= most:
      break
  return np.concatenate(parts)[:most]


def timed(function) -> tuple[np.ndarray, float]:
  """The result of a call and its milliseconds."""
  start = time.perf_counter()
  result = function()
  return result, 1e3 * (time.perf_counter() - start)


def row_of(held_db, moving, whole, rows) -> dict:
  """The figures of one way to hold the scale, against the whole windows."""
  expected, before = whole
  actual, after = rows
  labels = np.argmax(actual, axis=1) == np.argmax(expected, axis=1)
  return {
    'held_db': held_db,
    'median_ms': float(np.median(after)),
    'mean_ms': float(np.mean(after)),
    'ratio_of_medians': float(np.median(after) / np.median(before)),
    'ratio_of_means': float(np.mean(after) / np.mean(before)),
    'computed_anew': moving.renewed / len(labels),
    'same_labels': float(labels.mean()),
  }


def main() -> None:
  """Measures, prints and stores."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--data_root', required=True)
  parser.add_argument('--model', default='')
  parser.add_argument('--size', default='', choices=('', *sizes.SIZES))
  parser.add_argument('--minutes', type=float, default=5.0)
  parser.add_argument('--hop_s', type=float, default=0.256)
  parser.add_argument('--output', default='')
  args = parser.parse_args()
  model = models.load(args.model)
  if args.size:
    spec = sizes.spec(args.size)
    drawn = nn_model.init(jax.random.key(0), spec)
    made = dataclasses.replace(
      model.bundle, model=spec, folded=folded.fold(spec, *drawn)
    )
    model = Recognizer([made], f'random weights, {args.size}')
  rate_hz, length = model.audio.sample_rate_hz, model.audio.num_samples
  hop = timeline.hop_samples(args.hop_s, rate_hz, length)
  sound = speech(args.data_root, rate_hz, args.minutes)
  moving = {held: model.moving_window(hop, held) for held in HELD_DB}
  model(segments.prepare(sound[:length], length)[None])  # compiles
  whole, held = ([], []), {each: ([], []) for each in HELD_DB}
  for start in tqdm.trange(0, len(sound) - length, hop):
    window = sound[start : start + length]
    calls = {
      0.0: lambda w=window: model(segments.prepare(w, length)[None])[0],
      **{k: lambda m=m, w=window, s=start: m(s, w) for k, m in moving.items()},
    }
    for each, call in calls.items():
      shares, ms = timed(call)
      rows = held.get(each, whole)
      rows[0].append(shares)
      rows[1].append(ms)
  frames = (length - model.mfcc.frame_samples) // model.mfcc.hop_samples + 1
  plan = incremental.plan(
    model.bundle.model, frames, hop // model.mfcc.hop_samples
  )
  found = {
    'windows': len(whole[0]),
    'hop_s': hop / rate_hz,
    'whole_median_ms': float(np.median(whole[1])),
    'whole_mean_ms': float(np.mean(whole[1])),
    'share_of_multiplications': incremental.share(plan, frames),
    'held': [row_of(k, moving[k], whole, held[k]) for k in HELD_DB],
    'minutes': args.minutes,
    'model': model.name,
    **history.where('moving_window'),
    'cores': len(os.sched_getaffinity(0)),
  }
  print(json.dumps(found, indent=2))
  if args.output:
    pathlib.Path(args.output).write_text(json.dumps(found, indent=2) + '\n')


if __name__ == '__main__':
  main()
