"""How the house is built, held by tests: who imports whom, and what the core may not touch."""

import ast
import itertools
import os
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import streams
from streams.pipeline import PIPELINE

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "streams"

CORE = sorted(path for path in PACKAGE.rglob("*.py") if PACKAGE / "runtime" not in path.parents)
"""Everything but the runtime: pure."""

FORBIDDEN_CALLS = {
    "print", "input", "open",
    "os.getenv", "os.environ", "os.system",
    "time.time", "time.monotonic", "time.perf_counter", "time.sleep",
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "datetime.datetime.now", "datetime.date.today",
    "random.random", "random.choice", "random.shuffle", "uuid.uuid4",
}  # fmt: skip
"""The screen, the environment, the clock, chance: what would make the same release give another answer tomorrow."""

ON_IMPORT = """
import importlib, sys, threading
import faust
from prometheus_client import CollectorRegistry
from streams.runtime.settings import Settings
before = threading.active_count()
for name in sys.argv[1:]:
    for variable, value in vars(importlib.import_module(name)).items():
        if isinstance(value, (faust.App, CollectorRegistry, Settings)):
            print(f"{name}.{variable} is made on import")
if threading.active_count() > before:
    print("threads are started on import")
"""

HOMELESS = {"utils", "helpers", "base", "manager", "common", "misc"}
"""Names that say nothing: what such a module holds belongs somewhere."""


def test_imports_run_one_way() -> None:
    # In a process of its own: it sets up logging, and that disables every logger there is.
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True, no_logo=True))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_core_is_pure(path: Path) -> None:
    assert list(_impurities(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "source",
    ["print('x')", "async def f(): ...", "import os\nos.environ['A']", "from datetime import datetime\ndatetime.now()"],
)
def test_an_impurity_is_found(source: str) -> None:
    assert list(_impurities(ast.parse(source)))


def test_every_stage_is_one_file_of_its_name() -> None:
    for stage in PIPELINE:
        assert stage.apply.__module__ == f"streams.stages.{stage.name}"


def test_each_stage_reads_what_the_one_before_it_writes() -> None:
    for one, next_one in itertools.pairwise(PIPELINE):
        assert one.writes is next_one.reads


def test_nothing_happens_on_import() -> None:
    """In a fresh interpreter, because here all is imported already."""
    environment = os.environ | {"NEWSMILL_BROKER__BOOTSTRAP": "not an address"}  # read on import, this would raise
    done = subprocess.run(
        [sys.executable, "-c", ON_IMPORT, *_modules()], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_no_module_is_named_after_nothing() -> None:
    assert {name for name in _modules() if name.rpartition(".")[2] in HOMELESS} == set()


def test_nothing_reads_the_data_directory_as_code() -> None:
    assert list((ROOT / "config").rglob("*.py")) == []


def _modules() -> list[str]:
    found = [module.name for module in pkgutil.walk_packages(streams.__path__, "streams.")]
    assert "streams.runtime.agents" in found
    return found


def _impurities(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await):
            yield f"line {node.lineno}: async"
        elif isinstance(node, ast.Attribute | ast.Name) and ast.unparse(node) in FORBIDDEN_CALLS:
            yield f"line {node.lineno}: {ast.unparse(node)}"
