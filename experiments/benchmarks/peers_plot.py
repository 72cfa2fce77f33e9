"""The picture of `peers`: a panel of bars for each task."""

from __future__ import annotations

import pathlib

SHORT = {
  'sernet_jax': 'ours',
  'torch': 'torch',
  'tensorflow': 'TF',
  'onnxruntime': 'ORT',
  'litert': 'LiteRT',
}


def _label(value: float) -> str:
  return f'{value:.0f}' if value >= 10 else f'{value:.2f}'


def draw(result, path: pathlib.Path) -> None:
  """Bars of the medians, one panel per task."""
  import matplotlib as mpl

  from sernet_jax.results.figures import style

  titles = {
    'start': 'start to first\nprobabilities',
    'train': 'training step,\nall cores',
    'folds': 'training step,\none core each',
    'infer_1': 'inference,\none utterance',
    'asked_1': 'one utterance,\nasked after a pause',
    'rested_1': 'one utterance\nafter its own sleep',
    'infer_32': 'inference,\n32 utterances',
  }
  with mpl.rc_context(style.STYLE):
    figure = style.new_figure(
      15.0, 3.0, 'Milliseconds, median',
      f'3 s, float32, {result["cores"]} cores, {result["cpu"]}',
    )  # fmt: skip
    axes = figure.subplots(1, len(titles))
    for axis, (task, title) in zip(axes, titles.items(), strict=True):
      figures = result['tasks'][task]
      heights = [1e3 * row['median_s'] for row in figures.values()]
      bars = axis.bar(range(len(heights)), heights, color=style.GREY)
      bars[0].set_color(style.COLORS['uar'])
      axis.bar_label(bars, fmt=_label, fontsize=8)
      short = [SHORT[name] for name in figures]
      axis.set_xticks(range(len(heights)), short, fontsize=7)
      axis.set_title(title, fontsize=9)
      axis.margins(y=0.15)
    style.save(figure, path)
