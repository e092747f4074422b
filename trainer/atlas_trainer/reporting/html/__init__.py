"""
The page report.html. Pure: from run, status, metrics and evaluations to text.

    page          the page, by the templates in templates/
    cards         the outcome in a sentence and few numbers
    charts        which charts there are
    line_chart    the geometry of one chart
    samples       answers before and after
    recipe        the recipe in a dozen lines

May know `evaluation` and the rest of `reporting`. Templates escape everything.

To add a chart: a function in `charts`, and its place in `charts.charts`. To add a section: a file here, and its place
in the template.
"""
