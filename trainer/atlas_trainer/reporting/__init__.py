"""
Reporting: what happens in an attempt, for people, for files and for the operator.

    reporter         one object that is called at every event and fans out to the others
    terminal         a live line, or plain lines
    summary          the last table of a run, with `load_snippet` below it
    metrics_log      metrics.jsonl
    tensorboard      the same numbers as TensorBoard files
    conditions       what the status says in the words of the operator; pure
    status           the status of the training after each event; pure
    html/            report.html
    pod_reporter     reports of a pod to the operator, redacted
    termination      the termination message of a pod

    held_out         how rows were held out, in words
    formatting       numbers as text
    revisions        revisions of the judges that scored the run

May know `evaluation` (results and comparisons) and `storage`; never algorithms or models.

To add an output: a file here that takes results or statuses, and calls of it in `reporter`.
"""
