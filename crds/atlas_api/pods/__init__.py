"""
What the operator and the processes in its pods agree on.

    contract         where a pod finds what: paths, ports, environment variables, commands
    run_file         run.json: the spec as written, and what had to be looked up
    run_report       what the trainer of a run reports
    cluster_report   the report on its way to the API server: one ConfigMap, patched from a thread

To add something that pods are told: a constant in `contract`, or a field in `run_file`.
"""
