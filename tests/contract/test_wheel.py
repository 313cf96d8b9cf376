"""The wheel: it holds its data, and an installed copy finds it and works without the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from streams.stage import config_directory

ROOT = Path(__file__).parents[2]

WORK = """
from datetime import UTC, datetime
import streams
from streams import formats, pipeline, stage
data = stage.config_directory()
sample = data / "samples" / "en-synthetic.json"
raw = formats.parse(sample.read_bytes(), content_type=None, key="a", received_at=datetime.now(UTC), headers={},
                    limit_bytes=1_000_000)
done = pipeline.run(raw, pipeline.prepare(list(pipeline.STAGES), data, {}, ""))
print(streams.__file__, data, done.language, bool(done.body), len(done.entities) > 0, sep="\\n")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


def test_it_holds_all_of_the_data_and_the_licence(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    data = config_directory()
    wanted = {f"streams/config/{path.relative_to(data).as_posix()}" for path in data.rglob("*") if path.is_file()}
    assert "streams/config/default.toml" in wanted
    assert wanted - names == set()
    assert {"streams/py.typed", "streams/pipeline.py"} <= names
    assert {Path(name).name for name in names if "/licenses/" in name} == {"LICENSE", "NOTICE"}


def test_it_holds_nothing_else(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"streams"}


def test_an_installed_copy_works_on_its_own_data(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", site, wheel],
        check=True,
        capture_output=True,
    )
    environment = os.environ | {"PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-c", WORK], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == [
        str(site / "streams" / "__init__.py"),
        str(site / "streams" / "config"),
        "en",
        "True",
        "True",
    ]
    check = [sys.executable, "-m", "streams.runtime.cli", "check-config"]
    subprocess.run(check, cwd=tmp_path, env=environment, check=True, capture_output=True)
