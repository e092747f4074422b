"""
Scoring of many items: what the commands `score` and `rewards bench` share. Pure but for files and tasks.

    items_file         items in a JSONL file
    ordered            much work at once, results in order
    refusals           ends early where judges are refused
    judge_subsets      ablation: what a subset of the judges would have given
    score_statistics   how scores behave over many items

Knows `judges` (how a score is made of verdicts) and `wire`.

To add a figure: a field of `Summary` in `score_statistics`, and its column in the report of `atlas_core`.
"""
