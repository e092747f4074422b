"""
Queries of the Postgres source. Pure text; knows no connection. Functions are named with their schema: else one of
somebody's that fits its arguments better, as `unnest(bigint[])` does, would run with our rights.

One query judges every session; its answer, the chosen ids, goes into one query a table. Three things keep these fast
where answers are large: rows are sorted before anything is unpacked from TOAST; `|| '{}'` in a subquery that `OFFSET 0`
keeps apart makes Postgres unpack a JSON value once instead of once an expression; of the events, which repeat a session
two dozen times, only answers and prompts leave the database. Each level repeats its order, else Postgres sorts again.
"""

from typing import Any

from psycopg.types.json import Jsonb

from atlas_api.training.traces import TraceFilter
from atlas_trainer.traces.sdk_fields import NO_VALID_SAMPLE, lower
from atlas_trainer.traces.session import REWARD_EPSILON

_NO_VALID_SAMPLE = " || ".join(
    f'@.{path}rationale == "{NO_VALID_SAMPLE}"' for path in ("", "judges[*].", "judges[*].samples[*].")
)

# The same meaning as `sdk_fields.reward_of`. A value is cast only after its text was seen to be a number that fits.
_FIRST_RECORDED = f"""
CASE
  WHEN pg_catalog.jsonb_typeof(reward_stats) NOT IN ('object', 'null') THEN NULL
  WHEN reward @? '$ ? ({_NO_VALID_SAMPLE})' THEN NULL
  ELSE coalesce(
    nullif(reward_stats -> 'score', 'null'),
    nullif(reward_stats -> 'score_mean', 'null'),
    nullif(reward -> 'score', 'null'))
END #>> '{{}}'
"""
_NUMBER = """
CASE WHEN recorded ~ '^[ \\t\\r\\n]*[+-]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([eE][+-]?[0-9]{1,4})?[ \\t\\r\\n]*$'
  THEN recorded::numeric END
"""
_SCORE = "CASE WHEN pg_catalog.abs(number) < 1e-300 THEN 0 WHEN pg_catalog.abs(number) < 1e300 THEN number::float8 END"


def _with_score(sessions: str, order: str = "") -> str:
    """Add the session reward to a query as `score`, null when it is unknown. `order` is that of the query's rows."""
    query = sessions
    for column, value in (("recorded", _FIRST_RECORDED), ("number", _NUMBER), ("score", _SCORE)):
        query = f"SELECT *, {value} AS {column} FROM ({query}) AS before_{column} {order} OFFSET 0"  # noqa: S608
    return query


# Dates of infinity, before Christ or far ahead are none that Python or a status could name.
_CREATED_AT = (
    "CASE WHEN created_at::timestamptz >= '1000-01-01T00:00:00Z' AND created_at::timestamptz < '3000-01-01T00:00:00Z'"
    " THEN created_at::timestamptz END"
)

# As the SDK compares it: the number 42 and the word "42" are one key.
_LEARNING_KEY = """
CASE WHEN pg_catalog.jsonb_typeof({metadata} -> 'learning_key') IN ('string', 'number')
  THEN {metadata} ->> 'learning_key' END
"""

_CHOSEN = "pg_catalog.unnest(%(ids)s::bigint[]) AS chosen(id)"

_NOTES = "sessions.student_learning, sessions.teacher_learning"
_NO_NOTES = "NULL AS student_learning, NULL AS teacher_learning"

_PICKED = f"""
SELECT sessions.id, task::text, status::text, review_status::text, review_notes::text, created_at, final_answer::text,
  metadata, reward, reward_stats, {_NOTES}
FROM sessions JOIN {_CHOSEN} ON sessions.id = chosen.id ORDER BY sessions.id OFFSET 0
"""  # noqa: S608

_SESSIONS = f"""
SELECT id, task, status, review_status, review_notes, {_CREATED_AT} AS created_at, created_at::text AS created_text,
  coalesce(final_answer, '') AS final_answer, score AS reward,
  pg_catalog.jsonb_build_object(
    'learning_key', {_LEARNING_KEY.format(metadata="meta")},
    'tags', meta -> 'tags',
    'project_root', meta -> 'project_root',
    'execution_mode', meta -> 'execution_mode',
    'adaptive_summary', pg_catalog.jsonb_build_object('adaptive_mode', meta #> '{{adaptive_summary,adaptive_mode}}'),
    'executor_system_prompt', meta -> 'executor_system_prompt',
    'ground_truth', meta -> 'ground_truth',
    'triage_dossier', pg_catalog.jsonb_build_object(
      'summary', meta #> '{{triage_dossier,summary}}', 'risks', meta #> '{{triage_dossier,risks}}')) AS metadata,
  coalesce(nullif(student_learning, ''), meta ->> 'student_learning') AS student_learning,
  coalesce(nullif(teacher_learning, ''), meta ->> 'teacher_learning') AS teacher_learning
FROM (
  SELECT *, metadata || '{{}}'::jsonb AS meta FROM ({_with_score(_PICKED, "ORDER BY id")}) AS scored
  ORDER BY id OFFSET 0
) AS unpacked
ORDER BY id
"""  # noqa: S608

_PLANS = f"""
SELECT session_id, pg_catalog.jsonb_build_object('steps', plan -> 'steps') AS plan
FROM (
  SELECT session_id, plan FROM plans JOIN {_CHOSEN} ON session_id = chosen.id ORDER BY session_id OFFSET 0
) AS picked
ORDER BY session_id
"""  # noqa: S608

_STEP_RESULTS = f"""
SELECT session_id, step_id, output, attempts
FROM step_results JOIN {_CHOSEN} ON session_id = chosen.id
ORDER BY session_id, step_id
"""  # noqa: S608

# A first attempt that was accepted says nothing that the step result does not.
_STEP_ATTEMPTS = f"""
SELECT session_id, step_id, attempt,
  pg_catalog.jsonb_build_object('validation', pg_catalog.jsonb_build_object(
    'valid', validation -> 'valid', 'guidance', validation -> 'guidance')) AS evaluation
FROM (
  SELECT session_id, step_id, attempt, evaluation -> 'validation' AS validation FROM (
    SELECT session_id, step_id, attempt, evaluation FROM step_attempts JOIN {_CHOSEN} ON session_id = chosen.id
    ORDER BY session_id, step_id, attempt OFFSET 0
  ) AS picked ORDER BY session_id, step_id, attempt OFFSET 0
) AS unpacked
WHERE attempt > 1 OR validation -> 'valid' = 'false'
ORDER BY session_id, step_id, attempt
"""  # noqa: S608

_GUIDANCE_NOTES = f"""
SELECT session_id, step_id, sequence, note
FROM guidance_notes JOIN {_CHOSEN} ON session_id = chosen.id
ORDER BY session_id, step_id, sequence
"""  # noqa: S608

_ANSWER = """
CASE
  WHEN payload #>> '{data,output,context_entry,output_text}' <> '' THEN pg_catalog.jsonb_build_object(
    'context_entry', pg_catalog.jsonb_build_object('output_text', payload #> '{data,output,context_entry,output_text}'),
    'evaluation', pg_catalog.jsonb_build_object('validation', pg_catalog.jsonb_build_object(
      'valid', payload #> '{data,output,evaluation,validation,valid}',
      'guidance', payload #> '{data,output,evaluation,validation,guidance}')))
  WHEN pg_catalog.jsonb_typeof(payload #> '{data,output}') = 'object'
    THEN (payload #> '{data,output}') - '{trace,metadata,runtime,context_entry}'::text[]
  ELSE payload #> '{data,output}'
END
"""

_EVENTS = f"""
SELECT session_id, pg_catalog.jsonb_build_object('payload', pg_catalog.jsonb_build_object(
    'event_type', kind,
    'name', name,
    'UUID', payload -> 'UUID',
    'metadata', pg_catalog.jsonb_build_object(
      'actor', payload #> '{{metadata,actor}}', 'step_id', payload #> '{{metadata,step_id}}'),
    'data', CASE
      WHEN kind = 'SPAN_END' THEN pg_catalog.jsonb_build_object('output', pg_catalog.jsonb_build_object(
        'messages', payload #> '{{data,output,messages}}'))
      WHEN name = 'agent' THEN pg_catalog.jsonb_build_object('input', pg_catalog.jsonb_build_object(
        'messages', payload #> '{{data,input,messages}}'))
      ELSE pg_catalog.jsonb_build_object(
        'input', pg_catalog.jsonb_build_object(
          'attempt', payload #> '{{data,input,attempt}}', 'guidance', payload #> '{{data,input,guidance}}'),
        'output', {_ANSWER}) END)) AS event
FROM (
  SELECT id, session_id, payload, payload ->> 'event_type' AS kind, payload ->> 'name' AS name FROM (
    SELECT id, session_id, event -> 'payload' AS payload FROM (
      SELECT trajectory_events.id, session_id, event
      FROM trajectory_events JOIN {_CHOSEN} ON session_id = chosen.id
      ORDER BY session_id, trajectory_events.id OFFSET 0
    ) AS picked ORDER BY session_id, id OFFSET 0
  ) AS unpacked ORDER BY session_id, id OFFSET 0
) AS named
WHERE kind = 'LLM_END'
  OR kind = 'SPAN_END' AND pg_catalog.jsonb_typeof(payload #> '{{data,output,messages}}') = 'array'
  OR kind IN ('TASK_START', 'TASK_END') AND name ~ '^step_[0-9]+$'
  OR kind = 'TASK_START' AND name = 'agent' AND NOT payload #> '{{data,input,messages}}' @> '[{{"type": "ai"}}]'
ORDER BY session_id, id
"""  # noqa: S608


_QUERIES = {
    "sessions": _SESSIONS,
    "plans": _PLANS,
    "step_results": _STEP_RESULTS,
    "step_attempts": _STEP_ATTEMPTS,
    "guidance_notes": _GUIDANCE_NOTES,
    "trajectory_events": _EVENTS,
}


def queries(notes: bool) -> dict[str, str]:
    """Table -> query, ordered by session id. The parameter `ids` is a bigint[] in text form.

    *notes*: whether sessions have columns for what was learnt; without them the metadata is all there is.
    """
    return _QUERIES if notes else {**_QUERIES, "sessions": _SESSIONS.replace(_NOTES, _NO_NOTES)}


REGISTRY = """
SELECT learning_key, student_learning, teacher_learning, pg_catalog.jsonb_build_object('playbook_entries', (
    SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
      'audience', entry -> 'audience',
      'cue', pg_catalog.jsonb_build_object(
        'description', entry #> '{cue,description}', 'pattern', entry #> '{cue,pattern}'),
      'action', pg_catalog.jsonb_build_object('imperative', entry #> '{action,imperative}'),
      'provenance', pg_catalog.jsonb_build_object('status', pg_catalog.jsonb_build_object(
        'lifecycle', entry #> '{provenance,status,lifecycle}'))) ORDER BY place)
    FROM pg_catalog.jsonb_array_elements(pg_catalog.jsonb_path_query_array(metadata, '$.playbook_entries[0 to 99]'))
      WITH ORDINALITY AS entries(entry, place))) AS metadata
FROM learning_registry WHERE learning_key = ANY(%(keys)s)
"""
"""Query for what was learnt for the learning keys `keys`, with the first hundred entries of each playbook."""

ABSENT = """
SELECT id FROM pg_catalog.unnest(%(ids)s::text[]) AS named(id)
WHERE NOT EXISTS (SELECT FROM sessions WHERE sessions.id::text = named.id) ORDER BY id
"""
"""Query of the ids in the parameter `ids` that no session has."""

_JUDGED = f"""
SELECT id, status, review_status, {_CREATED_AT} AS created_at, metadata, reward, reward_stats FROM sessions
"""  # noqa: S608


def choice(filter: TraceFilter) -> tuple[str, dict[str, Any]]:
    """
    The query that judges every session, and its parameters.

    One row for each cause: `cause` (null for the sessions that pass), `sessions` (how many), `ids` (of those that pass,
    in the text form of a bigint[]: handed on as it came, however many there are).
    """
    conditions = _conditions(filter)
    cases = "".join(f"    WHEN {failed} THEN '{cause}'\n" for cause, failed in conditions)
    bounded = filter.min_reward is not None or filter.max_reward is not None
    judged = _with_score(_JUDGED) if bounded else _JUDGED
    direction = "DESC" if filter.order == "newest" else "ASC"
    query = f"""
WITH judged AS (
  SELECT id, created_at, CASE
{cases}    WHEN false THEN ''
    END AS cause
  FROM ({judged}) AS found
), placed AS (
  SELECT id, cause, {_place(filter, direction)} AS place FROM judged
), decided AS (
  SELECT id, CASE
    WHEN cause IS NULL AND place <= %(offset)s::bigint THEN 'offset'
    WHEN cause IS NULL AND place > %(offset)s::bigint + %(limit)s::bigint THEN 'limit'
    ELSE cause
    END AS cause
  FROM placed
)
SELECT cause, pg_catalog.count(*) AS sessions,
  (pg_catalog.array_agg(DISTINCT id::bigint) FILTER (WHERE cause IS NULL))::text AS ids
FROM decided GROUP BY cause
"""  # noqa: S608
    return query, _parameters(filter)


def _place(filter: TraceFilter, direction: str) -> str:
    if filter.limit is None and not filter.offset:
        return "NULL::bigint"
    order = f"created_at {direction} NULLS LAST, id {direction}"
    return f"pg_catalog.row_number() OVER (PARTITION BY cause IS NULL ORDER BY {order})"


def _conditions(filter: TraceFilter) -> list[tuple[str, str]]:
    """Name of each condition and the SQL for its failure, in the order in which the first one counts.

    Conditions that the filter does not set are left out.
    """
    bounded = filter.min_reward is not None or filter.max_reward is not None
    named = "pg_catalog.jsonb_typeof(metadata -> 'execution_mode') = 'string' AND metadata ->> 'execution_mode' ~ '\\S'"
    summary = "metadata #> '{adaptive_summary,adaptive_mode}'"
    mode = f"CASE WHEN {named} THEN metadata -> 'execution_mode' ELSE {summary} END"
    tags = "CASE WHEN pg_catalog.jsonb_typeof(metadata -> 'tags') IN ('array', 'string') THEN metadata -> 'tags' END"
    asked: list[tuple[Any, str, str]] = [
        (filter.session_ids, "sessionIds", "(id::text = ANY(%(session_ids)s)) IS NOT TRUE"),
        (filter.exclude_session_ids, "excludeSessionIds", "id::text = ANY(%(exclude_session_ids)s)"),
        ("status" in filter.require, "require", "coalesce(status, '') = ''"),
        ("reviewStatus" in filter.require, "require", "coalesce(review_status, '') = ''"),
        (filter.status, "status", f"({_lower('status')} = ANY(%(status)s)) IS NOT TRUE"),
        (filter.review_status, "reviewStatus", f"({_lower('review_status')} = ANY(%(review_status)s)) IS NOT TRUE"),
        (bounded, "unknownReward", "score IS NULL"),
        (filter.min_reward is not None, "minReward", "score < %(lowest)s::float8"),
        (filter.max_reward is not None, "maxReward", "score > %(highest)s::float8"),
        (
            filter.learning_keys,
            "learningKeys",
            f"({_LEARNING_KEY.format(metadata='metadata')} = ANY(%(learning_keys)s)) IS NOT TRUE",
        ),
        (filter.tags, "tags", f"({tags} ?| %(tags)s) IS NOT TRUE"),
        (filter.projects, "projects", "(metadata -> 'project_root' = ANY(%(projects)s::jsonb[])) IS NOT TRUE"),
        (filter.execution_modes, "executionModes", f"({mode} = ANY(%(modes)s::jsonb[])) IS NOT TRUE"),
        (filter.created_after, "createdAfter", "(created_at >= %(after)s) IS NOT TRUE"),
        (filter.created_before, "createdBefore", "(created_at < %(before)s) IS NOT TRUE"),
    ]
    return [(cause, failed) for wanted, cause, failed in asked if wanted]


def _lower(column: str) -> str:
    return f'pg_catalog.lower({column} COLLATE "C")'


def _parameters(filter: TraceFilter) -> dict[str, Any]:
    return {
        "session_ids": list(filter.session_ids),
        "exclude_session_ids": list(filter.exclude_session_ids),
        "status": [lower(word) for word in filter.status],
        "review_status": [lower(word) for word in filter.review_status],
        "lowest": None if filter.min_reward is None else filter.min_reward - REWARD_EPSILON,
        "highest": None if filter.max_reward is None else filter.max_reward + REWARD_EPSILON,
        "learning_keys": [key for key in filter.learning_keys if key.strip()],
        "tags": [tag for tag in filter.tags if tag],
        "projects": _json_words(filter.projects),
        "modes": _json_words(filter.execution_modes),
        "after": filter.created_after,
        "before": filter.created_before,
        "offset": filter.offset or 0,
        "limit": filter.limit,
    }


def _json_words(words: tuple[str, ...]) -> list[Jsonb]:
    """JSON strings to compare with, so that the number 7 is not the word "7". Blank ones mean unknown: no match."""
    return [Jsonb(word) for word in words if word.strip()]
