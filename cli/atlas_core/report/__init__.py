"""
What commands print and write. Texts of models are shown, never obeyed.

    progress_bar     a bar for work that can be counted
    score_table      one result as a person reads it
    scored_file      the results of `score --items`, continued
    recorded_items   recorded sessions as items to score
    bench_result     what the reward benchmark measured
    bench_report     the same as Markdown and as a table
    bench_plots      the same as SVG

To add a form of output: a file here, called by its command.
"""
