"""Kubernetes quantities (`500m`, `1Gi`): what they are worth, whatever their spelling."""

from decimal import Decimal

QUANTITY = r"^[+-]?([0-9]+|[0-9]+\.[0-9]*|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$"

_BINARY = {f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", start=1)}
_DECIMAL = {letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", start=1)}
_SMALL = {letter: Decimal(1000) ** -power for power, letter in enumerate("mun", start=1)}
_FACTORS = {**_BINARY, **_DECIMAL, **_SMALL}


def amount(quantity: str | int) -> Decimal:
    """The number that *quantity*, which matches `QUANTITY`, stands for."""
    text = str(quantity)
    suffix = next((suffix for suffix in _FACTORS if text.endswith(suffix)), "")
    return Decimal(text.removesuffix(suffix)) * _FACTORS.get(suffix, Decimal(1))
