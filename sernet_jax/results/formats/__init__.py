"""Formats of the files in a run folder.

`results_json` is for results.json, whose objects `json_records` knows, `metric_lines` for metrics.jsonl,
`predictions_csv` for predictions.csv and `array_file` for .npz files.
"""
