"""
Check that a database has the tables and columns of the SDK, before anything is read; and which others it has.

Looks into the catalogue alone, which every role may do.
"""

from collections.abc import Mapping

import psycopg

from atlas_api.errors import SchemaMismatch

NEEDED: Mapping[str, frozenset[str]] = {
    "sessions": frozenset(
        [
            "id",
            "task",
            "status",
            "metadata",
            "final_answer",
            "reward",
            "reward_stats",
            "review_status",
            "review_notes",
            "created_at",
        ]
    ),
    "plans": frozenset({"session_id", "plan"}),
    "step_results": frozenset({"session_id", "step_id", "output", "attempts"}),
    "step_attempts": frozenset({"session_id", "step_id", "attempt", "evaluation"}),
    "guidance_notes": frozenset({"session_id", "step_id", "sequence", "note"}),
    "trajectory_events": frozenset({"id", "session_id", "event"}),
}
"""Table -> columns that are read."""

NOTES: Mapping[str, str] = {"student_learning": "text", "teacher_learning": "text"}
"""Columns of `sessions` with what was learnt, which are read where they can be, and their types."""

REGISTRY: Mapping[str, str] = {"learning_key": "text", **NOTES, "metadata": "jsonb"}
"""Columns of `learning_registry`, which is read where it can be: older databases lack it, and few roles need it."""

_MAY_READ = """
SELECT pg_catalog.count(*) = pg_catalog.cardinality(%(columns)s::text[]) FROM pg_attribute
WHERE attrelid = pg_catalog.to_regclass(%(table)s) AND NOT attisdropped
  AND pg_catalog.has_column_privilege(attrelid, attnum, 'SELECT')
  AND (attname::text, atttypid::regtype::text) IN (
    SELECT * FROM unnest(%(columns)s::text[], %(types)s::text[]))
"""

_FOUND = """
SELECT relname::text, pg_catalog.array_agg(attname::text ORDER BY attnum)
FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
WHERE relname = ANY(%s) AND pg_catalog.pg_table_is_visible(pg_class.oid) AND attnum > 0 AND NOT attisdropped
GROUP BY relname
"""


def require_sdk_schema(connection: psycopg.Connection) -> None:
    """Raise SchemaMismatch unless every table and column that is read exists."""
    found: dict[str, list[str]] = dict(connection.execute(_FOUND, [list(NEEDED)]).fetchall())
    problem = missing_parts(found)
    if problem:
        raise SchemaMismatch(problem)


def may_read(connection: psycopg.Connection, table: str, columns: Mapping[str, str]) -> bool:
    """Whether *table* has all of *columns*, with these types, and this role may read them."""
    parameters = {"table": table, "columns": list(columns), "types": list(columns.values())}
    found = connection.execute(_MAY_READ, parameters).fetchone()
    return bool(found and found[0])


def missing_parts(found: Mapping[str, list[str]]) -> str | None:
    """A sentence about what is missing and what is there instead. None when nothing is missing."""
    tables = [table for table in NEEDED if table not in found]
    columns = {table: sorted(NEEDED[table] - set(found[table])) for table in NEEDED if table in found}
    missing = [f"table {table}" for table in tables]
    missing += [f"column {table}.{column}" for table, names in columns.items() for column in names]
    if not missing:
        return None
    there = [f"{table} ({', '.join(found[table])})" if columns[table] else table for table in NEEDED if table in found]
    return (
        f"spec.traces.postgres: the database lacks {', '.join(missing)}; of the SDK's tables it has "
        f"{', '.join(there) or 'none that this role can see'}; correct the URL, or let arc-atlas 0.1.13 or later "
        "connect once with a role that may alter tables"
    )
