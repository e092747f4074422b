r"""
Is the last number of the completion the last number of the reference?

Read as people write numbers: `1,234.50`, `1.234,50`, `1 234,5`, `1'234`, `12,34,567`, `-$5`, `1.5e-3`, `1.5 x 10^8`,
`3/4`, `2 1/2`, `2½`, `\frac{3}{4}`, `25 %`.
Where a spelling is ambiguous the English reading wins: `1,234` is above a thousand, `1.234` is below two. Digits glued
to a word are part of a name (`H2O`, `step_3`), and so are exponents of units (`m^2`).
"""

import math
import re
import unicodedata
from typing import NamedTuple

from atlas_api.training.reward import Numeric
from atlas_rewards.item import Item
from atlas_rewards.verifiers.outcome import Outcome, Unknown, reference_of

_NUMBER = re.compile(
    r"""
    (?:(?<![A-Za-z_0-9])|(?<=USD|EUR|GBP|CHF|JPY|CNY|INR)) (?<![A-Za-z)\]}]\^) (?<![A-Za-z)\]}]\^\{)
    (?:(?<![0-9A-Za-z_)\]}.,-])(?P<sign>[-+]))?
    (?:\\?[$€£¥₹]\ ?(?P<late_sign>-)?)?
    (?:
        (?P<grouped>[1-9][0-9]{0,2}(?:
            (?P<space>[ '_])[0-9]{3}(?:(?P=space)[0-9]{3})*(?![0-9])(?:[.,][0-9]+)?
          | (?:,[0-9]{3})+(?![0-9])(?:\.[0-9]+)?
          | (?:\.[0-9]{3})+,[0-9]+
          | (?:\.[0-9]{3}){2,}(?![0-9])
        ) | [1-9][0-9]?(?:,[0-9]{2}){1,9},[0-9]{3}(?!,?[0-9])(?:\.[0-9]+)?)
      | (?P<whole>[0-9]+)\ (?P<upper>[0-9]{1,3})/(?P<lower>[0-9]{1,3})(?![0-9/]|[.,][0-9])
      | (?P<comma>(?<![0-9],)[0-9]++,[0-9]++(?![.,][0-9]))
      | (?P<plain>[0-9]+(?:\.[0-9]+)?|(?<![0-9])\.[0-9]+)
    )
    (?: [eE](?P<exponent>[-+]?[0-9]+)
      | (?P<times_ten>\s?(?:[x*·]|\\times|\\cdot)\s?10)?(?:\^\{?|\*\*)(?P<power>[-+]?[0-9]+)
      | (?P<over>(?:/[0-9]+)+)
    )?
    (?P<percent>\ ?(?:\\?%|٪|percent\b|per\ cent\b))?
    """,
    re.VERBOSE,
)
_TYPESET = {0x2212: "-", 0x2013: "-", 0x00D7: "x", 0x2019: "'", 0x00A0: " ", 0x2009: " ", 0x202F: " "}
_TYPESET |= {0x066B: ".", 0x066C: ",", 0x2044: "/", 0x2215: "/"}
"""Minus, dash, multiplication sign, apostrophe, spaces, Arabic separators and slashes, as typed on a keyboard."""

_TEX_FRACTION = re.compile(
    r"\\[dtc]?frac\s*(?:\{\s*([-+]?[0-9]+)\s*\}\s*\{\s*([0-9]+)\s*\}|([0-9])\s*([0-9])(?![0-9]))"
)
_FRACTION_SIGN = re.compile("[¼-¾⅐-⅞]")
_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")


class WrittenNumber(NamedTuple):
    """A number as written: `25 %` is 25 with the percent sign noted."""

    value: float
    percent: bool


def numeric(config: Numeric, item: Item) -> Outcome:
    """1 when both numbers agree, 0 when they differ or the completion has none. Unknown for a reference without one."""
    reference = reference_of(item)
    if isinstance(reference, Unknown):
        return reference
    wanted = last_number(reference)
    if wanted is None:
        return Unknown("the reference holds no number")
    answer = last_number(item.completion)
    return float(answer is not None and _agree(answer, wanted, config.tolerance))


def last_number(text: str) -> WrittenNumber | None:
    """The last finite number in *text*; None when there is none."""
    readings = (_read(match) for match in _NUMBER.finditer(_as_typed(text)))
    return next(reversed([number for number in readings if math.isfinite(number.value)]), None)


def _agree(answer: WrittenNumber, wanted: WrittenNumber, tolerance: float) -> bool:
    """A percent sign on one side only leaves open what was meant: `25 %` agrees with 25 and with 0.25."""
    ratios = (1.0,) if answer.percent == wanted.percent else (1.0, 0.01)
    scales = [(ratio, 1.0) if answer.percent else (1.0, ratio) for ratio in ratios]
    return any(abs(answer.value * ours - wanted.value * theirs) <= tolerance for ours, theirs in scales)


def _read(match: re.Match[str]) -> WrittenNumber:
    magnitude = _magnitude(match)
    negative = (match["sign"] or match["late_sign"] or "+") != "+"
    return WrittenNumber(-magnitude if negative else magnitude, percent=match["percent"] is not None)


def _magnitude(match: re.Match[str]) -> float:
    if match["whole"]:
        return _mixed(float(match["whole"]), float(match["upper"]), float(match["lower"]))
    digits = _mantissa(match)
    power = match["exponent"] or match["power"]
    if match["exponent"] or match["times_ten"]:
        return float(f"{digits}e{power}")
    if match["power"]:
        return _raised(float(digits), float(power))
    if match["over"]:
        below = match["over"][1:].split("/")
        is_fraction = len(below) == 1 and float(below[0]) > 0
        return float(digits) / float(below[0]) if is_fraction else float(below[-1])
    return float(digits)


def _mixed(whole: float, upper: float, lower: float) -> float:
    """A mixed number, `2 1/2`. In `2 3/2` two numbers follow each other."""
    if upper < lower:
        return whole + upper / lower
    return upper / lower if lower else lower


def _raised(base: float, power: float) -> float:
    """*base* to the *power*; infinite where floats end, so that the caller passes over it."""
    try:
        return float(base**power)
    except (OverflowError, ZeroDivisionError):
        return math.inf


def _mantissa(match: re.Match[str]) -> str:
    """The digits of *match* with a point for the decimals and nothing between the groups."""
    if match["comma"]:
        return match["comma"].replace(",", ".")
    if match["plain"]:
        return match["plain"]
    grouped = match["grouped"]
    marks = [mark for mark in grouped if not mark.isdigit()]
    decimals = marks[-1] if marks[-1] != marks[0] else None
    whole, _, fraction = grouped.rpartition(decimals) if decimals else (grouped, "", "")
    return f"{''.join(filter(str.isdigit, whole))}.{fraction or 0}"


def _as_typed(text: str) -> str:
    """Signs as typed on a keyboard, all digits as 0 to 9, superscripts as `^2`, fractions as `1/2`, TeX's `1{,}234`."""
    if not text.isascii():
        text = _FRACTION_SIGN.sub(lambda match: _apart(match, unicodedata.normalize("NFKC", match[0])), text)
        text = text.translate(_TYPESET)
        text = re.sub("[⁻⁺]?[⁰¹²³⁴-⁹]+", lambda match: f"^{match[0].translate(_SUPERSCRIPT)}", text)
        text = re.sub(r"[^\D0-9]", lambda match: str(unicodedata.decimal(match[0])), text)
    text = _TEX_FRACTION.sub(lambda match: _apart(match, f"{match[1] or match[3]}/{match[2] or match[4]}"), text)
    return text.replace("{,}", ",")


def _apart(match: re.Match[str], fraction: str) -> str:
    """*fraction* in the place of *match*, behind a space unless a sign belongs to it."""
    return fraction if match.start() and match.string[match.start() - 1] in "-+\u2212" else f" {fraction}"
