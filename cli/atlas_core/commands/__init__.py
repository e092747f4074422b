"""
The commands of `atlas-core`, one file each. They import heavy modules when they need them.

    validate        everything that can be known of a manifest without traces and models
    data            preview and export of what a manifest would train on
    run             one run in this process, continued where an earlier one stopped
    score           what judges and verifiers say of completions
    rewards_bench   which judges agree with what was recorded

To add a command: a file here, its arguments in `main`.
"""
