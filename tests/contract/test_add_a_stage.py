"""docs/add-a-stage.md, followed word by word on a copy of the tree."""

import os
import re
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "add-a-stage.md").read_text()


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree in which somebody did what the page says."""
    copy = tmp_path_factory.mktemp("tree")
    for name in ("streams", "config", "tests", "pyproject.toml", "README.md", "NOTICE", "LICENSE"):
        subprocess.run(["cp", "-r", str(ROOT / name), str(copy)], check=True)

    record = "\n".join(line[1:] for line in block("diff").splitlines() if re.match(r"\+(?!\+\+)", line))
    edit(copy / "streams/records.py", r"\n\nRECORDS: ", f"\n\n{record}\n\n\nRECORDS: ")
    edit(copy / "streams/records.py", r"(RECORDS: .*)\)", r"\1, RatedRelease)")

    code = block("python")
    path = re.match(r"# (\S+)\n", code)
    assert path
    (copy / path[1]).write_text(code[path.end() :])
    edit(
        copy / "streams/pipeline.py",
        r"(from streams\.stages\.strip)",
        r"from streams.stages.rate_urgency import RATE_URGENCY\n\1",
    )
    edit(copy / "streams/pipeline.py", r"TAG_ENTITIES\)", "TAG_ENTITIES, RATE_URGENCY)")

    hops = re.search(r"`(hops = .*?)`", PAGE, re.DOTALL)
    assert hops
    edit(copy / "config/default.toml", r"(?m)^hops = .*$", hops[1].replace("\n", " "))
    return copy


def block(kind: str) -> str:
    """The page's code block of a kind."""
    found = re.search(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1]


def edit(path: Path, pattern: str, replacement: str) -> None:
    """Change the one place that matches."""
    text, count = re.subn(pattern, replacement, path.read_text(), count=1)
    assert count == 1, f"{pattern} is not in {path.name}"
    path.write_text(text)


def run(tree: Path, *command: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run Python in the copy."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NEWSMILL_")} | {"PYTHONPATH": str(tree)}
    return subprocess.run(
        [sys.executable, *command],
        cwd=tree,
        env=environment,
        input=stdin,
        capture_output=True,
        check=False,
        timeout=120,
    )


def test_the_new_stage_runs_in_the_pipeline(followed: Path) -> None:
    done = run(followed, "-m", "streams.runtime.cli", "inspect", "--json", "config/samples/en-synthetic.json")
    assert done.returncode == 0, done.stderr.decode()
    release = orjson.loads(done.stdout)
    assert release["schema"] == "newsmill.release.rated.v1"
    assert "rate_urgency" in release["enrichment"]["models"]
    assert release["urgency"] == 3


def test_its_topic_and_group_follow_from_the_word(followed: Path) -> None:
    done = run(followed, "-m", "streams.runtime.cli", "topology", "--json")
    assert done.returncode == 0, done.stderr.decode()
    last = orjson.loads(done.stdout)["hops"][-1]
    assert (last["reads"], last["writes"][0]) == ("news.release.enriched.v1", "news.release.rated.v1")
    assert last["group"] == "newsmill.rate_urgency"


def test_the_contract_tests_take_it_in(followed: Path) -> None:
    done = run(
        followed, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "rate_urgency", "tests/contract/test_stages.py"
    )
    assert done.returncode == 0, done.stdout.decode()[-3000:]


def test_it_keeps_the_import_contracts(followed: Path) -> None:
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    done = run(followed, "-c", code)
    assert done.returncode == 0, done.stdout.decode()[-3000:]
