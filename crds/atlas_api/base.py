"""What all API types share: camelCase on the wire, unknown fields refused, rules that span fields."""

from typing import ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Rule(NamedTuple):
    """A rule that spans fields: CEL over `self`, and the sentence shown when it is false.

    The API server evaluates the same text, so only standard CEL is used.
    """

    expression: str
    message: str


class ApiModel(BaseModel):
    """An object of the API. Docstrings below attributes become `kubectl explain` texts and error hints."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        strict=True,
        use_attribute_docstrings=True,
    )

    RULES: ClassVar[tuple[Rule, ...]] = ()
