"""
The trainer: from recorded sessions to a model, one attempt at one run.

    __main__        the program of training pods
    train           an attempt in every process, from traces to a finished model
    main_process    what rank 0 does besides: freeze, evaluate, save, report

    algorithms/     GRPO on TRL, behind a registry; what every TRL trainer shares
    reporting/      terminal, metrics, TensorBoard, report.html, status, reports to the operator
    evaluation/     a model measured on held-out tasks, and two measurements compared
    models/         how the policy is loaded and adapted
    dataset/        rows out of sessions: conversation, tokens, split, files
    traces/         sessions from Postgres, S3 and files
    storage/        stores, checkpoints, retention, runs
    distributed/    process group, interruption, errors of torch

A room knows only those below it; `algorithms` and `reporting` do not know each other, nor do `evaluation` and `models`,
nor `storage` and `distributed`. The contracts in pyproject.toml say so and are checked.

To add a room: a folder with such a map, and its place among the layers of the contract.
"""
