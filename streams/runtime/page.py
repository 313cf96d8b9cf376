"""An enriched release as one HTML page that needs nothing from elsewhere and runs no script."""

from collections.abc import Iterable
from pathlib import Path
from xml.etree.ElementTree import Element, tostring

from streams import __version__
from streams.records import EnrichedRelease, Entity
from streams.runtime import view
from streams.runtime.view import Passage, Run

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Should a release's markup ever slip through, a browser still loads and runs nothing of it."""


def page(release: EnrichedRelease, data: Path) -> bytes:
    """Write the page; `data` is the folder with `inspect/page.css`.

    The page is built as a tree, so everything a release says is text there, never markup.
    """
    heading = release.title or release.id or "Release"
    style = (data / "inspect" / "page.css").read_text(encoding="utf-8")
    anchors = {entity.id: f"entity-{number}" for number, entity in enumerate(view.entities(release), start=1)}
    tree = _element(
        "html",
        _element(
            "head",
            _element("meta", charset="utf-8"),
            _element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            _element("meta", {"http-equiv": "Content-Security-Policy", "content": POLICY}),
            _element("title", f"{heading} – Newsmill"),
            _element("style", style),
        ),
        _element(
            "body",
            _header(release, anchors),
            _element("main", *(_passage(passage, anchors) for passage in view.passages(release)), dir="auto"),
            _entities(release, anchors),
            _legend(release),
            _element("footer", _stamp(release)),
        ),
        lang="en",
    )
    return b"<!doctype html>\n" + tostring(tree, encoding="unicode", method="html").encode("utf-8", "replace") + b"\n"


def _header(release: EnrichedRelease, anchors: dict[str, str]) -> Element:
    title = view.title(release) or (Run("(no title)"),)
    facts = (
        _element("div", _element("dt", name), _element("dd", value, dir="auto")) for name, value in view.facts(release)
    )
    return _element(
        "header",
        _element("h1", *_runs(title, anchors), dir="auto", lang=_lang(release.language)),
        _element("p", " · ".join(view.summary(release)), {"class": "summary"}),
        _element("dl", *facts),
    )


def _passage(passage: Passage, anchors: dict[str, str]) -> Element:
    segment = passage.segment
    why = "; ".join(filter(None, (segment.sub, segment.evidence)))
    lang = _lang(passage.language)
    return _element(
        "section",
        _element("span", segment.label, *([_element("small", segment.sub)] if segment.sub else []), {"class": "label"}),
        _element("div", *(_element("p", *_runs(line, anchors), dir="auto", lang=lang) for line in passage.lines)),
        {"class": segment.label, "title": f"{segment.label}: {why}" if why else segment.label},
    )


def _runs(runs: Iterable[Run], anchors: dict[str, str]) -> list[Element | str]:
    return [run.text if run.entity is None else _mention(run.text, run.entity, anchors) for run in runs]


def _mention(text: str, entity: Entity, anchors: dict[str, str]) -> Element:
    told = (
        entity.type,
        entity.name,
        f"{entity.count} ×",
        f"salience {entity.salience:.2f}",
        view.entity_details(entity),
    )
    attributes = {
        "class": f"entity {entity.type}",
        "href": f"#{anchors[entity.id]}",
        "title": " · ".join(filter(None, told)),
        "data-type": entity.type,
    }
    return _element("a", text, attributes)


def _entities(release: EnrichedRelease, anchors: dict[str, str]) -> Element:
    if not release.entities:
        return _element("p", "No entities.", {"class": "summary"})
    columns = ("type", "name", "count", "salience", "symbols, value, uri")
    rows = (
        _element(
            "tr",
            _element("td", _element("span", entity.type, {"class": f"entity {entity.type}"})),
            _element("td", entity.name, dir="auto", lang=_lang(release.language)),
            _element("td", str(entity.count), {"class": "number"}),
            _element("td", f"{entity.salience:.2f}", {"class": "number"}),
            _element("td", view.entity_details(entity)),
            id=anchors[entity.id],
        )
        for entity in view.entities(release)
    )
    head = _element("tr", *(_element("th", column, scope="col") for column in columns))
    return _element(
        "div",
        _element("table", _element("caption", "Entities"), _element("thead", head), _element("tbody", *rows)),
        {"class": "scroll"},
    )


def _legend(release: EnrichedRelease) -> Element:
    types = dict.fromkeys(entity.type for entity in view.entities(release))
    items = [
        *(_element("span", label, {"class": f"key {label}"}) for label in view.labels(release)),
        *(_element("span", kind, {"class": f"entity {kind}"}) for kind in types),
    ]
    return _element("p", *(part for item in items for part in (item, " ")), {"class": "legend"})


def _stamp(release: EnrichedRelease) -> str:
    models = ", ".join(f"{stage} {version}" for stage, version in release.enrichment.models.items())
    return f"Newsmill {release.enrichment.newsmill or __version__} · {models}"


def _lang(tag: str) -> str:
    return "" if tag == "und" else tag  # HTML's word for a language that is not known


def _element(tag: str, *children: "str | Element | dict[str, str]", **attributes: str) -> Element:
    """Make an element; strings become text, dicts are attributes whose names are no Python names."""
    made = Element(tag, attributes)
    last: Element | None = None
    for child in children:
        if isinstance(child, dict):
            made.attrib.update(child)
        elif isinstance(child, Element):
            made.append(child)
            last = child
        elif last is None:
            made.text = (made.text or "") + child
        else:
            last.tail = (last.tail or "") + child
    return made
