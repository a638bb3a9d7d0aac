"""Decide whether to ask a registry again, and when.

In: a status, how often was asked, what the answer says. Out: seconds. Pure: no clock, no dice of its own.
Source: RFC 9110, 10.2.3 (`Retry-After`); "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 (full jitter).
"""

import datetime
import email.utils
from dataclasses import dataclass

AGAIN = frozenset({408, 429, 500, 502, 503, 504})  # statuses after which the same request may go well


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how slowly to ask again."""

    attempts: int = 6  # requests in all
    first: float = 0.5  # seconds before the second, at most
    longest: float = 20.0  # seconds before any
    longest_asked: float = 90.0  # seconds before any, where the registry asks for it


def decide_delay(attempt: int, chance: float, patience: Patience, asked: float | None = None) -> float | None:
    """Say how long to wait before the next request.

    Args:
        attempt: requests made so far, at least 1.
        chance: a number in [0, 1), thrown by the caller.
        patience: the limits.
        asked: seconds that the registry asks for.

    Returns:
        Seconds; None says that it is enough.
    """
    if attempt >= patience.attempts:
        return None
    if asked is not None:
        return min(max(0.0, asked), patience.longest_asked)
    return chance * min(patience.longest, patience.first * 2.0 ** (attempt - 1))


def read_retry_after(text: str | None, now: datetime.datetime) -> float | None:
    """Read `Retry-After`: seconds, or a date; None where it says nothing.

    Args:
        text: the header.
        now: with its time zone.
    """
    if text is None:
        return None
    if text.strip().isascii() and text.strip().isdigit():
        return float(text.strip()[:9])
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return max(0.0, (moment - now).total_seconds())
