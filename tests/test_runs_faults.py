"""The run store under faults: processes killed while they write, and disks that are full."""

from __future__ import annotations

import errno
import json
import os
import random
import resource
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine import ROOT
from engine.errors import NotFound, StorageFull
from engine.events import Event
from engine.history import History
from engine.runs.files import Files
from engine.runs.store import RunStore
from engine.settings import Settings

ALICE = "owner-alice"
WEIGHTS = "weights.safetensors"
KB = 1024
DISK_FULL = (
    "Storage is full: there is no room left on the disk. Delete runs that you no longer need."
)


def open_store(folder: str | Path, **limits: Any) -> RunStore:
    return RunStore(Settings(**{"runs_dir": str(folder), "runs_per_owner": 10_000, **limits}))


def keep(store: RunStore, size: int = 200 * KB, run: str | None = None) -> str:
    """Keep a run whose weights take `size` bytes; begin it first if it is a new one."""
    if run is None:
        run = secrets.token_hex(16)
        store.begin(run, "regression", ALICE)
    history = History(run, "regression", {"seed": 1})
    history.append(Event("done", {"metrics": {"train_mse": 0.5}}))
    store.keep(history, ALICE, {WEIGHTS: secrets.token_bytes(size)})
    return run


def stored(folder: str | Path) -> set[str]:
    return {path.name for path in (Path(folder) / "files").iterdir()}


def readable(store: RunStore) -> set[str]:
    """Ids of all kept runs, after each of their files was read and its checksum compared."""
    runs = {s.run for s in store.runs_of(ALICE) if s.bytes}
    for run in runs:
        assert store.history(run, ALICE).run == run
        assert store.artifact(run, WEIGHTS, ALICE)
    return runs


def named(files: set[str], runs: set[str]) -> bool:
    """Whether `files` are exactly the two of each of `runs`."""
    return len(files) == 2 * len(runs) and {name.split(".")[0] for name in files} == runs


# What the child processes do


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def keep_until_killed(folder: str) -> None:
    store = open_store(folder)
    while True:
        keep(store)
        print("kept", flush=True)


def die_half_written() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (100 * KB, resource.RLIM_INFINITY))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # the kernel kills at byte 102,400


def die_before_sync() -> None:
    os.fsync = die


def die_before_rename() -> None:
    Path.replace = die  # type: ignore[assignment, method-assign]


def die_before_commit() -> None:
    Files._sync_folder = die  # type: ignore[method-assign]


def die_before_removal() -> None:
    Files.remove = die  # type: ignore[method-assign]


DEATHS: dict[str, tuple[Callable[[], None], int, int]] = {
    # what kills it, files without a row afterwards, temporary ones among them
    "half-written": (die_half_written, 2, 1),
    "before sync": (die_before_sync, 1, 1),
    "before rename": (die_before_rename, 1, 1),
    "before commit": (die_before_commit, 2, 0),
    "before removal": (die_before_removal, 2, 0),
}


def die_at(stage: str, folder: str) -> None:
    store = open_store(folder, runs_per_owner=1)
    keep(store)
    DEATHS[stage][0]()
    keep(store)


def fill_files(folder: str) -> None:
    """Meet a limit on the size of files; tell what happened as one line of JSON."""
    store = open_store(folder)
    old, before = keep(store), stored(folder)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300 * KB, resource.RLIM_INFINITY))
    file, database = failure(lambda: keep(store, 400 * KB)), None
    unchanged = stored(folder) == before
    for _ in range(100):  # until the write-ahead log meets the limit
        database = database or failure(lambda: store.begin(secrets.token_hex(16), "t", ALICE))
    print(json.dumps([file, unchanged, database, readable(store) == {old}]))


def fill_disk(folder: str) -> None:
    """Fill a real disk; tell what happened as one line of JSON."""
    store = open_store(folder)
    message, kept = None, []
    while message is None:
        run, before = secrets.token_hex(16), stored(folder)
        store.begin(run, "regression", ALICE)
        message = failure(lambda run=run: keep(store, 300 * KB, run))
        kept.append(run)
    refused = kept.pop()
    unchanged = stored(folder) == before
    intact = readable(store) == set(kept)
    store.delete(kept[0], ALICE)  # what the message advises makes room
    keep(store, 300 * KB, refused)
    again = readable(store) == {*kept[1:], refused}
    print(json.dumps([message, unchanged, len(kept) > 3, intact, again]))


def failure(action: Callable[[], object]) -> str | None:
    try:
        action()
    except StorageFull as error:
        return error.message
    return None


def command(role: str, *arguments: object) -> list[str]:
    code = f"import sys, test_runs_faults as t; t.{role}(*sys.argv[1:])"
    return [sys.executable, "-c", code, *map(str, arguments)]


ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{Path(__file__).parent}"}


# Killed processes


def test_runs_survive_kills_at_random_moments(tmp_path: Path) -> None:
    moments = random.Random(2)
    for _ in range(10):
        with subprocess.Popen(
            command("keep_until_killed", tmp_path), env=ENVIRONMENT, stdout=subprocess.PIPE
        ) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"kept\n"
            time.sleep(moments.uniform(0, 0.04))
            child.kill()

    store = open_store(tmp_path)
    runs = readable(store)
    assert len(runs) >= 10
    killed = store.mark_orphans_lost()
    assert {s.state for s in store.runs_of(ALICE) if s.run not in runs} <= {"lost"}
    assert len(store.runs_of(ALICE)) == len(runs) + killed
    store.sweep(datetime.now(UTC) + timedelta(hours=2))
    assert named(stored(tmp_path), runs)
    assert readable(store) == runs
    store.close()


@pytest.mark.parametrize("stage", DEATHS)
def test_a_kill_at_any_stage_leaves_no_half_run(tmp_path: Path, stage: str) -> None:
    _death, count, temporary = DEATHS[stage]
    ended = subprocess.run(command("die_at", stage, tmp_path), env=ENVIRONMENT, timeout=60)
    assert ended.returncode in (-signal.SIGKILL, -signal.SIGXFSZ)

    store = open_store(tmp_path)
    runs = readable(store)
    assert len(runs) == 1
    strays = {name for name in stored(tmp_path) if name.split(".")[0] not in runs}
    assert len(strays) == count
    assert sum(name.startswith(".") for name in strays) == temporary
    assert store.sweep() == 0
    assert store.sweep(datetime.now(UTC) + timedelta(hours=2)) == count
    assert named(stored(tmp_path), runs)
    assert readable(store) == runs
    store.close()


# Full disks


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize("calls", [0, 1, 2])
def test_a_full_disk_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: int, code: int
) -> None:
    store, sync, left = open_store(tmp_path), os.fsync, [None] * calls
    old, before, run = keep(store), stored(tmp_path), secrets.token_hex(16)
    store.begin(run, "regression", ALICE)

    def full(descriptor: int) -> None:
        if not left:
            raise OSError(code, os.strerror(code))
        left.pop()
        sync(descriptor)

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)  # the first file, the second, or the folder
        with pytest.raises(StorageFull) as caught:
            keep(store, run=run)
    assert caught.value.message == DISK_FULL
    assert stored(tmp_path) == before
    assert readable(store) == {old}
    assert (store.summary(run, ALICE).state, store.summary(run, ALICE).bytes) == ("done", 0)
    keep(store, run=run)
    assert readable(store) == {old, run}
    store.close()


def test_a_disk_that_fails_otherwise_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(tmp_path)
    old, before = keep(store), stored(tmp_path)

    def broken(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", broken)
        with pytest.raises(OSError, match="Input/output error"):
            keep(store)
    assert stored(tmp_path) == before
    assert readable(store) == {old}
    store.close()


def test_a_run_deleted_while_it_is_written_does_not_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(tmp_path)
    sync = Files._sync_folder

    def delete_meanwhile(files: Files) -> None:
        sync(files)
        assert store.delete_owner(ALICE) == 1

    monkeypatch.setattr(Files, "_sync_folder", delete_meanwhile)
    with pytest.raises(NotFound):
        keep(store)
    assert stored(tmp_path) == set()
    store.close()


def test_files_beyond_the_size_limit_are_a_full_disk(tmp_path: Path) -> None:
    told = subprocess.check_output(command("fill_files", tmp_path), env=ENVIRONMENT, timeout=60)
    file, unchanged, database, intact = json.loads(told)
    assert (file, database) == (DISK_FULL, DISK_FULL)
    assert unchanged
    assert intact


def test_a_real_disk_fills_up(tmp_path: Path) -> None:
    mount = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    small = f'mount -t tmpfs -o size=3m tmpfs "{tmp_path}" && exec "$@"'
    try:
        subprocess.run([*mount, small, "sh", "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this system lets nobody mount a small disk")
    told = subprocess.check_output(
        [*mount, small, "sh", *command("fill_disk", tmp_path)], env=ENVIRONMENT, timeout=60
    )
    message, unchanged, several, intact, again = json.loads(told)
    assert message == DISK_FULL
    assert unchanged
    assert several
    assert intact
    assert again
