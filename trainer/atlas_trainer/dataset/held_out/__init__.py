"""
Which rows are held out: never trained on, and no near-identical task of theirs either.

    split             the two sides, drawn by a seed
    near_duplicates   tasks that must lie on the same side
"""
