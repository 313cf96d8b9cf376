"""Without Chromium there are no pictures, and a sentence that says why; the pictures that are shown are there."""

from pathlib import Path

import pytest

from tests.dashboards import shot
from tools import write_dashboards


def test_what_is_missing_is_said_and_nothing_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    shot.main()
    assert capsys.readouterr().err == "no pictures: there is no chromium and no prometheus on the path\n"


def test_every_dashboard_but_the_runbook_has_its_picture() -> None:
    pages = {name.removesuffix(".json") for name in write_dashboards.rendered()} - {shot.RUNBOOK}
    assert {path.stem for path in shot.PICTURES.glob("*.png")} == pages
