"""Who may import whom."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from engine import ROOT

TORCH_FREE = [
    "engine.api",
    "engine.checkpoints",
    "engine.cli",
    "engine.data",
    "engine.jobs.hostlink",
    "engine.jobs.inference",
    "engine.jobs.local",
    "engine.jobs.manager",
    "engine.recordings",
    "engine.runs.store",
    "engine.service",
    "engine.topics.regression.script",
]


def imports(file: Path) -> set[str]:
    """Top-level names of all modules that a file imports, anywhere in it."""
    tree = ast.parse(file.read_text())
    names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    return {name.split(".")[0] for name in names}


def test_the_engine_never_imports_streamlit():
    files = list((ROOT / "engine").rglob("*.py"))
    assert len(files) > 30
    assert [f for f in files if "streamlit" in imports(f)] == []


def test_pages_never_import_torch():
    files = [ROOT / "app.py", *(ROOT / "pages").rglob("*.py")]
    assert len(files) > 8
    assert [f for f in files if imports(f) & {"torch", "torchvision"}] == []


def test_nothing_unpickles():
    files = [ROOT / "app.py", *(ROOT / "pages").rglob("*.py"), *(ROOT / "engine").rglob("*.py")]
    assert [f for f in files if imports(f) & {"pickle", "cloudpickle", "dill", "joblib"}] == []


@pytest.mark.parametrize("module", TORCH_FREE)
def test_the_ui_side_loads_no_torch(module):
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_an_import_error_in_a_topic_is_not_swallowed(tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "__init__.py").touch()
    (broken / "spec.py").write_text("import a_module_that_is_not_there\n")
    code = "from engine.topics import topics; topics()"
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"GALLERY_EXTRA_TOPICS": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert "a_module_that_is_not_there" in result.stderr
