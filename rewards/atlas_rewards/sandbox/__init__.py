"""
Sandbox: untrusted Python that can compute and nothing else.

    runner    starts a child for one program and its tests, and reads whether they passed
    child     the inside: gives up files (Landlock), capabilities and system calls, then runs the program
    seccomp   which system calls it keeps

Knows nothing of ours. What the sandbox does not keep out is said in `runner`.

To add an architecture: its numbers in `seccomp`, a column of the table.
"""
