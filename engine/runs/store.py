"""Keeps finished runs: who made them, what came out, and who may see it until when."""

from __future__ import annotations

import gzip
import re
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import URL, ColumnElement, delete, func, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from engine.errors import (
    Conflict,
    Corrupt,
    Forbidden,
    GalleryError,
    InvalidValue,
    NotFound,
    StorageFull,
)
from engine.history import History
from engine.runs.files import Files, digest
from engine.runs.index import Index
from engine.runs.room import victims
from engine.runs.tables import LOST, RUNNING, File, Report, Run
from engine.settings import Settings
from engine.words import _

RUN_ID = re.compile(r"[0-9a-f]{32}")
ARTIFACT_NAME = re.compile(r"[a-z0-9_-][a-z0-9_.-]{0,63}")

HISTORY = "history.json.gz"
DATABASE = "gallery.sqlite"

STRAY_AGE = timedelta(hours=1)
"""A file that no row names may still be in the making until it is this old."""

REASON_LIMIT = 500
"""Characters of a report's reason that are stored."""


@dataclass(frozen=True)
class Share:
    """The link to a shared run: path and query of its page, valid until `expires` (aware)."""

    run: str
    url_path: str
    expires: datetime


@dataclass(frozen=True)
class RunSummary:
    """What the index knows of a run, for one asker.

    Attributes
    ----------
    state : str
        `running` or the type of the terminal event.
    expires : datetime or None
        When the run is removed (aware); None while it trains.
    owned : bool
        Whether the asker made it.
    bytes : int
        Size of its files; 0 while nothing is stored.
    hidden : bool
        Whether reports took the shared run from everyone but its owner.
    """

    run: str
    topic: str
    state: str
    created: datetime
    expires: datetime | None
    shared: bool
    owned: bool
    config: Mapping[str, Any]
    seed: int | None
    versions: Mapping[str, str]
    device: str
    metrics: Mapping[str, float | None]
    bytes: int
    hidden: bool


class RunStore:
    """The index and the files of all runs; every method may be called from any thread.

    Several stores, in one process or many, may work on the same folder and database. A file is
    complete before a row names it, and no row names it before it is removed.

    Raises
    ------
    InvalidValue
        When `runs_dir` is not a local folder and `runs_database` is empty.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._files = Files(settings.runs_dir)
        self._index = Index(settings.runs_database or self._sqlite())

    def _sqlite(self) -> URL:
        folder = self._files.local
        if folder is None:
            expected = _(
                "the SQLAlchemy URL of a database, because GALLERY_RUNS_DIR is not a local folder"
            )
            raise InvalidValue.of("GALLERY_RUNS_DATABASE", expected, "")
        return URL.create("sqlite", database=str(folder / DATABASE))

    def close(self) -> None:
        """Close the connections to the database."""
        self._index.close()

    # Making and keeping

    def begin(self, run_id: str, topic: str, owner: str) -> None:
        """Enter a run that starts to train.

        Raises
        ------
        NotFound
            When `run_id` is not 32 hex digits.
        Conflict
            When the run is known already.
        """
        _check(run_id)
        with self._index.writing() as session:
            if session.get(Run, run_id) is not None:
                raise Conflict(_("A run with this id exists already."))
            run = Run(id=run_id, owner=_anonymous(owner), topic=topic, created=datetime.now(UTC))
            session.add(run)

    def keep(self, history: History, owner: str, artifacts: Mapping[str, bytes]) -> None:
        """Store a run that has ended: its files first, then, at one stroke, its row.

        Unsaved runs are dropped, oldest first, where a quota asks for it. After `StorageFull`
        the row tells how the run ended, and `keep` may be called again.

        Parameters
        ----------
        artifacts
            Bytes by name, such as `weights.safetensors`.

        Raises
        ------
        StorageFull
            When a quota or the disk leaves no room. Nothing of the run stays in the files.
        NotFound
            When the run was never begun, is someone else's, or was deleted meanwhile.
        Conflict
            When the run has not ended or is kept already.
        """
        if history.terminal is None:
            raise Conflict(_("A run is kept after its end; this one has not ended."))
        payloads = {HISTORY: gzip.compress(history.to_json().encode(), mtime=0)}
        for name, payload in artifacts.items():
            if not ARTIFACT_NAME.fullmatch(name) or name == HISTORY:
                expected = _("up to 64 of a-z, 0-9, _, -, . (not first, not {name})")
                raise InvalidValue.of("artifacts", expected.format(name=HISTORY), name)
            payloads[name] = payload
        try:
            self._store(history, owner, payloads)
        except StorageFull:
            with suppress(GalleryError, SQLAlchemyError), self._index.writing() as session:
                self._end(_unkept(session, history.run, owner), history)
            raise

    def _store(self, history: History, owner: str, payloads: Mapping[str, bytes]) -> None:
        size = sum(map(len, payloads.values()))
        with self._index.reading() as session:  # what cannot be kept is not written either
            victims(session, self._settings, _unkept(session, history.run, owner), size)
        attempt = f"{history.run}.{secrets.token_hex(8)}"
        files = [
            File(name=n, path=f"{attempt}.{n}", bytes=len(p), sha256=digest(p))
            for n, p in payloads.items()
        ]
        paths = [f.path for f in files]
        self._files.write(dict(zip(paths, payloads.values(), strict=True)))
        try:
            with self._index.writing() as session:
                run = _unkept(session, history.run, owner)
                dropped = _drop(session, victims(session, self._settings, run, size))
                self._end(run, history)
                run.bytes, run.files = size, files
        except GalleryError:  # other errors may strike after the commit: the sweep decides then
            self._files.remove(paths)
            raise
        self._files.remove(dropped)

    def _end(self, run: Run, history: History) -> None:
        assert history.terminal is not None
        run.state = history.terminal["type"]
        run.expires = self._unsaved_until()
        run.config = history.config
        run.seed = history.config.get("seed")
        run.versions = history.versions
        run.device = history.started.get("device", "")
        run.metrics = dict(history.final)

    def _unsaved_until(self) -> datetime:
        return datetime.now(UTC) + timedelta(hours=self._settings.unsaved_hours)

    # Sharing

    def share(self, run_id: str, owner: str) -> Share:
        """Let everyone who has the link see the run; sharing again renews the expiry.

        Raises
        ------
        NotFound, Forbidden
            When the run is unknown (or private), or someone else's.
        Conflict
            When nothing is stored of the run, or reports have hidden it.
        """
        with self._index.writing() as session:
            run = _owned(session, run_id, owner)
            if not run.kept:
                raise Conflict(_("Nothing is stored of this run, so it cannot be shared."))
            if run.hidden:
                raise Conflict(_("This run was reported and is hidden; it cannot be shared."))
            run.shared = True
            expires = datetime.now(UTC) + timedelta(days=self._settings.shared_days)
            run.expires = expires
            return Share(run.id, f"/{run.topic}?run={run.id}", expires)

    def revoke(self, run_id: str, owner: str) -> None:
        """Make a shared run private again; it expires like any unsaved run.

        Raises
        ------
        NotFound, Forbidden
            When the run is unknown (or private), or someone else's.
        """
        with self._index.writing() as session:
            run = _owned(session, run_id, owner)
            if run.shared:
                run.shared, run.expires = False, self._unsaved_until()

    def report(self, run_id: str, reason: str, reporter: str) -> None:
        """Report a shared run; enough different reporters hide it from all but its owner.

        Raises
        ------
        NotFound
            When no such run is shared.
        """
        with self._index.writing() as session:
            run = _visible(session, run_id, reporter, lock=True)
            if not run.shared:
                raise _missing()
            who = _anonymous(reporter)
            if session.get(Report, (run_id, who)) is not None:
                return
            # Half a surrogate pair, which JSON lets through, cannot be stored as UTF-8.
            text = reason.encode(errors="replace").decode()[:REASON_LIMIT]
            session.add(Report(run_id=run_id, reporter=who, reason=text, created=datetime.now(UTC)))
            session.flush()
            count = select(func.count()).where(Report.run_id == run_id)
            if session.scalars(count).one() >= self._settings.reports_to_hide:
                run.hidden = True

    # Reading

    def history(self, run_id: str, owner: str | None) -> History:
        """The history of a run that is shared or the asker's own.

        Raises
        ------
        NotFound
            When there is none, or it is not for this asker.
        Corrupt
            When the stored file is damaged.
        """
        with self._index.reading() as session:
            run = _visible(session, run_id, owner)
            if not run.files and run.state != RUNNING:  # lost in a restart, or no room to keep it
                end = {"type": run.state, "time": run.created.timestamp(), "data": {}}
                return History(run.id, run.topic, terminal=end)
        return History.from_json(gzip.decompress(self.artifact(run_id, HISTORY, owner)))

    def artifact(self, run_id: str, name: str, owner: str | None) -> bytes:
        """The bytes of one artifact, under the same rules as `history`."""
        with self._index.reading() as session:
            run = _visible(session, run_id, owner)
            file = next((f for f in run.files if f.name == name), None)
        if file is None:
            raise NotFound(_("Nothing of this name is stored of this run."))
        try:
            return self._files.read(file.path, file.sha256)
        except FileNotFoundError:
            with self._index.reading() as session:
                _visible(session, run_id, owner)  # NotFound, if the run has just been removed
            raise Corrupt(_("A stored file of this run is missing. Train the run again.")) from None

    def summary(self, run_id: str, owner: str | None) -> RunSummary:
        """What the index knows of a run that is shared or the asker's own.

        Raises
        ------
        NotFound
            When there is none, or it is not for this asker.
        """
        with self._index.reading() as session:
            return _summary(_visible(session, run_id, owner), owner)

    def runs_of(self, owner: str) -> list[RunSummary]:
        """All runs of `owner`, newest first."""
        own = select(Run).where(Run.owner == _anonymous(owner), _alive())
        with self._index.reading() as session:
            runs = session.scalars(own.order_by(Run.created.desc()))
            return [_summary(run, owner) for run in runs]

    # Removing

    def delete(self, run_id: str, owner: str) -> None:
        """Remove a run and its files for good.

        Raises
        ------
        NotFound, Forbidden
            When the run is unknown (or private), or someone else's.
        """
        with self._index.writing() as session:
            paths = _drop(session, [_owned(session, run_id, owner)])
        self._files.remove(paths)

    def delete_owner(self, owner: str) -> int:
        """Remove all that is stored of `owner`: runs, files, reports. Returns the runs' number."""
        who = _anonymous(owner)
        with self._index.writing() as session:
            session.execute(delete(Report).where(Report.reporter == who))
            runs = session.scalars(select(Run).where(Run.owner == who).with_for_update()).all()
            paths = _drop(session, runs)
        self._files.remove(paths)
        return len(runs)

    def mark_orphans_lost(self) -> int:
        """Call once at start: runs that a former process left running are lost."""
        orphans = select(Run).where(Run.state == RUNNING).with_for_update()
        with self._index.writing() as session:
            runs = session.scalars(orphans).all()
            for run in runs:
                run.state, run.expires = LOST, self._unsaved_until()
        return len(runs)

    def sweep(self, now: datetime | None = None) -> int:
        """Remove what has expired by `now` (aware), and files that no run names any more.

        Returns
        -------
        int
            Number of runs and of stray files removed.
        """
        now = now or datetime.now(UTC)
        with self._index.writing() as session:
            expired = select(Run).where(Run.expires <= now).with_for_update()
            runs = session.scalars(expired).all()
            paths = _drop(session, runs)
        self._files.remove(paths)
        names = self._files.names()  # before the rows: a file listed here may get its row now
        with self._index.reading() as session:
            known = set(session.scalars(select(File.path)))
        return len(runs) + self._files.remove_older(names - known, now - STRAY_AGE)


def _anonymous(owner: str) -> str:
    return digest(owner.encode())


def _missing() -> NotFound:
    """One answer for unknown, private, hidden and expired, so that none can be told apart."""
    return NotFound(_("There is no such run; it may be private or have expired."))


def _check(run_id: str) -> None:
    if not RUN_ID.fullmatch(run_id):
        raise _missing()


def _alive() -> ColumnElement[bool]:
    return or_(Run.expires.is_(None), Run.expires > datetime.now(UTC))


def _owns(run: Run, asker: str | None) -> bool:
    return asker is not None and run.owner == _anonymous(asker)


def _visible(session: Session, run_id: str, asker: str | None, *, lock: bool = False) -> Run:
    """The row, if the asker may see it; `lock` holds off other writers (SQLite does so anyway)."""
    _check(run_id)
    found = select(Run).where(Run.id == run_id, _alive())
    run = session.scalar(found.with_for_update() if lock else found)
    if run is None or not (_owns(run, asker) or (run.shared and not run.hidden)):
        raise _missing()
    return run


def _owned(session: Session, run_id: str, asker: str) -> Run:
    run = _visible(session, run_id, asker, lock=True)
    if not _owns(run, asker):
        raise Forbidden(_("Only the visitor who made this run can do this."))
    return run


def _unkept(session: Session, run_id: str, owner: str) -> Run:
    run = _owned(session, run_id, owner)
    if run.kept:
        raise Conflict(_("This run is kept already."))
    return run


def _drop(session: Session, runs: Sequence[Run]) -> list[str]:
    """Delete the rows; returns the files to remove once that is committed."""
    paths = [file.path for run in runs for file in run.files]
    for run in runs:
        session.delete(run)
    return paths


def _summary(run: Run, asker: str | None) -> RunSummary:
    return RunSummary(
        run=run.id,
        topic=run.topic,
        state=run.state,
        created=run.created,
        expires=run.expires,
        shared=run.shared,
        owned=_owns(run, asker),
        config=run.config,
        seed=run.seed,
        versions=run.versions,
        device=run.device,
        metrics=run.metrics,
        bytes=run.bytes,
        hidden=run.hidden,
    )
