"""Room for runs: quotas, and the disk that is full."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, and_, func, literal, not_, or_, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from engine.errors import StorageFull
from engine.runs.tables import RUNNING, Run
from engine.settings import Settings
from engine.words import N_, _

MB = 2**20

BATCH = 10
"""Rows fetched at a time while looking for the oldest; a few are enough as a rule."""

OWNER_RUNS = N_(
    "Storage is full: {runs} runs are kept for one visitor, and all of yours are shared. "
    "Delete a shared run or stop sharing it."
)
OWNER_BYTES = N_(
    "Storage is full: {limit} MB are kept for one visitor; this run needs {size} MB, "
    "your shared runs take {used} MB. Delete a shared run or stop sharing it."
)
TOTAL_BYTES = N_(
    "Storage is full: {limit} MB are kept for all visitors; this run needs {size} MB, "
    "the shared runs take {used} MB. Delete a shared run of yours, or try again later."
)
DISK = N_(
    "Storage is full: there is no room left on the disk. Delete runs that you no longer need."
)

DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
SQLITE_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE}


@contextmanager
def disk_full() -> Iterator[None]:
    """Raise `StorageFull` for the operating system's and SQLite's ways of saying it."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        raise StorageFull(_(DISK)) from error
    except OperationalError as error:
        if getattr(error.orig, "sqlite_errorcode", None) not in SQLITE_FULL:
            raise
        raise StorageFull(_(DISK)) from error


@dataclass(frozen=True)
class Limit:
    """The `weight` of the runs in `scope`, and `need` for the new one, may add up to `most`."""

    scope: ColumnElement[bool]
    weight: ColumnElement[int]
    need: int
    most: int
    message: str


def victims(session: Session, settings: Settings, run: Run, size: int) -> list[Run]:
    """The unsaved runs, oldest first, that must go before `size` bytes of `run` are kept.

    Raises
    ------
    StorageFull
        When the shared runs alone leave no room.
    """
    everyone = and_(Run.id != run.id, Run.state != RUNNING)
    own = and_(everyone, Run.owner == run.owner)
    chosen: list[Run] = []
    for limit in (
        Limit(own, literal(1), 1, settings.runs_per_owner, OWNER_RUNS),
        Limit(own, Run.bytes.expression, size, settings.bytes_per_owner * MB, OWNER_BYTES),
        Limit(everyone, Run.bytes.expression, size, settings.bytes_total * MB, TOTAL_BYTES),
    ):
        chosen += _excess(session, limit, chosen)
    return chosen


def _excess(session: Session, limit: Limit, chosen: Sequence[Run]) -> list[Run]:
    """What must go, beyond the runs already `chosen`, to come down to `limit`."""
    rest = and_(limit.scope, Run.id.not_in([run.id for run in chosen]))
    used = session.scalar(select(func.coalesce(func.sum(limit.weight), 0)).where(rest)) or 0
    excess = used + limit.need - limit.most
    if excess <= 0:
        return []
    unsaved = or_(not_(Run.shared), Run.expires <= datetime.now(UTC))
    oldest = select(Run, limit.weight).where(rest, unsaved, limit.weight > 0).order_by(Run.created)
    oldest = oldest.with_for_update(of=Run).execution_options(yield_per=BATCH)
    more: list[Run] = []
    with session.execute(oldest) as rows:
        for run, weight in rows:
            more.append(run)
            excess -= weight
            if excess <= 0:
                return more
    raise StorageFull(_full(limit, limit.most + excess - limit.need))


def _full(limit: Limit, used: int) -> str:
    megabytes = {"limit": limit.most, "size": limit.need, "used": used}
    parts = {name: f"{value / MB:.1f}" for name, value in megabytes.items()}
    return _(limit.message).format(runs=limit.most, **parts)
