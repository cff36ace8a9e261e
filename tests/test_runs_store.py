"""The run store: what is kept, who sees it, how long, and how much of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from engine.errors import Conflict, Corrupt, Forbidden, InvalidValue, NotFound, StorageFull
from engine.events import Event, decode_array
from engine.history import History
from engine.runs.store import RunStore
from engine.settings import Settings

ALICE, BOB = "owner-alice", "owner-bob"
WEIGHTS = "weights.safetensors"
MISSING = "There is no such run; it may be private or have expired."
KB = 1024

Open = Callable[..., RunStore]


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[Open]:
    """Opens stores on one folder, with other limits where given, and closes them."""
    stores: list[RunStore] = []

    def opened(**limits: Any) -> RunStore:
        stores.append(RunStore(Settings(**{"runs_dir": str(tmp_path / "runs"), **limits})))
        return stores[-1]

    yield opened
    for store in stores:
        store.close()


def ended(run: str, end: str = "done") -> History:
    """A short history with a frame that holds an array."""
    history = History(run, "regression", {"seed": 7, "rate": 0.1}, {"torch": "2.9"})
    frame = {"kind": "fit", "data": {"y": np.arange(3.0)}, "kept": True}
    metric = {"epoch": 1.0, "values": {"train_loss": 0.5, "val_loss": float("nan")}}
    done = {"metrics": {"train_mse": 0.25}} if end == "done" else {"message": "no"}
    for event in (
        Event("started", {"device": "cpu"}),
        Event("metric", metric, 1),
        Event("frame", frame, 1),
        Event(end, done if end in ("done", "failed") else {}),
    ):
        history.append(event)
    return history


def keep(store: RunStore, owner: str = ALICE, size: int = KB, end: str = "done") -> str:
    """Begin and keep a run whose weights take `size` bytes; returns its id."""
    run = secrets.token_hex(16)
    store.begin(run, "regression", owner)
    store.keep(ended(run, end), owner, {WEIGHTS: secrets.token_bytes(size)})
    return run


def stored(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "runs" / "files").iterdir())


def after(**duration: float) -> datetime:
    return datetime.now(UTC) + timedelta(**duration)


# Round trip


def test_a_kept_run_comes_back_whole(open_store: Open) -> None:
    store, run, weights = open_store(), secrets.token_hex(16), secrets.token_bytes(KB)
    history = ended(run)
    store.begin(run, "regression", ALICE)
    store.keep(history, ALICE, {WEIGHTS: weights})

    read = store.history(run, ALICE)
    assert read.to_json() == history.to_json()
    assert decode_array(read.frames[0]["data"]["y"]).tolist() == [0.0, 1.0, 2.0]
    assert read.series("val_loss") == ([], [])
    assert store.artifact(run, WEIGHTS, ALICE) == weights


def test_the_summary_tells_what_made_the_run(open_store: Open) -> None:
    store = open_store()
    run = keep(store)
    summary = store.summary(run, ALICE)
    assert (summary.run, summary.topic, summary.state) == (run, "regression", "done")
    assert (summary.seed, summary.config) == (7, {"seed": 7, "rate": 0.1})
    assert (summary.versions, summary.device) == ({"torch": "2.9"}, "cpu")
    assert summary.metrics == {"train_mse": 0.25}
    assert summary.owned
    assert not summary.shared
    assert not summary.hidden
    assert summary.bytes > KB
    assert summary.expires is not None
    assert summary.expires - summary.created >= timedelta(hours=6)


def test_a_running_run_has_a_row_and_nothing_else(open_store: Open) -> None:
    store, run = open_store(), secrets.token_hex(16)
    store.begin(run, "regression", ALICE)
    summary = store.summary(run, ALICE)
    assert (summary.state, summary.expires, summary.bytes) == ("running", None, 0)
    with pytest.raises(NotFound, match="Nothing of this name is stored of this run"):
        store.history(run, ALICE)
    with pytest.raises(Conflict, match="Nothing is stored of this run, so it cannot be shared"):
        store.share(run, ALICE)


@pytest.mark.parametrize("end", ["failed", "cancelled", "timeout"])
def test_a_run_that_did_not_finish_is_kept_with_its_end(open_store: Open, end: str) -> None:
    store = open_store()
    run = keep(store, end=end)
    assert store.summary(run, ALICE).state == end
    assert store.summary(run, ALICE).metrics == {}
    terminal = store.history(run, ALICE).terminal
    assert terminal is not None
    assert terminal["type"] == end


def test_runs_are_listed_newest_first_for_their_owner_only(open_store: Open) -> None:
    store = open_store()
    mine = [keep(store) for _ in range(3)]
    keep(store, BOB)
    assert [s.run for s in store.runs_of(ALICE)] == mine[::-1]
    assert all(s.owned for s in store.runs_of(ALICE))
    assert store.runs_of("owner-nobody") == []


def test_a_run_is_begun_once_and_kept_once_after_its_end(open_store: Open) -> None:
    store = open_store()
    run = keep(store)
    with pytest.raises(Conflict, match="A run with this id exists already"):
        store.begin(run, "regression", BOB)
    with pytest.raises(Conflict, match="This run is kept already"):
        store.keep(ended(run), ALICE, {})
    with pytest.raises(Conflict, match="A run is kept after its end; this one has not ended"):
        store.keep(History(secrets.token_hex(16)), ALICE, {})
    assert store.history(run, ALICE).run == run


def test_only_a_run_that_was_begun_by_its_owner_is_kept(open_store: Open, tmp_path: Path) -> None:
    store, run = open_store(), secrets.token_hex(16)
    with pytest.raises(NotFound):
        store.keep(ended(run), ALICE, {})
    store.begin(run, "regression", ALICE)
    with pytest.raises(NotFound):
        store.keep(ended(run), BOB, {})
    assert stored(tmp_path) == []


# Names that a visitor sends


@pytest.mark.parametrize(
    "run", ["", "../" * 8 + "etc/passwd", "A" * 32, "a" * 31, "a" * 32 + "\n", "g" * 32, "%00" * 11]
)
def test_a_malformed_run_id_is_not_found(open_store: Open, run: str) -> None:
    store = open_store()
    for ask in (
        lambda: store.begin(run, "regression", ALICE),
        lambda: store.history(run, ALICE),
        lambda: store.artifact(run, WEIGHTS, ALICE),
        lambda: store.summary(run, ALICE),
        lambda: store.share(run, ALICE),
        lambda: store.revoke(run, ALICE),
        lambda: store.report(run, "", ALICE),
        lambda: store.delete(run, ALICE),
        lambda: store.keep(ended(run), ALICE, {}),
    ):
        with pytest.raises(NotFound) as caught:
            ask()
        assert caught.value.message == MISSING


@pytest.mark.parametrize(
    "name", ["", ".hidden", "../x", "a/b", "a" * 65, "Weights", "x\n", "history.json.gz"]
)
def test_an_artifact_has_a_plain_name(open_store: Open, tmp_path: Path, name: str) -> None:
    store, run = open_store(), secrets.token_hex(16)
    store.begin(run, "regression", ALICE)
    with pytest.raises(InvalidValue) as caught:
        store.keep(ended(run), ALICE, {name: b"x"})
    assert caught.value.message == (
        "artifacts: expected up to 64 of a-z, 0-9, _, -, . (not first, not history.json.gz), "
        f"received {name!r}."
    )
    assert stored(tmp_path) == []


@pytest.mark.parametrize("name", ["other.bin", "../" + WEIGHTS, "", "x" * 1000])
def test_an_unknown_artifact_is_not_found(open_store: Open, name: str) -> None:
    store = open_store()
    run = keep(store)
    with pytest.raises(NotFound, match="Nothing of this name is stored of this run"):
        store.artifact(run, name, ALICE)


# Privacy


def test_an_unsaved_run_does_not_exist_for_anyone_else(open_store: Open) -> None:
    store = open_store()
    run = keep(store)
    for asked in (run, secrets.token_hex(16)):  # private and unknown give the same answer
        for ask in (
            lambda run=asked: store.history(run, BOB),
            lambda run=asked: store.history(run, None),
            lambda run=asked: store.artifact(run, WEIGHTS, BOB),
            lambda run=asked: store.summary(run, BOB),
            lambda run=asked: store.summary(run, None),
            lambda run=asked: store.share(run, BOB),
            lambda run=asked: store.revoke(run, BOB),
            lambda run=asked: store.report(run, "", BOB),
            lambda run=asked: store.delete(run, BOB),
        ):
            with pytest.raises(NotFound) as caught:
                ask()
            assert caught.value.message == MISSING
    assert store.history(run, ALICE).run == run


def test_owners_and_reporters_are_stored_as_hashes(open_store: Open, tmp_path: Path) -> None:
    store = open_store()
    run = keep(store)
    store.share(run, ALICE)
    store.report(run, "reason-in-clear", BOB)
    raw = b"".join(p.read_bytes() for p in (tmp_path / "runs").glob("gallery.sqlite*"))
    assert b"reason-in-clear" in raw
    assert ALICE.encode() not in raw
    assert BOB.encode() not in raw


# Sharing


def test_a_shared_run_is_seen_by_everyone_and_changed_by_its_owner(open_store: Open) -> None:
    store = open_store()
    run = keep(store)
    share = store.share(run, ALICE)
    assert share.url_path == f"/regression?run={run}"
    assert share.expires.utcoffset() == timedelta(0)
    assert after(days=89) < share.expires < after(days=91)
    assert store.history(run, None).run == run
    assert len(store.artifact(run, WEIGHTS, BOB)) == KB
    assert store.summary(run, None).expires == share.expires
    assert (store.summary(run, BOB).shared, store.summary(run, BOB).owned) == (True, False)
    for change in (store.share, store.revoke, store.delete):
        with pytest.raises(Forbidden, match="Only the visitor who made this run can do this"):
            change(run, BOB)


def test_a_revoked_run_is_private_again_and_expires_soon(open_store: Open) -> None:
    store = open_store()
    run = keep(store)
    store.share(run, ALICE)
    store.revoke(run, ALICE)
    with pytest.raises(NotFound):
        store.history(run, BOB)
    summary = store.summary(run, ALICE)
    assert not summary.shared
    assert summary.expires is not None
    assert summary.expires < after(hours=7)
    store.revoke(run, ALICE)
    assert store.summary(run, ALICE).expires == summary.expires, "no way to put off the expiry"


def test_reports_of_different_visitors_hide_a_run(open_store: Open) -> None:
    store = open_store(reports_to_hide=2)
    run = keep(store)
    store.share(run, ALICE)
    for _ in range(3):
        store.report(run, "offensive", BOB)
    assert store.history(run, None).run == run, "one reporter counts once"

    store.report(run, "half a pair: \ud800", "owner-carol")
    for asker in (None, BOB):
        with pytest.raises(NotFound):
            store.history(run, asker)
    with pytest.raises(NotFound):
        store.delete(run, BOB)
    assert store.history(run, ALICE).run == run
    assert store.summary(run, ALICE).hidden


def test_a_hidden_run_does_not_come_back_by_sharing_again(open_store: Open) -> None:
    store = open_store(reports_to_hide=1)
    run = keep(store)
    store.share(run, ALICE)
    store.report(run, "", BOB)
    store.revoke(run, ALICE)
    with pytest.raises(Conflict, match="This run was reported and is hidden; it cannot be shared"):
        store.share(run, ALICE)
    store.delete_owner(BOB)
    with pytest.raises(NotFound):
        store.history(run, None)


# Removing and expiring


def test_a_deleted_run_leaves_nothing(open_store: Open, tmp_path: Path) -> None:
    store = open_store(reports_to_hide=2)
    run = keep(store)
    store.share(run, ALICE)
    store.report(run, "", BOB)
    store.delete(run, ALICE)
    assert stored(tmp_path) == []
    with pytest.raises(NotFound):
        store.summary(run, ALICE)
    store.begin(run, "regression", ALICE)
    store.keep(ended(run), ALICE, {})
    store.share(run, ALICE)
    store.report(run, "", "owner-carol")
    assert store.history(run, None).run == run, "the report of the deleted run is gone"


def test_delete_my_data_removes_runs_files_and_reports(open_store: Open, tmp_path: Path) -> None:
    store = open_store(reports_to_hide=2)
    other = keep(store, BOB)
    store.share(other, BOB)
    store.report(other, "", ALICE)
    training = secrets.token_hex(16)
    store.begin(training, "regression", ALICE)
    store.share(keep(store), ALICE)
    keep(store)

    assert store.delete_owner(ALICE) == 3
    assert store.runs_of(ALICE) == []
    assert {p.name.split(".")[0] for p in stored(tmp_path)} == {other}
    with pytest.raises(NotFound):  # deleted while it trained: it does not come back
        store.keep(ended(training), ALICE, {})
    store.report(other, "", "owner-carol")
    assert store.history(other, None).run == other, "the deleted report no longer counts"
    assert store.delete_owner(ALICE) == 0


def test_an_expired_run_is_gone_before_it_is_swept(open_store: Open, tmp_path: Path) -> None:
    store = open_store(unsaved_hours=1e-12)
    run = keep(store)
    for ask in (store.history, store.summary, store.share, store.delete):
        with pytest.raises(NotFound):
            ask(run, ALICE)
    assert store.runs_of(ALICE) == []
    assert len(stored(tmp_path)) == 2
    assert store.sweep() == 1
    assert stored(tmp_path) == []


def test_the_sweep_removes_what_has_expired_and_only_that(open_store: Open) -> None:
    store, training = open_store(), secrets.token_hex(16)
    unsaved, shared = keep(store), keep(store)
    store.share(shared, ALICE)
    store.begin(training, "regression", ALICE)
    assert store.sweep() == 0
    assert store.sweep(after(hours=7)) == 1
    assert {s.run for s in store.runs_of(ALICE)} == {shared, training}
    with pytest.raises(NotFound):
        store.history(unsaved, ALICE)
    assert store.history(shared, None).run == shared
    assert store.sweep(after(days=91)) == 1
    assert [s.run for s in store.runs_of(ALICE)] == [training]


def test_the_sweep_removes_old_files_that_no_run_names(open_store: Open, tmp_path: Path) -> None:
    store = open_store()
    run = keep(store)
    before = stored(tmp_path)
    strays = [before[0].with_name(n) for n in (f".{run}.x.history.json.gz", f"{run}.y.{WEIGHTS}")]
    secret = tmp_path / "runs" / "secret"
    for path in (*strays, secret):
        path.write_bytes(b"half")
    assert store.sweep() == 0, "they may be in the making"
    assert store.sweep(after(hours=2)) == 2
    assert stored(tmp_path) == before
    assert secret.exists()
    assert store.history(run, ALICE).run == run


def test_runs_left_running_by_a_former_process_are_lost(open_store: Open) -> None:
    former, run = open_store(), secrets.token_hex(16)
    former.begin(run, "regression", ALICE)
    kept = keep(former)
    former.close()

    store = open_store()
    assert store.mark_orphans_lost() == 1
    assert store.mark_orphans_lost() == 0
    assert store.summary(run, ALICE).state == "lost"
    assert store.summary(kept, ALICE).state == "done"
    assert store.sweep(after(hours=7)) == 2


# Quotas


def test_the_oldest_unsaved_run_makes_room_for_a_new_one(open_store: Open, tmp_path: Path) -> None:
    store = open_store(runs_per_owner=3)
    other = keep(store, BOB)
    first, second, third, fourth = (keep(store) for _ in range(4))
    store.share(second, ALICE)
    fifth = keep(store)
    assert [s.run for s in store.runs_of(ALICE)] == [fifth, fourth, second]
    assert store.history(other, BOB).run == other
    names = {p.name.split(".")[0] for p in stored(tmp_path)}
    assert names == {other, second, fourth, fifth}
    assert names.isdisjoint({first, third})


def test_bytes_of_one_owner_are_limited(open_store: Open) -> None:
    store = open_store(bytes_per_owner=1)
    other = keep(store, BOB, 400 * KB)
    first, second, third = (keep(store, size=400 * KB) for _ in range(3))
    assert [s.run for s in store.runs_of(ALICE)] == [third, second]
    assert store.history(other, BOB).run == other
    with pytest.raises(NotFound):
        store.summary(first, ALICE)


def test_bytes_in_all_are_limited_across_owners(open_store: Open) -> None:
    store = open_store(bytes_total=1)
    old, young = keep(store, BOB, 400 * KB), keep(store, "owner-carol", 400 * KB)
    new = keep(store, size=400 * KB)
    with pytest.raises(NotFound):
        store.summary(old, BOB)
    assert store.summary(young, "owner-carol").state == "done"
    assert store.summary(new, ALICE).state == "done"


def test_room_made_for_one_quota_counts_for_the_next(open_store: Open) -> None:
    store = open_store(runs_per_owner=1, bytes_total=1)
    other, old = keep(store, BOB, 400 * KB), keep(store, size=400 * KB)
    new = keep(store, size=400 * KB)
    assert [s.run for s in store.runs_of(ALICE)] == [new]
    assert [s.run for s in store.runs_of(BOB)] == [other]
    with pytest.raises(NotFound):
        store.history(old, ALICE)


@pytest.mark.parametrize(
    ("limits", "size", "message"),
    [
        (
            {"runs_per_owner": 2},
            KB,
            "Storage is full: 2 runs are kept for one visitor, and all of yours are shared. "
            "Delete a shared run or stop sharing it.",
        ),
        (
            {"bytes_per_owner": 1},
            400 * KB,
            "Storage is full: 1.0 MB are kept for one visitor; this run needs 0.4 MB, "
            "your shared runs take 0.8 MB. Delete a shared run or stop sharing it.",
        ),
        (
            {"bytes_total": 1},
            400 * KB,
            "Storage is full: 1.0 MB are kept for all visitors; this run needs 0.4 MB, "
            "the shared runs take 0.8 MB. Delete a shared run of yours, or try again later.",
        ),
    ],
)
def test_shared_runs_are_never_dropped(
    open_store: Open, tmp_path: Path, limits: dict[str, int], size: int, message: str
) -> None:
    store = open_store(**limits)
    shared = [keep(store, size=size) for _ in range(2)]
    for run in shared:
        store.share(run, ALICE)
    before, run = stored(tmp_path), secrets.token_hex(16)
    store.begin(run, "regression", ALICE)
    weights = {WEIGHTS: secrets.token_bytes(size)}
    with pytest.raises(StorageFull) as caught:
        store.keep(ended(run), ALICE, weights)
    assert caught.value.message == message
    assert stored(tmp_path) == before
    assert (store.summary(run, ALICE).state, store.summary(run, ALICE).bytes) == ("done", 0)

    store.revoke(shared[0], ALICE)  # what the message advises makes room
    store.keep(ended(run), ALICE, weights)
    assert {s.run for s in store.runs_of(ALICE)} == {shared[1], run}


def test_a_run_larger_than_the_quota_drops_nothing(open_store: Open) -> None:
    store = open_store(bytes_per_owner=1)
    small = keep(store)
    with pytest.raises(StorageFull, match=r"this run needs 2\.0 MB, your shared runs take 0\.0 MB"):
        keep(store, size=2048 * KB)
    assert store.history(small, ALICE).run == small


# Damage


@pytest.mark.parametrize("name", ["history.json.gz", WEIGHTS])
def test_a_flipped_bit_is_noticed(open_store: Open, tmp_path: Path, name: str) -> None:
    store = open_store()
    run = keep(store)
    path = next(p for p in stored(tmp_path) if p.name.endswith(name))
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(Corrupt) as caught:
        store.artifact(run, name, ALICE)
    assert caught.value.message == (
        "A stored file of this run is damaged (wrong checksum). Train the run again."
    )
    if name != WEIGHTS:
        with pytest.raises(Corrupt):
            store.history(run, ALICE)


def test_a_missing_file_is_damage_too(open_store: Open, tmp_path: Path) -> None:
    store = open_store()
    run = keep(store)
    for path in stored(tmp_path):
        path.unlink()
    with pytest.raises(Corrupt, match=r"A stored file of this run is missing\. Train"):
        store.history(run, ALICE)
    store.delete(run, ALICE)


# Where it is kept


def test_two_stores_share_a_folder(open_store: Open) -> None:
    one, two = open_store(), open_store()
    run = keep(one)
    two.share(run, ALICE)
    assert one.history(run, None).run == run
    late = secrets.token_hex(16)
    one.begin(late, "regression", ALICE)
    assert two.mark_orphans_lost() == 1
    one.keep(ended(late), ALICE, {})  # the other process was wrong: it lives
    assert two.summary(late, ALICE).state == "done"
    two.delete(run, ALICE)
    with pytest.raises(NotFound):
        one.history(run, ALICE)


@pytest.fixture
def remote() -> Iterator[str]:
    """An fsspec URL that is not a local folder."""
    name = f"gallery-{secrets.token_hex(4)}"
    yield f"memory://{name}/runs"
    MemoryFileSystem().rm(f"/{name}", recursive=True)


def test_files_may_lie_at_any_fsspec_url(open_store: Open, tmp_path: Path, remote: str) -> None:
    database = f"sqlite:///{tmp_path / 'index.sqlite'}"
    store = open_store(runs_dir=remote, runs_database=database)
    run, other = keep(store), keep(store, BOB)
    store.share(run, ALICE)
    assert store.history(run, None).run == run
    files, folder = MemoryFileSystem(), "/" + remote.removeprefix("memory://") + "/files"
    assert len(files.ls(folder)) == 4
    files.pipe_file(f"{folder}/.{run}.x.{WEIGHTS}", b"half")
    assert store.sweep(after(hours=2)) == 1
    store.delete(other, BOB)
    assert len(files.ls(folder)) == 2
    assert not (tmp_path / "runs").exists()
    store.delete(run, ALICE)
    assert store.sweep() == 0


def test_files_elsewhere_need_a_database_to_be_named(remote: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        RunStore(Settings(runs_dir=remote))
    assert caught.value.message == (
        "GALLERY_RUNS_DATABASE: expected the SQLAlchemy URL of a database, because "
        "GALLERY_RUNS_DIR is not a local folder, received ''."
    )


def test_a_folder_may_have_an_odd_name(open_store: Open, tmp_path: Path) -> None:
    store = open_store(runs_dir=str(tmp_path / "runs [a] ?x=1 #é"))
    run = keep(store)
    assert store.history(run, ALICE).run == run
    assert store.sweep(after(hours=7)) == 1


# Many at once


def test_stores_may_open_together_on_a_new_folder(open_store: Open) -> None:
    barrier = Barrier(4)

    def start(_: int) -> str:
        barrier.wait()
        return keep(open_store())

    with ThreadPoolExecutor(4) as pool:
        runs = set(pool.map(start, range(4)))
    assert {s.run for s in open_store().runs_of(ALICE)} == runs


def test_threads_keep_read_share_delete_and_sweep_together(
    open_store: Open, tmp_path: Path
) -> None:
    store = open_store()

    def visitor(number: int) -> tuple[str, list[str]]:
        owner = f"owner-{number}"
        runs = [keep(store, owner, 20 * KB) for _ in range(5)]
        store.share(runs[0], owner)
        store.delete(runs[1], owner)
        store.sweep()
        for run in (runs[0], *runs[2:]):
            assert store.history(run, owner).run == run
            assert len(store.artifact(run, WEIGHTS, owner)) == 20 * KB
        return owner, runs

    with ThreadPoolExecutor(8) as pool:
        visitors = list(pool.map(visitor, range(8)))
    for owner, runs in visitors:
        assert [s.run for s in store.runs_of(owner)] == [*runs[:1:-1], runs[0]]
        assert store.history(runs[0], None).run == runs[0]
    assert len(stored(tmp_path)) == 8 * 4 * 2


def test_quotas_hold_when_many_keep_at_once(open_store: Open, tmp_path: Path) -> None:
    store = open_store(runs_per_owner=4)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(partial(keep, store), [ALICE] * 16))
    assert len(store.runs_of(ALICE)) == 4
    assert len(stored(tmp_path)) == 8


def test_a_run_kept_twice_at_once_is_kept_whole_once(open_store: Open, tmp_path: Path) -> None:
    stores, run, barrier = [open_store() for _ in range(4)], secrets.token_hex(16), Barrier(4)
    stores[0].begin(run, "regression", ALICE)

    def attempt(store: RunStore) -> bool:
        barrier.wait()
        try:
            store.keep(ended(run), ALICE, {WEIGHTS: secrets.token_bytes(KB)})
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(attempt, stores)) == 1
    assert len(stored(tmp_path)) == 2
    assert len(stores[0].artifact(run, WEIGHTS, ALICE)) == KB
