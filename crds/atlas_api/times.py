"""Moments on the wire: RFC 3339 with a zone, the only spelling that every tool reads the same way."""

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, PlainSerializer, PlainValidator
from pydantic_core import PydanticKnownError

TIME = (
    r"^[12][0-9]{3}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)


def _checked(value: Any) -> datetime:
    """*value*, text on the wire or a moment of Python's, as a moment."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value
    if not isinstance(value, str):
        raise PydanticKnownError("datetime_type")
    if not re.fullmatch(TIME, value):
        raise _mistake(value)
    try:
        return datetime.fromisoformat(value)
    except ValueError as error:  # 30 February
        raise PydanticKnownError("datetime_parsing", {"error": str(error)}) from None


def _mistake(text: str) -> PydanticKnownError:
    if re.fullmatch(TIME, f"{text}Z"):
        return PydanticKnownError("timezone_aware")
    return PydanticKnownError("datetime_parsing", {"error": "not RFC 3339"})


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


Time = Annotated[
    datetime,
    PlainValidator(_checked, json_schema_input_type=AwareDatetime),
    PlainSerializer(_text, return_type=str, when_used="json"),
    Field(json_schema_extra={"pattern": TIME}),
]
"""A moment with a zone, years 1000 to 2999, at most microseconds."""
