"""
Evaluation: how good a model is on held-out tasks, and what training changed.

    evaluator      answers held-out tasks and scores the answers; the only file that loads torch
    measurement    the result: numbers, and the samples behind them
    comparison     two results of one run, with targets and pairs of samples

May know `dataset` and the rewards; never how results look: that is `reporting`.

To add a number: a field of `EvaluationResult` with its shape in `to_json`, its value in `evaluator`, and its place in
`reporting`.
"""
