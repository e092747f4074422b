"""
The dataset of a run: rows to train and to evaluate on, out of recorded sessions.

    rows              a row: one prompt with where it comes from
    turns             what the agent was asked and what it said, call by call
    session_rows      rows out of a session, for the student or the teacher, with their references
    shortening        prompts that are too long lose parts of results
    row_selection     rows that a model can take; the others counted
    chat_tokens       chat messages as tokens, for any chat template
    completions       completions as texts, with the marks of their thoughts
    model_source      the spec's model as folders here: saved models and adapters, from a folder or the hub
    tokenizer         the tokenizer of the spec's model
    held_out/         which rows are held out, with tasks that must lie on the same side
    dataset           all of it together, with digest and counts; frozen and thawed
    rows_file         rows as Parquet or JSONL
    row_reader        rows of a file that others may have written: values of our types, equal texts held once
    preview           counts, lengths and marked rows, for people
    session_view      sessions before they become rows, for people: many in a table, one in full
    steps_file        the flat table of steps as JSONL, CSV or Parquet

May know `traces`, `storage`, and of the rewards which marks thoughts have; never models, algorithms or evaluation.

To add a kind of row (whole conversations for SFT, say): a function beside `session_rows`, and
the choice of it in `row_selection`, where a session becomes rows.
"""
