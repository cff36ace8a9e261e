"""The database behind the run store, and its reading and writing transactions."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.orm import Session

from engine.events import dumps
from engine.runs.room import disk_full
from engine.runs.tables import Base

BUSY_TIMEOUT = 30_000
"""Milliseconds a transaction waits for another one to finish."""


class Index:
    """Opens the database at `url` and makes the tables that are missing."""

    def __init__(self, url: str | URL) -> None:
        self._reader = create_engine(url, json_serializer=dumps)
        if self._reader.dialect.name == "sqlite":
            event.listen(self._reader, "connect", _prepare_sqlite)
            event.listen(self._reader, "begin", _begin_sqlite)
        # The same connections; the option tells _begin_sqlite which kind of BEGIN to send.
        self._writer = self._reader.execution_options(writing=True)
        with self._writer.begin() as connection:
            Base.metadata.create_all(connection)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one consistent state and changes nothing."""
        with Session(self._reader) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session that commits when the block ends well; writers take turns.

        Raises
        ------
        StorageFull
            When the database finds no room on its disk; nothing is changed then.
        """
        with disk_full(), Session(self._writer) as session, session.begin():
            yield session

    def close(self) -> None:
        self._reader.dispose()


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver sends no BEGIN of its own
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT}")
    _to_wal(connection)
    # A deleted row must not come back after a power cut: its files are gone.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _to_wal(connection: Any) -> None:
    """Turn the file to write-ahead logging.

    SQLite does not wait here, whatever its `busy_timeout`: of several connections that open a new
    file at the same moment all but one may be told that it is locked.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    # A writer that starts with a read (DEFERRED) fails at once when another one was quicker;
    # IMMEDIATE waits for its turn.
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN DEFERRED")
