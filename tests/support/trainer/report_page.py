"""Charts of a report.html as tests read them, to ask whether a series is drawn."""

import re


def drawn(page: str, title: str) -> dict[str, int]:
    """Name of each series in the legend of the chart *title*, and how many lines and dots of its colour are drawn."""
    (figure,) = [one for one in re.findall(r"<figure>.*?</figure>", page, re.DOTALL) if f"<h3>{title}</h3>" in one]
    picture = figure.partition('role="img"')[2]
    legend = re.findall(r'<path class="line c(\d)[^>]*></svg>(.*?) <b', figure)
    return {name: len(re.findall(rf'class="(?:line c|dots f){colour}\b', picture)) for colour, name in legend}
