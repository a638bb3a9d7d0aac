"""Open the database of tasks, and say in our words what is wrong with it.

In: a file. Out: a connection on which each statement is a transaction that is on the disk when it returns.
Source: SQLite's documentation: write-ahead log, `synchronous`, result codes.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from ekiben.core.errors import CorruptItem, StoreError, Unavailable

VERSION = 1  # of the tables, kept in `user_version`
PATIENCE = 10.0  # seconds to wait for a write of another process
PAUSE = 0.01  # seconds between two tries
FULL = "the disk that keeps the tasks is full"
CLOSED = "the folder that keeps the tasks cannot be written"
TABLES = """
CREATE TABLE tasks (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    endpoint TEXT NOT NULL,
    state TEXT NOT NULL,
    created REAL NOT NULL,
    started REAL,
    finished REAL,
    attempts INTEGER NOT NULL DEFAULT 0,
    max_attempts INTEGER NOT NULL,
    canceling INTEGER NOT NULL DEFAULT 0,
    fraction REAL,
    words TEXT NOT NULL DEFAULT '',
    error TEXT,
    owner TEXT,
    waiter TEXT,
    head TEXT NOT NULL,
    body BLOB,
    status INTEGER,
    headers TEXT,
    answer BLOB,
    token TEXT,
    digest TEXT,
    UNIQUE (endpoint, token)
);
CREATE INDEX tasks_by_state ON tasks (state, seq);
CREATE VIEW records AS
SELECT id, endpoint, state, created, started, finished, attempts, max_attempts, canceling, fraction, words, error
FROM tasks;
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open the database, with its tables.

    Raises:
        CorruptItem: the file is damaged, or none of ours.
        StoreError: it cannot be opened, or a newer version wrote it.
        Unavailable: the disk is full.
    """
    with words(path):
        connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        with words(path):
            prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Check the file, and make what is missing."""
    connection.row_factory = sqlite3.Row
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise CorruptItem(f"the database of tasks is damaged: {path}: {found}", hint=advice(path))
    keep_journal(connection)
    connection.execute("PRAGMA synchronous = FULL")
    with transaction(connection):
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise StoreError(
                f"the database of tasks was written by a newer version: {path}", hint="serve with that version"
            )
        if version == 0:
            for statement in TABLES.split(";")[:-1]:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")


def keep_journal(connection: sqlite3.Connection) -> None:
    """Let readers and a writer work side by side (WAL).

    Processes that open a new file at once are in each other's way here, and SQLite does not wait by itself.
    """
    end = monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY or monotonic() >= end:
                raise
            sleep(PAUSE)
        else:
            return


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run several statements as one; all of them hold, or none."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def words(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise  # a rule of the table, which the caller knows of
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            raise Unavailable(FULL, retry_after=30) from error
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise CorruptItem(f"the database of tasks is damaged: {path}: {error}", hint=advice(path)) from error
        if code == sqlite3.SQLITE_BUSY:
            raise Unavailable("the database of tasks is busy", retry_after=1) from error
        raise StoreError(f"the database of tasks cannot be used: {path}: {error}") from error


def advice(path: Path) -> str:
    """Say what to do with a damaged file."""
    return f"move {path.parent} away, and the service starts with no tasks"
