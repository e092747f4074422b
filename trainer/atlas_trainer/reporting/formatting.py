"""
Formatting of numbers for people, the same in terminal and report.

Pure. Unknown is shown as a dash, never as 0.
"""

import math

UNKNOWN = "-"


def percent(share: float | None) -> str:
    """Format a share from 0 to 1 as `62.5 %`."""
    return UNKNOWN if share is None else f"{_trimmed(100 * share, 1)} %"


def points(difference: float | None) -> str:
    """Format a difference of two shares as `+12.5 points`, meaning percentage points."""
    return UNKNOWN if difference is None else f"{_signed(_trimmed(100 * difference, 1))} points"


def number(value: float | None) -> str:
    """Format *value* with three significant digits, whole from a thousand on: `0.412`, `12.3`, `1,500`, `1.2e-05`."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"  # noqa: PLR2004


def score(value: float | None) -> str:
    """Format a reward as `0.41`."""
    return UNKNOWN if value is None else f"{value:.2f}"


def tokens(count: float | None) -> str:
    """Format a mean number of tokens as `9.3`."""
    return UNKNOWN if count is None else f"{count:.1f}"


def change(before: float | None, after: float | None) -> str:
    """Format the change of a positive quantity, relative to where it was, as `-23.1 %`."""
    if before is None or after is None or not before:
        return UNKNOWN
    return f"{_signed(_trimmed(100 * (after / before - 1), 1))} %"


def duration(seconds: float | None) -> str:
    """Format *seconds* as `45s`, `2m 31s`, `3h 05m`."""
    if seconds is None:
        return UNKNOWN
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}m {rest:02}s" if minutes < 60 else f"{minutes // 60}h {minutes % 60:02}m"  # noqa: PLR2004


def _trimmed(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}".removesuffix("." + "0" * digits)
    return "0" if text == "-0" else text


def _signed(text: str) -> str:
    return text if text.startswith("-") or text == "0" else f"+{text}"
