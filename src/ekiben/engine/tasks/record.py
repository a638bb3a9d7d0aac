"""Say what a task is: its id, its states, what it was asked and what it answered.

In: nothing but values. Out: the frozen types that the store, the runner and a front pass to each other.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

ID = re.compile(r"[A-Za-z0-9_-]{24}")


class State(StrEnum):
    """Where a task is in its life."""

    PENDING = "pending"  # waits for its turn
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"


FINISHED = frozenset({State.COMPLETED, State.FAILED, State.CANCELED})


@dataclass(frozen=True, slots=True)
class Record:
    """One task, as it stands in the database; moments are of time.time."""

    id: str
    endpoint: str
    state: State
    created: float
    started: float | None = None  # the last time
    finished: float | None = None
    attempts: int = 0  # how often it was started
    max_attempts: int = 1
    canceling: bool = False  # somebody asked for its end
    fraction: float | None = None  # of the work that is done, from 0 to 1
    words: str = ""  # of its own, on where it is
    error: str | None = None  # why it failed

    @property
    def is_finished(self) -> bool:
        """Whether it will not run any more."""
        return self.state in FINISHED


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked: *head* is fit for JSON, *body* as it came."""

    head: Mapping[str, Any]
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a task answered, ready to be sent; a large body is a file."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes | Path = field(default=b"", repr=False)
    error: str | None = None  # the words, where the answer is an error


def new_id() -> str:
    """Make an id that nobody guesses: 144 random bits."""
    return secrets.token_urlsafe(18)
