"""Keep tasks on the disk: what waits, what runs, what was answered.

In: requests and answers. Out: records. Every change is one transaction that is on the disk when the call returns, so a
server may be killed at any moment. Several servers may use one folder: a task is claimed by one of them at a time.
All values reach SQL as parameters.
"""

import errno
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from ekiben.core.errors import NotFound, StoreError, Unavailable, Unprocessable, WrongState
from ekiben.engine.tasks import database
from ekiben.engine.tasks.folder import ANSWER, REQUEST, SPILL, Folder
from ekiben.engine.tasks.owner import Owner
from ekiben.engine.tasks.record import FINISHED, ID, Answer, Record, Request, State, new_id

DONE = tuple(str(state) for state in sorted(FINISHED))
Lost = Callable[[Record], Answer]  # what to answer for a task that ended too often with its server


class TaskStore:
    """The tasks of one service; for one thread at a time.

    Args:
        path: its folder.
        max_waiting: tasks that may be pending at once.
        retention: seconds that a finished task is kept.
    """

    def __init__(self, path: Path, *, max_waiting: int = 1000, retention: float = 86_400.0) -> None:
        self.folder = Folder(path)
        self._max_waiting = max_waiting
        self._retention = retention
        self._connection = database.connect(self.folder.database)
        self.owner = Owner(self.folder.owners)
        self._seen = 0
        self.folder.sweep({row["id"] for row in self._rows("SELECT id FROM tasks")})

    def close(self) -> None:
        """Close the database; what is ours may be taken by others."""
        self._connection.close()
        self.owner.close()

    def add(
        self, endpoint: str, request: Request, *, max_attempts: int = 1, token: str | None = None, waits: bool = False
    ) -> Record:
        """Keep a new task.

        Args:
            endpoint: its name.
            request: what is asked.
            max_attempts: how often it may be started.
            token: the sender's own key; a second task with it is the first one.
            waits: somebody waits in this process, and without them the task is not wanted.

        Raises:
            Unavailable: too many tasks wait, or the disk is full; nothing was kept.
            Unprocessable: the token stands for another request.
        """
        digest = None if token is None else digest_of(request)
        known = None if token is None else self._known(endpoint, token, digest)
        if known is not None:
            return known
        task, spilled = new_id(), len(request.body) >= SPILL
        if spilled:
            self._kept(lambda: self.folder.write(task, REQUEST, request.body))
        values = {
            "id": task, "endpoint": endpoint, "state": State.PENDING, "created": time.time(), "most": max_attempts,
            "waiter": self.owner.name if waits else None, "head": json.dumps(request.head),
            "body": None if spilled else request.body, "token": token, "digest": digest, "waiting": self._max_waiting,
        }  # fmt: skip
        try:
            added = self._rows(
                "INSERT INTO tasks (id, endpoint, state, created, max_attempts, waiter, head, body, token, digest)"
                " SELECT :id, :endpoint, :state, :created, :most, :waiter, :head, :body, :token, :digest"
                " WHERE (SELECT count(*) FROM tasks WHERE state = 'pending') < :waiting"
                " RETURNING id",
                values,
            )
        except BaseException as error:
            self.folder.drop([task])
            known = self._known(endpoint, token, digest) if isinstance(error, sqlite3.IntegrityError) else None
            if known is None:
                raise
            return known  # another server was faster with the same token
        if not added:
            self.folder.drop([task])
            raise Unavailable(f"more than {self._max_waiting} tasks are waiting", retry_after=10)
        return self.get(task)

    def get(self, task: str, endpoint: str | None = None) -> Record:
        """Find a task, of *endpoint* where one is given; raises NotFound."""
        found = self._rows("SELECT * FROM records WHERE id = ?", (task,)) if ID.fullmatch(task) else []
        if not found or endpoint not in (None, found[0]["endpoint"]):
            raise NotFound("there is no task with this id", hint="finished tasks are removed after a time")
        return record_of(found[0])

    def request(self, task: str) -> Request:
        """Give what a task was asked."""
        row = self._row("SELECT head, body FROM tasks WHERE id = ?", task)
        body = self.folder.read(task, REQUEST) if row["body"] is None else row["body"]
        return Request(json.loads(row["head"]), body)

    def answer(self, task: str) -> Answer:
        """Give what a task answered; raises WrongState where there is no answer."""
        row = self._row("SELECT state, status, headers, answer, error FROM tasks WHERE id = ?", task)
        if row["status"] is None:
            raise WrongState(f"the task has no answer: it is {row['state']}")
        body = self.folder.file(task, ANSWER) if row["answer"] is None else row["answer"]
        headers = tuple((name, value) for name, value in json.loads(row["headers"]))
        return Answer(row["status"], headers, body, row["error"])

    def claim(self, endpoints: Sequence[str]) -> Record | None:
        """Take the oldest task that waits for one of *endpoints*; nobody else gets it."""
        found = self._rows(
            "UPDATE tasks SET state = 'in_progress', owner = ?, started = ?, attempts = attempts + 1,"
            " fraction = NULL, words = '' WHERE state = 'pending' AND seq = (SELECT seq FROM tasks WHERE state ="
            " 'pending' AND endpoint IN (SELECT value FROM json_each(?)) ORDER BY seq LIMIT 1) RETURNING id",
            (self.owner.name, time.time(), json.dumps(endpoints)),
        )
        return self.get(found[0]["id"]) if found else None

    def finish(self, record: Record, state: State, answer: Answer | None = None) -> None:
        """Note how a task of ours ended; a file of its answer becomes the store's."""
        body = None if answer is None else self._kept_answer(record.id, answer.body)
        self._rows(
            "UPDATE tasks SET state = ?, finished = ?, status = ?, headers = ?, answer = ?, error = ?, fraction = ?,"
            " words = ?, owner = NULL WHERE id = ? AND state = 'in_progress' AND owner = ? AND attempts = ?",
            (
                state, time.time(), None if answer is None else answer.status,
                None if answer is None else json.dumps(answer.headers), body,
                None if answer is None else answer.error, record.fraction, record.words,
                record.id, self.owner.name, record.attempts,
            ),
        )  # fmt: skip

    def put_back(self, record: Record, *, refund: bool) -> None:
        """Let a task of ours wait again in its place; *refund* takes the attempt back."""
        self._rows(
            "UPDATE tasks SET state = CASE canceling WHEN 1 THEN 'canceled' ELSE 'pending' END, owner = NULL,"
            " finished = CASE canceling WHEN 1 THEN ? END, attempts = attempts - ?"
            " WHERE id = ? AND state = 'in_progress' AND owner = ?",
            (time.time(), int(refund), record.id, self.owner.name),
        )

    def report(self, task: str, fraction: float, words: str) -> None:
        """Note how far a task of ours is."""
        self._rows(
            "UPDATE tasks SET fraction = ?, words = ? WHERE id = ? AND state = 'in_progress' AND owner = ?",
            (fraction, words, task, self.owner.name),
        )

    def cancel(self, task: str) -> Record:
        """End a task that waits, ask for the end of one that runs, leave others."""
        self._rows(
            "UPDATE tasks SET state = CASE state WHEN 'pending' THEN 'canceled' ELSE state END, canceling = 1,"
            " finished = CASE state WHEN 'pending' THEN ? END WHERE id = ? AND state IN ('pending', 'in_progress')",
            (time.time(), task),
        )
        return self.get(task)

    def retry(self, task: str) -> Record:
        """Ask again what a finished task was asked, as a new task.

        Raises:
            WrongState: it is not finished.
            Unavailable: too many tasks wait, or the disk is full.
        """
        record = self.get(task)
        if not record.is_finished:
            raise WrongState(f"only a finished task can be tried again: it is {record.state}", hint="cancel it first")
        return self.add(record.endpoint, self.request(task), max_attempts=record.max_attempts)

    def remove(self, tasks: Iterable[str]) -> None:
        """Forget tasks, with all that belongs to them."""
        gone = list(tasks)
        for task in gone:
            self._rows("DELETE FROM tasks WHERE id = ?", (task,))
        self.folder.drop(gone)

    def expire(self) -> None:
        """Forget what was finished longer ago than the retention."""
        end = time.time() - self._retention
        self.folder.drop([row["id"] for row in self._rows(
            "DELETE FROM tasks WHERE state IN (?, ?, ?) AND finished < ? RETURNING id", (*DONE, end)
        )])  # fmt: skip

    def recover(self, lost: Lost) -> int:
        """Take over the tasks of servers that are gone; say how many wait again.

        Args:
            lost: the answer of a task that was started too often already.
        """
        rows = self._rows(
            "SELECT owner AS name FROM tasks WHERE state = 'in_progress'"
            " UNION SELECT waiter FROM tasks WHERE state IN ('pending', 'in_progress') AND waiter IS NOT NULL"
        )
        count = 0
        for name in [row["name"] for row in rows if not self.owner.is_alive(row["name"])]:
            self._rows("UPDATE tasks SET canceling = 1 WHERE waiter = ? AND state = 'in_progress'", (name,))
            self._rows(
                "UPDATE tasks SET state = 'canceled', finished = ? WHERE waiter = ? AND state = 'pending'",
                (time.time(), name),
            )
            mine = "UPDATE tasks SET owner = ? WHERE owner = ? AND state = 'in_progress' RETURNING id"
            for row in self._rows(mine, (self.owner.name, name)):
                count += self._take_over(self.get(row["id"]), lost)
        return count

    def _take_over(self, record: Record, lost: Lost) -> int:
        if record.canceling:
            self.finish(record, State.CANCELED)
        elif record.attempts >= record.max_attempts:
            self.finish(record, State.FAILED, lost(record))
        else:
            self.put_back(record, refund=False)
            return 1
        return 0

    def has_changed(self) -> bool:
        """Say whether another process wrote since the last time that this was asked."""
        now = self._rows("PRAGMA data_version")[0][0]
        before, self._seen = self._seen, now
        return bool(before != now)

    def waiting(self) -> int:
        """Count the tasks that wait."""
        return int(self._rows("SELECT count(*) FROM tasks WHERE state = 'pending'")[0][0])

    def _kept_answer(self, task: str, body: bytes | Path) -> bytes | None:
        """Keep a large body in a file; give one that belongs into the row."""
        if isinstance(body, Path):
            self.folder.adopt(body, task, ANSWER)
        elif len(body) >= SPILL:
            self.folder.write(task, ANSWER, body)
        else:
            return body
        return None

    def _known(self, endpoint: str, token: str | None, digest: str | None) -> Record | None:
        found = self._rows("SELECT id, digest FROM tasks WHERE endpoint = ? AND token = ?", (endpoint, token))
        if found and found[0]["digest"] != digest:
            raise Unprocessable("this `Idempotency-Key` was sent with another request", hint="use a new key")
        return self.get(found[0]["id"]) if found else None

    def _row(self, statement: str, task: str) -> sqlite3.Row:
        found = self._rows(statement, (task,)) if ID.fullmatch(task) else []
        if not found:
            raise NotFound("there is no task with this id")
        return found[0]

    def _rows(self, statement: str, values: Any = ()) -> list[sqlite3.Row]:
        with database.words(self.folder.database):
            return self._connection.execute(statement, values).fetchall()

    def _kept(self, write: Callable[[], None]) -> None:
        """Write a file for a new task; raises Unavailable where the disk does not take it."""
        try:
            write()
        except StoreError as error:
            cause = error.__cause__
            is_full = isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT)
            raise Unavailable(database.FULL if is_full else database.CLOSED, retry_after=30) from error


def record_of(row: sqlite3.Row) -> Record:
    """Read a row of the view."""
    return Record(**{**dict(row), "state": State(row["state"]), "canceling": bool(row["canceling"])})


def digest_of(request: Request) -> str:
    """Tell two requests apart: by content type, query and body."""
    found = sha256(json.dumps([request.head.get("query"), request.head.get("type")]).encode())
    found.update(request.body)
    return found.hexdigest()
