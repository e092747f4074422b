"""
Reading what comes from outside: never more of it than it may cost.

    budgets   how many bytes, values and levels each reader takes, and how far data may unpack
    files     files and pipes that a user names

To read a new kind of document: its budget in `budgets`, and one of the readers there.
"""
