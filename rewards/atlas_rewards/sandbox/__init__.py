"""
Sandbox: untrusted Python that can compute and nothing else.

    runner    starts one child for a program and one for its tests, and reads whether they passed
    child     the inside of both: locks itself in, then runs what it is there for
    lock      gives up files (Landlock), capabilities and system calls
    seccomp   which system calls it keeps
    sides     the program, and the tests that find its names among theirs
    link      questions of one side to the other
    remote    what stands for a value of the other side
    values    plain values as JSON

Knows nothing of ours. What the sandbox does not keep out is said in `runner`.

To add an architecture: its numbers in `seccomp`, a column of the table. To add a plain type: `values`, with what makes
an equal value of it.
"""
