"""What a person is shown of an enriched release, on a terminal or a page: facts, passages and entities, unadorned."""

import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from babel import Locale

from streams.records import Contact, Dateline, Decision, EnrichedRelease, Entity, Label, LanguageSpan, Mention, Segment

EXCERPT = 160
"""Characters of a fact: it is shown whole in the text."""


_ISOLATE, _END = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"


class Run(NamedTuple):
    """A stretch of text, and the entity that it names, if any."""

    text: str
    entity: Entity | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """A segment as it is shown: its lines, blank ones left out, each in runs."""

    segment: Segment
    language: str
    """BCP 47, from the language map where there is one."""
    lines: tuple[tuple[Run, ...], ...]


class _Mark(NamedTuple):
    start: int
    end: int
    entity: Entity


def language_name(tag: str) -> str:
    """A language's English name; the tag itself where the tables have none."""
    if tag == "und":
        return "undetermined"
    return str(Locale("en").languages.get(tag.replace("-", "_"), tag))


def summary(release: EnrichedRelease) -> list[str]:
    """Language, confidence, script and the share of the text that is body."""
    share = len(release.body) / len(release.text) if release.text else 0.0
    return [
        f"{language_name(release.language)} ({release.language})",
        f"{release.confidence:.1%} sure",
        *([f"script {release.script}"] if release.script else []),
        f"{share:.0%} kept: {len(release.body):,} of {len(release.text):,} characters",
    ]


def facts(release: EnrichedRelease) -> list[tuple[str, str]]:
    """The fields that say something, by name, each on one line."""
    found: list[tuple[str, str]] = [
        ("id", release.id),
        ("version", str(release.version) if release.version != 1 else ""),
        ("status", release.pub_status if release.pub_status != "usable" else ""),
        ("source", release.source),
        ("format", release.content_type),
        ("published", release.published_at.isoformat() if release.published_at else ""),
        ("embargo", release.embargoed_until.isoformat() if release.embargoed_until else ""),
        *(("also", f"{language_name(g.language)} ({g.language}) {g.confidence:.1%}") for g in release.alternatives),
        *(("language", _span(span, release.text)) for span in release.languages),
        ("subtitle", release.subtitle),
        ("dateline", _dateline(release.dateline)),
        ("byline", release.byline),
        *(("about", _joined(about.organisation, about.text, sep=": ")) for about in release.about),
        *(("contact", _contact(contact)) for contact in release.contacts),
        ("source line", release.source_line),
        ("distributor", release.distributor),
        ("syndicated", "yes" if release.syndicated else ""),
        ("sectors", ", ".join(release.sectors)),
        *(("disclaimer", text) for text in release.disclaimers),
        ("safe harbor", "yes" if release.safe_harbor else ""),
        *(("caption", _joined(caption.text, caption.credit)) for caption in release.captions),
        ("copyright", release.copyright),
        ("embargo notice", release.embargo_notice),
        ("translation", release.translation_notice),
        ("correction", release.correction_notice),
        ("text gaps", ", ".join(map(str, release.text_gaps))),
        ("declared", _joined(release.declared.format, ", ".join(release.declared.properties), sep=": ")),
        *(("decision", _decision(decision)) for decision in release.decisions),
    ]
    return [(name, excerpt(value)) for name, value in found if value]


def _decision(decision: Decision) -> str:
    """`language: fr (declared: en): the text is in it`."""
    other = "found" if decision.chosen == "declared" else "declared"
    chosen, passed = getattr(decision, decision.chosen), getattr(decision, other)
    beside = f" ({other}: {passed})" if passed else ""
    return f"{decision.field}: {chosen}{beside}: {decision.why}"


def excerpt(text: str, length: int = EXCERPT) -> str:
    """One line of at most so many characters."""
    line = " ".join(text[: 2 * length].split())
    return line if len(line) <= length else line[: length - 1] + "…"


def is_right_to_left(text: str) -> bool:
    """Say whether a line runs right to left: its first letter does, or most do behind a foreign name."""
    if text.isascii():
        return False
    directions = [found != "L" for found in map(unicodedata.bidirectional, text) if found in ("L", "R", "AL")]
    return bool(directions) and (directions[0] or 2 * sum(directions) > len(directions))


def entities(release: EnrichedRelease) -> list[Entity]:
    """The most salient first."""
    return sorted(release.entities, key=lambda entity: (-entity.salience, -entity.count))


def entity_details(entity: Entity) -> str:
    """What is known beyond the name."""
    listings = (f"{symbol.exchange}:{symbol.symbol}" for symbol in entity.symbols)
    return _joined(*dict.fromkeys((*listings, entity.value, entity.uri)))


def title(release: EnrichedRelease) -> tuple[Run, ...]:
    """The title in runs."""
    marks = [_Mark(m.start, m.end, entity) for entity, m in _mentions(release, "title")]
    return tuple(_runs(release.title, 0, len(release.title), _apart(marks)))


def passages(release: EnrichedRelease) -> Iterator[Passage]:
    """The text, segment by segment, with the body's entities where they stand in it."""
    marks = _apart(_in_text(release))
    starts = [mark.start for mark in marks]
    for segment in release.segments:
        lines = tuple(
            tuple(
                _runs(
                    release.text, start, end, marks[max(bisect_right(starts, start) - 1, 0) : bisect_right(starts, end)]
                )
            )
            for start, end in _lines(release.text, segment.start, segment.end)
        )
        if lines:
            yield Passage(segment, _language(release, segment), lines)


def labels(release: EnrichedRelease) -> list[Label]:
    """The labels that occur, in the order of the text."""
    return list(dict.fromkeys(segment.label for segment in release.segments))


def _mentions(release: EnrichedRelease, field: Literal["title", "body"]) -> Iterator[tuple[Entity, Mention]]:
    return ((entity, m) for entity in release.entities for m in entity.mentions if m.field == field)


def _in_text(release: EnrichedRelease) -> list[_Mark]:
    """Mentions by their place in `text`: the body is its `body` segments, each stripped, and so is found again."""
    pieces: list[tuple[int, int, int]] = []  # start and end in the body, start in the text
    at = 0
    for segment in release.segments:
        piece = release.text[segment.start : segment.end]
        stripped = piece.strip()
        if segment.label == "body" and stripped and (found := release.body.find(stripped, at)) >= 0:
            at = found + len(stripped)
            pieces.append((found, at, segment.start + len(piece) - len(piece.lstrip())))
    starts = [start for start, _, _ in pieces]
    marks = []
    for entity, mention in _mentions(release, "body"):
        for start, end, place in pieces[max(bisect_right(starts, mention.start) - 1, 0) :]:
            if start >= mention.end:
                break
            if mention.start < end:
                shift = place - start
                marks.append(_Mark(max(mention.start, start) + shift, min(mention.end, end) + shift, entity))
    return marks


def _apart(marks: Iterable[_Mark]) -> list[_Mark]:
    """In order; of two that overlap, the one that begins first, and of those the longer."""
    kept: list[_Mark] = []
    for mark in sorted(marks, key=lambda mark: (mark.start, -mark.end)):
        if mark.start < mark.end and (not kept or mark.start >= kept[-1].end):
            kept.append(mark)
    return kept


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        stop = text.find("\n", start, end)
        stop = end if stop < 0 else stop
        if text[start:stop].strip():
            yield start, stop
        start = stop + 1


def _runs(text: str, start: int, end: int, marks: Sequence[_Mark]) -> Iterator[Run]:
    for mark in marks:
        left, right = max(mark.start, start), min(mark.end, end)
        if left < right:
            if start < left:
                yield Run(text[start:left])
            yield Run(text[left:right], mark.entity)
            start = right
    if start < end:
        yield Run(text[start:end])


def _language(release: EnrichedRelease, segment: Segment) -> str:
    middle = (segment.start + segment.end) // 2
    return next((span.language for span in release.languages if span.start <= middle < span.end), release.language)


def _span(span: LanguageSpan, text: str) -> str:
    name = f"{language_name(span.language)} ({span.language})"
    return f"{name} {span.share:.0%}, {span.start:,} to {span.end:,}: {excerpt(text[span.start : span.end], 40)}"


def _dateline(dateline: Dateline | None) -> str:
    return _joined(dateline.city, dateline.date, dateline.wire) if dateline else ""


def _contact(contact: Contact) -> str:
    who = _joined(contact.name, contact.organisation, contact.phone, contact.email)
    return _joined(contact.role, who, sep=": ")


def _joined(*parts: str, sep: str = " · ") -> str:
    said = [part for part in parts if part]
    # A telephone number beside an Arabic name would be turned round with it.
    if len(said) > 1 and any(
        unicodedata.bidirectional(character) in ("R", "AL") for part in said for character in part
    ):
        said = [f"{_ISOLATE}{part}{_END}" for part in said]
    return sep.join(said)
