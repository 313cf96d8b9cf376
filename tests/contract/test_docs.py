"""Pages that follow from the code are as the code says, and links between pages lead somewhere."""

import re
from pathlib import Path

import pytest

from tools import write_docs

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    {
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        *(ROOT / "docs").rglob("*.md"),
        *ROOT.glob("benchmarks/*.md"),
        *ROOT.glob("examples/*.md"),
    }
)


def test_the_generated_pages_are_up_to_date() -> None:
    shown = {name: (write_docs.FOLDER / name).read_text(encoding="utf-8") for name in write_docs.rendered()}
    assert shown == write_docs.rendered(), "after a change of commands or metrics: make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
