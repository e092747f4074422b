"""
The command `atlas-core`: validate a manifest, look at its data, run it; score completions, measure judges.

    main       arguments in, exit code out
    commands/  one file a command
    checks/    what can be said before anything runs
    report/    what commands print and write

To add a command: a file in `commands`, its arguments in `main`.
"""
