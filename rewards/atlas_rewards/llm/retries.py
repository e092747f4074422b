"""Retries: when a call that failed is made again. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite

from atlas_api.rewardservice.judging import CallRetries

LONGEST = 60.0
"""Seconds that our own waits grow to; an endpoint may ask for longer ones."""


def wait_before(attempt: int, settings: CallRetries, asked_for: float | None, jitter: float) -> float | None:
    """
    Seconds to wait before call number *attempt*, which is at least 2. None: there are no more calls.

    *jitter*, 0 to 1, spreads clients that failed together over half to the whole of the wait, and over a further
    tenth of what the endpoint asked for, never less than that.
    """
    if attempt > settings.attempts:
        return None
    ours = min(LONGEST, settings.base_seconds * 2.0 ** (attempt - 2)) * (0.5 + 0.5 * jitter)
    return ours if asked_for is None else max(ours, asked_for * (1 + 0.1 * jitter))


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that an endpoint asks for, by `retry-after-ms` or `Retry-After` (number or date); None: it does not."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("Retry-After")
    seconds = _number(value)
    if seconds is not None or value is None:
        return seconds
    try:
        moment = parsedate_to_datetime(value)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
    except (ValueError, OverflowError):  # no date, or none that there can be
        return None


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return max(0.0, number) if isfinite(number) else None
