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

    failed: int
    tokens: float
    """Mean length of an answer."""

    calls: float
    """Mean number of answers a session."""


def agents(connection: Connection) -> list[Record]:
    """One for each model that has worked at the desk, oldest first."""
    return [
        Record(tag.removeprefix("model:"), count, alone, guided, failed, tokens / calls, calls / count)
        for tag, count, alone, guided, failed, tokens, calls in connection.execute(_QUERY.encode())
    ]


def closing_table(records: list[Record]) -> Table:
    """The agents side by side."""
    table = Table(title="The agent's own recorded sessions", title_justify="left")
    for name in (
        "model",
        "sessions",
        "right at once",
        "right after guidance",
        "failed",
        "tokens an answer",
        "answers a session",
    ):
        table.add_column(name, justify="left" if name == "model" else "right")
    for agent in records:
        table.add_row(
            agent.model,
            str(agent.sessions),
            f"{agent.alone / agent.sessions:.0%}",
            f"{agent.guided / agent.sessions:.0%}",
            f"{agent.failed / agent.sessions:.0%}",
            f"{agent.tokens:.1f}",
            f"{agent.calls:.2f}",
        )
    return table
