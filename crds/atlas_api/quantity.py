"""Kubernetes quantities (`500m`, `1Gi`): what they are worth, whatever their spelling."""

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

QUANTITY = r"^([0-9]+|[0-9]+\.[0-9]*|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,2})?$"

_LONGEST = 64
_LARGEST = 2**63 - 1
_BINARY = {f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", start=1)}
_DECIMAL = {letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", start=1)}
_SMALL = {letter: Decimal(1000) ** -power for power, letter in enumerate("mun", start=1)}
_FACTORS = {**_BINARY, **_DECIMAL, **_SMALL}


def amount(quantity: str | int) -> Decimal:
    """The number that *quantity*, a valid one, stands for."""
    text = str(quantity)
    suffix = next((suffix for suffix in _FACTORS if text.endswith(suffix)), "")
    return Decimal(text.removesuffix(suffix)) * _FACTORS.get(suffix, Decimal(1))


def _checked(value: Any) -> str | int:
    """*value* if it is a quantity: text, or a whole number without quotes."""
    match value:
        case bool():
            pass
        case int() if 0 <= value <= _LARGEST:
            return value
        case str() if len(value) <= _LONGEST and re.fullmatch(QUANTITY, value):
            return value
    raise PydanticCustomError("quantity", "must be an amount")


Quantity = Annotated[
    str | int,
    PlainValidator(_checked),
    WithJsonSchema({"x-kubernetes-int-or-string": True, "pattern": QUANTITY, "maxLength": _LONGEST, "minimum": 0}),
]
"""An amount without a sign, as text or as a whole number."""
