"""
How the agents did, from what is recorded about them.

It reads the database, so the table shows what anybody else can query.
"""

from dataclasses import dataclass

from rich.table import Table

from desk.recording.recorder import Connection

_QUERY = """
SELECT tag, count(*),
       count(*) FILTER (WHERE (reward ->> 'score')::float >= 0.8),
       count(*) FILTER (WHERE (reward ->> 'score')::float BETWEEN 0.5 AND 0.8),
       count(*) FILTER (WHERE (reward ->> 'score')::float < 0.5),
       count(*) FILTER (WHERE status = 'failed'),
       sum((metadata -> 'token_usage' ->> 'completion_tokens')::float),
       sum((metadata -> 'token_usage' ->> 'calls')::float)
FROM sessions, jsonb_array_elements_text(metadata -> 'tags') AS tag
WHERE tag LIKE 'model:%' GROUP BY tag ORDER BY min(id)
"""


@dataclass(frozen=True, slots=True)
class Record:
    """What is recorded about one agent."""

    model: str
    sessions: int
    alone: int
    """Sessions with the right order at once."""

    guided: int
    """Sessions with the right order after guidance."""

    wrong: int
    """Sessions with a wrong order, which the SDK counts as successes: nothing raised."""

    failed: int
    """Sessions whose last answer names no order, so that the desk's code raised."""

    tokens: float
    """Mean length of an answer."""


def agents(connection: Connection) -> list[Record]:
    """One for each model that has worked at the desk, oldest first."""
    return [
        Record(tag.removeprefix("model:"), count, alone, guided, wrong, failed, tokens / calls)
        for tag, count, alone, guided, wrong, failed, tokens, calls in connection.execute(_QUERY.encode())
    ]


def closing_table(records: list[Record]) -> Table:
    """The agents side by side. Outcomes are numbers of sessions, and add up."""
    table = Table(title="The agent's own recorded sessions", title_justify="left")
    table.add_column("model")
    for name in (
        "sessions",
        "right at once",
        "right after guidance",
        "wrong, and counted as success",
        "failed",
        "tokens an answer",
    ):
        table.add_column(name, justify="right")
    for agent in records:
        outcomes = [agent.alone, agent.guided, agent.wrong, agent.failed]
        shares = [f"{outcome} ({outcome / agent.sessions:.0%})" for outcome in outcomes]
        table.add_row(agent.model, str(agent.sessions), *shares, f"{agent.tokens:.1f}")
    return table
