"""Scores by judges: language models that are asked, several times each. Asynchronous; never loads torch."""
