"""
The commands of `atlas-core`, one file each. They import heavy modules when they need them.

    validate        everything that can be known of a manifest without traces and models
    data            preview and export of what a manifest would train on
    sessions        recorded sessions: a list, one in full, a table of their steps
    output_file     what `--output` may name
    run             one run in this process, continued where an earlier one stopped
    score           what judges and verifiers say of completions
    rewards_bench   which judges agree with what was recorded

To add a command: a file here, its arguments in `main`.
"""
