"""What can be seen of a release's lines: shape, place, neighbours, cues and markup, as features of the line model.

No feature holds a word of the text: the model knows shapes and the names of cues, so it speaks every language that has
a cue file, and its weights carry nobody's text.
"""

import itertools
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

from streams.records import Markup
from streams.stages.boilerplate_cues import GROUPS, KINDS, Cue, Cues, matching_key
from streams.text.dates import find_dates

LENGTH_STEPS = (5, 10, 16, 24, 34, 48, 64, 85, 120, 180, 300)
"""Characters, weighted: the buckets of a line's length."""

CJK_WEIGHT = 2.2
"""Latin letters that say as much as one ideogram or syllable (lengths of the same release in fifteen languages)."""

PROSE = 130
PROSE_WITH_STOP = 60
"""Weighted characters: a line as long, or shorter if it ends as a sentence does, reads as prose."""

LONG = 220
"""Weighted characters: a full paragraph."""

SAMPLE = 200
"""Characters of a line that its shape is read from."""

NEAR_STEPS = (1, 2, 3, 4, 6, 9, 15, 30)
"""Lines: the buckets of distances."""

MAX_DATE_LINE = 110
"""Characters. Dates are looked for in shorter lines only: there they are a date line, elsewhere just a date."""

HEAD = 40
"""Lines at the top among which a headline and the page's title repeat each other."""

REACH = 12
"""Lines: how far above a heading is still remembered."""

HEADINGS = frozenset(
    f"{group}.heading"
    for group in (
        "about",
        "contact",
        "safe_harbor",
        "disclaimer",
        "related",
        "sectors",
        "source",
        "footnote",
        "embargo",
        "endmark",
        "note",
    )
) | {"safe_harbor.sentence", "copyright.start", "source.start", "sectors.start", "distributor.anywhere"}
"""Cues that open a part of the release: they speak for the lines below, and the lines above end there."""

PAGE = frozenset(f"{group}.{kind}" for group in ("navigation", "related") for kind in KINDS)
"""Cues of a page's furniture."""

FURNITURE = frozenset({"navigation.heading", "related.heading", "navigation.start", "copyright.start"})
"""Cues of what stands around and below an article on a web page."""

_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_EMAIL = re.compile(r"[\w.+-]@[\w-]+\.|\(at\)|\[at\]")
_PHONE = re.compile(r"(?:\+|\(0|\b0|\b1[-.(])[\d\s()./-]{6,}\d|\d{3}[-. ]\d{3,4}[-. ]\d{4}")
_TIME = re.compile(r"\d{1,2}[:.hH時时]\d\d")
_PUNCTUATION_END = frozenset(".!?…。！？؟।")
_STOPS = (". ", "? ", "! ", "。", ".” ", '." ')
_BARS = ("|", " / ", ">", "›", "»", "·", "•")
_BULLETS = frozenset("•●*-–—·›»>■◆▶►※✓")
_QUOTES = frozenset('"“”„«»「」『』‘')
_NAMES = tuple(f"{group}.{kind}" for group in GROUPS for kind in KINDS)
_ABOVE = {name: f"above={name}" for name in _NAMES}
_BELOW = {name: f"below={name}" for name in _NAMES}
_CLOSERS = '"”’»)]」』）】'
_CASED = re.compile("[A-Za-zÀ-ɏͰ-ϿЀ-ԯԱ-Ֆ]")


@dataclass(frozen=True, slots=True)
class Line:
    """One line that is not blank: where it stands and what is in it."""

    start: int
    end: int
    """End of its segment: its line break and the blank lines after it belong to it."""
    at: int
    """Where `text` begins: after the indent."""
    text: str
    """Stripped."""
    number: int
    """Index of the line in `text.split("\\n")`."""
    cues: tuple[Cue, ...]
    length: float
    """Weighted characters."""
    prose: bool


def read_lines(text: str, cues: Cues) -> list[Line]:
    """Cut a text, which must be valid Unicode, into its lines that are not blank; their spans cover the text."""
    rows: list[tuple[int, int, str, str, str]] = []
    at = 0
    # One pass over the whole text is cheaper than one over each line; it removes no line breaks.
    keys = matching_key(text).split("\n")
    for number, (raw, key) in enumerate(zip(text.split("\n"), keys, strict=True)):
        if stripped := raw.strip():
            rows.append((at, number, raw, stripped, key.strip()))
        at += len(raw) + 1
    # Only scripts beyond Latin take two bytes and more a character.
    wide = not text.isascii() and len(text.encode()) > 1.4 * len(text)
    ends = [*(row[0] for row in rows[1:]), len(text)][: len(rows)]
    lines: list[Line] = []
    for (start, number, raw, stripped, key), end in zip(rows, ends, strict=True):
        length = weighted_length(stripped) if wide else len(stripped)
        prose = length >= PROSE or (length >= PROSE_WITH_STOP and ends_sentence(stripped))
        indent = 0 if raw[0] == stripped[0] else raw.index(stripped)
        first = start if lines else 0
        lines.append(Line(first, end, start + indent, stripped, number, cues.of_line(key), length, prose))
    return lines


def weighted_length(text: str) -> float:
    """Length in Latin letters' worth."""
    return len(text) + (CJK_WEIGHT - 1) * len(_CJK.findall(text[:400]))


def ends_sentence(text: str) -> bool:
    """Say whether a line ends as a sentence does."""
    return text.rstrip(_CLOSERS)[-1:] in _PUNCTUATION_END


def line_features(
    lines: Sequence[Line], title: str = "", markup: Mapping[int, Markup] | None = None
) -> list[list[str]]:
    """Describe every line by the features that the model has weights for."""
    count = len(lines)
    repeats = Counter(line.text for line in lines)
    seen: set[str] = set()
    prose = [number for number, line in enumerate(lines) if line.prose]
    first, last = (prose[0], prose[-1]) if prose else (count, -1)
    caseless = _is_caseless(lines)
    names = [tuple(dict.fromkeys([cue.name for cue in line.cues])) for line in lines]
    if markup:
        names = [(*own, *_markup_names(markup.get(line.number))) for own, line in zip(names, lines, strict=True)]
    shapes = [_shape(line.text) for line in lines]
    kinds = [_kind(line) for line in lines]
    beside = ["none", "none", *kinds, "none", "none"]
    dated = [shape[-1].startswith("date=") for shape in shapes]
    stops = sum(shapes[number][0] == "end=stop" for number in prose)
    habit = f"stops={3 * stops // len(prose)}" if prose else "stops=none"
    runs = _short_runs(lines, names)
    below = _next_heading(names)
    passed = _furniture_passed(names, first)
    blanks = _blank_lines_matter(lines)
    near = list(accumulate((line.prose for line in lines), initial=0))
    heads = "\n\n".join(["", *(_fold(line.text) for line in lines[:HEAD]), ""])
    folded_title = _fold(title)
    features: list[list[str]] = []
    headings: list[tuple[int, str]] = []
    for number, line in enumerate(lines):
        shape, kind, cues = shapes[number], kinds[number], names[number]
        step = bisect_right(LENGTH_STEPS, line.length)
        end = shape[0]
        place = "before" if number < first else "after" if number > last else "inside"
        own = [
            *shape,
            *_looks(step, end, place, kind, habit, caseless),
            *_place(place, _near(number), _near(count - 1 - number)),
            *_context(place, kind, end, passed[number], near[min(count, number + 5)] - near[max(0, number - 4)]),
            *_neighbours(*beside[number : number + 5]),
        ]
        if place == "before":
            own.append(f"to_first={_near(first - number)}")
        elif place == "after":
            own.append(f"to_last={_near(number - last)}")
        if run := runs[number]:
            own += _run(_near(run.length), run.page, run.after_colon, place, bool(cues))
        if 0 < number < count - 1 and (dated[number - 1] or dated[number + 1]):
            own.append(f"date_beside={dated[number - 1]:d}{dated[number + 1]:d},{place}")
        if blanks:
            own.append(f"blank={number == 0 or line.number - lines[number - 1].number > 1}")
        # Repetition.
        if repeats[line.text] > 1:
            own.append(f"again={'later' if line.text in seen else 'first'},{step > 5}")
            seen.add(line.text)
        if 3 <= step <= 10 and (number < HEAD or title):
            own += _headline_features(line, folded_title, heads if number < HEAD else "")
        # Cues here, above and below.
        for name in cues:
            own += _cue(name, place, kind)
        if not cues:
            own += ("nocue", f"nocue,{place},{kind}")
        if number:
            own += [_ABOVE[name] for name in names[number - 1]]
        if number + 1 < count:
            own += [_BELOW[name] for name in names[number + 1]]
        if coming := below[number]:
            own.append(f"over={coming[1]},{'near' if coming[0] < 4 else 'far'}")
        if headings:
            headings = [heading for heading in headings if number - heading[0] <= REACH]
            own += dict.fromkeys([f"under={name},{'near' if number - at < 4 else 'far'}" for at, name in headings])
        headings += [(number, name) for name in cues if name in HEADINGS]
        features.append(own)
    return features


# Features that hang on few things are made once: they are asked for by every line of every release.
@cache
def _looks(step: int, end: str, place: str, kind: str, habit: str, caseless: bool) -> tuple[str, ...]:
    looks = ("bias", f"len={step}", f"len={step},{end}", f"place={place},len={step}", f"{habit},{kind},{end}")
    return (*looks, f"len={step},caseless") if caseless else looks


@cache
def _place(place: str, top: int, foot: int) -> tuple[str, ...]:
    return (f"place={place}", f"top={top}", f"foot={foot}")


@cache
def _context(place: str, kind: str, end: str, passed: int, prose: int) -> tuple[str, ...]:
    return (f"{place},{kind},{end}", f"prose_near={prose}", f"passed={passed}", f"passed={passed},{kind},{end}")


@cache
def _neighbours(two_above: str, above: str, kind: str, below: str, two_below: str) -> tuple[str, ...]:
    around = (f"-2:{two_above}", f"-1:{above}", f"1:{below}", f"2:{two_below}", f"{above}<{kind}<{below}")
    alternates = two_above == kind == two_below and above == below != kind
    return (*around, f"alternates,{kind}") if alternates else around


@cache
def _run(size: int, page: int, after_colon: bool, place: str, has_cue: bool) -> tuple[str, ...]:
    run = (
        f"run={size}",
        f"run={size},{place}",
        f"run_page={page},{place}",
        f"run_page={page},{'cue' if has_cue else 'nocue'}",
    )
    return (*run, f"run_after_colon,{place}") if after_colon else run


@cache
def _cue(name: str, place: str, kind: str) -> tuple[str, ...]:
    return (f"cue={name}", f"cue={name},{place}", f"cue={name},{kind}")


def _shape(text: str) -> list[str]:
    """How the characters of a line look, whatever they say. First how it ends; last, where it has one, its date."""
    tail, head = text[-1], text[0]
    if ends_sentence(text):
        end = "end=stop"
    elif tail in ":：":
        end = "end=colon"
    elif tail in ",，、;；-–—":
        end = "end=comma"
    elif tail.isdigit():
        end = "end=digit"
    else:
        end = "end=letter" if tail.isalpha() else "end=sign"
    if head.isalpha():
        start = "upper" if head.isupper() else "lower" if head.islower() else "caseless"
    elif head.isdigit():
        start = "digit"
    else:
        start = "bullet" if head in _BULLETS else "quote" if head in _QUOTES else "sign"
    sample = text[:SAMPLE]
    stops = sum(map(sample.count, _STOPS)) + (end == "end=stop" and tail not in "。！？")
    shape = [end, f"start={start}", f"stops={min(stops, 3)}"]
    digits = sum(map(sample.count, "0123456789"))
    date = ""
    if len(text) <= SAMPLE:
        if start in {"upper", "lower"}:
            words = text.split()
            capitals = sum(word[0].isupper() for word in words)
            shape.append(f"capitals={4 * capitals // len(words)},{min(len(words), 8)}")
            if text.isupper():
                shape.append("shouting")
        if digits:
            shape.append(f"digits={5 * digits // len(text)}")
            if ":" in text and _TIME.search(text):
                shape.append("time")
            if digits > 2 and len(text) <= MAX_DATE_LINE and (dates := find_dates(text)):
                rest = len(text) - sum(found.end - found.start for found in dates)
                date = f"date={'only' if rest < 3 else 'mostly' if rest < 24 else 'some'}"
        elif start in {"sign", "bullet"} and not any(map(str.isalpha, text)):
            shape.append("no_letters")
        if bars := sum(map(text.count, _BARS)):
            shape.append(f"bars={min(bars, 4)}")
        if text.count(",") + text.count("、") + text.count("，") >= 3:
            shape.append("list")
    if (colons := sample.count(":") + sample.count("：")) > 1:
        shape.append(f"colons={min(colons, 4)}")
    if "@" in sample or "(at)" in sample:
        shape.append("email" if _EMAIL.search(sample) else "at")
    if "http" in sample or "www." in sample or ".com" in sample or ".org" in sample or ".net" in sample:
        shape.append("url")
    if digits > 6 and _PHONE.search(sample):
        shape.append("phone")
    if text.endswith(("...", "…", "..")):
        shape.append("cut_off")
    if '"' in sample or "“" in sample or "«" in sample or "「" in sample or "„" in sample or "”" in sample:
        shape.append("quotes")
    if date:
        shape.append(date)
    return shape


def _kind(line: Line) -> str:
    """A line's coarse kind, for its neighbours."""
    if line.length >= LONG:
        return "long"
    if line.prose:
        return "prose"
    return "middle" if line.length >= 34 else "short" if line.length >= 10 else "tiny"


def _near(distance: int) -> int:
    """Distances grow coarser: 0, 1, 2, 3, 4, 6, 9, 15, 30 and more."""
    return bisect_right(NEAR_STEPS, distance)


def _furniture_passed(names: Sequence[Sequence[str]], first: int) -> list[int]:
    """For every line, how many lines of a page's furniture stand between the first prose and it: 0, 1, 2, 4, 8, more."""  # noqa: E501
    passed = []
    count = 0
    for number, own in enumerate(names):
        passed.append(bisect_right((1, 2, 4, 8), count))
        if number > first:
            count += any(name in FURNITURE for name in own)
    return passed


@dataclass(frozen=True, slots=True)
class _Run:
    """Lines without prose that stand together: a page's furniture, a list, a table or a release's tail."""

    length: int
    page: int
    """How many thirds of them carry a cue of navigation."""
    after_colon: bool
    """A sentence announced them."""


def _short_runs(lines: Sequence[Line], names: Sequence[Sequence[str]]) -> list[_Run | None]:
    runs: list[_Run | None] = [None] * len(lines)
    furniture = [any(name in PAGE for name in own) for own in names]
    start = 0
    for number in range(len(lines) + 1):
        if number < len(lines) and not lines[number].prose:
            continue
        if number > start:
            size = number - start
            colon = (start > 0 and lines[start - 1].text[-1] in ":：") or lines[start].text[-1] in ":："
            runs[start:number] = [_Run(size, 3 * sum(furniture[start:number]) // size, colon)] * size
        start = number + 1
    return runs


def _next_heading(names: Sequence[Sequence[str]]) -> list[tuple[int, str] | None]:
    """For every line, the nearest heading below it within reach, and how far."""
    found: list[tuple[int, str] | None] = [None] * len(names)
    at, current = len(names) + REACH, ""
    for number in range(len(names) - 1, -1, -1):
        found[number] = (at - number, current) if current and at - number <= REACH else None
        for name in names[number]:
            if name in HEADINGS:
                at, current = number, name
                break
    return found


def _blank_lines_matter(lines: Sequence[Line]) -> bool:
    """Say whether blank lines part paragraphs here: where every line has one, or none, they say nothing."""
    gaps = sum(right.number - left.number > 1 for left, right in itertools.pairwise(lines))
    return 0 < gaps < len(lines) - 1


def _is_caseless(lines: Sequence[Line]) -> bool:
    sample = "".join([line.text[:40] for line in lines[:12]])
    return 2 * len(_CASED.findall(sample)) < len(sample)


def _headline_features(line: Line, title: str, heads: str) -> list[str]:
    """Say whether a line is the title, or stands in another line at the top with a site's name before or after it."""
    folded = _fold(line.text)
    features = []
    if title:
        if folded == title:
            features.append("title=same")
        elif len(folded) > 12 and (folded in title or title in folded):
            features.append("title=part")
    if heads and len(folded) > 15 and heads.count(folded[:60]) > heads.count(f"\n{folded}\n"):
        features.append("inside_another")
    return features


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())


_CLASS_WORDS = re.compile(
    r"(?P<navigation>nav|menu|breadcrumb|share|social|footer|header|sidebar|cookie|consent|newsletter|subscribe|login|toolbar|pagination)"
    r"|(?P<related>related|recommend|readmore|read-more|more-news|popular|trending|teaser)"
    r"|(?P<caption>caption|credit|photo-|figcaption)|(?P<byline>byline|author)|(?P<dateline>dateline|pubdate|timestamp|published)"
    r"|(?P<about>boilerplate|about-)|(?P<contact>contact|press-contact|media-contact)|(?P<sectors>tags|keywords|topics|categor)"
    r"|(?P<copyright>copyright|legal)|(?P<disclaimer>disclaimer)"
)
_TAGS = {
    "nav": "navigation", "footer": "navigation", "button": "navigation", "label": "navigation", "aside": "related",
    "figcaption": "caption", "address": "contact", "time": "dateline",
}  # fmt: skip

LINK_LINE = 0.8
"""Share of a line's letters inside links from which on the line is a link."""


def _markup_names(mark: Markup | None) -> set[str]:
    """What the markup says, in the words of the cues: the model was trained on text alone."""
    if mark is None:
        return set()
    names = {f"{match.lastgroup}.heading" for match in _CLASS_WORDS.finditer(mark.words)}
    if mark.tag in _TAGS:
        names.add(f"{_TAGS[mark.tag]}.heading")
    if mark.link_density >= LINK_LINE:
        names.add("navigation.start")
    return names
