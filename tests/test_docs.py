"""The documentation says what is true."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from engine import ROOT
from engine.settings import Settings
from engine.topics import topics

README = (ROOT / "README.md").read_text()


def test_the_settings_table_is_complete():
    rows = dict(re.findall(r"^\| `GALLERY_(\w+)` \|.*?\| (.*?) \|$", README, re.M))
    assert rows == {n.upper(): f.description for n, f in Settings.model_fields.items()}


def test_every_dependency_has_a_reason():
    table = README.split("## Dependencies")[1].split("## ")[0]
    named = {
        name for row in re.findall(r"^\| ([\w, -]+) \|", table, re.M) for name in row.split(", ")
    }
    pinned = re.findall(r"^([\w-]+)==", (ROOT / "requirements.txt").read_text(), re.M)
    assert set(pinned) <= named


@pytest.mark.parametrize(
    "file", ["requirements.txt", "requirements-dev.txt", "requirements-bench.txt"]
)
def test_requirements_are_pinned(file):
    lines = [line.split("#")[0].strip() for line in (ROOT / file).read_text().splitlines()]
    for line in filter(None, lines):
        assert line.startswith("-r ") or re.fullmatch(r"[\w-]+==[\w.]+", line), line


def test_the_tree_names_what_exists():
    block = next(part for part in README.split("```\n") if part.startswith("app.py"))
    parents: list[str] = []
    named = set()
    for line in block.splitlines():
        indent, name = re.match(r"( *)(\S+)", line).groups()
        parents = parents[: len(indent) // 2]
        path = "/".join([*(p.rstrip("/") for p in parents), name])
        assert (ROOT / path).exists(), path
        named.add(path.rstrip("/"))
        parents.append(name)
    for folder in ("engine", "pages"):
        children = {str(p.relative_to(ROOT)) for p in (ROOT / folder).iterdir()}
        topic_pages = {f"pages/{name}.py" for name in topics()}
        missing = {c for c in children if "__" not in c} - named - topic_pages
        assert missing == set()


def test_pictures_and_links_exist():
    for page in ("README.md", "CONTRIBUTING.md", "BENCHMARKS.md", "CHANGELOG.md"):
        text = (ROOT / page).read_text()
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", text):
            assert (ROOT / target).exists(), (page, target)
    assert (ROOT / "LICENSE").read_text().lstrip().startswith("Apache License")


def test_make_help_lists_every_documented_command():
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True).stdout
    for command in set(
        re.findall(r"`?make ([a-z]+)`?", README + (ROOT / "CONTRIBUTING.md").read_text())
    ):
        assert re.search(rf"^make {command} ", listed, re.M) or command == "help", command


def test_nothing_of_the_shared_data_is_committed():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    names = {Path(line).name for line in tracked.stdout.splitlines()}
    assert not names & {"auto-mpg.data", "sonar.csv", "alice.txt", "cifar10_jpeg.npz", "IBM.csv"}


def test_shipped_files_stay_small():
    size = sum(p.stat().st_size for p in (ROOT / "checkpoints").rglob("*") if p.is_file())
    assert size < 60 * 2**20
    recordings = sum(p.stat().st_size for p in (ROOT / "checkpoints/recordings").rglob("*.gz"))
    assert recordings < 5 * 2**20
