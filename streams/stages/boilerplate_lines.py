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

from streams.records import Markup
from streams.stages.boilerplate_cues import Cue, Cues
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

FURNITURE = frozenset({"navigation.heading", "related.heading", "navigation.start", "copyright.start"})
"""Cues of what stands around and below an article on a web page."""

_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_URL = re.compile(
    r"https?://|www\.|[a-z0-9-]\.(?:com|org|net|de|fr|jp|kr|cn|tw|vn|th|id|my|ru|es|br|io|gov|edu)\b", re.IGNORECASE
)
_EMAIL = re.compile(r"[\w.+-]@[\w-]+\.|\(at\)|\[at\]")
_PHONE = re.compile(r"(?:\+|\(0|\b0|\b1[-.(])[\d\s()./-]{6,}\d|\d{3}[-. ]\d{3,4}[-. ]\d{4}")
_TIME = re.compile(r"\d{1,2}[:.hH時时]\d\d")
_ENDERS = re.compile(r"[.!?…][\"”’»)\]]*(?=\s|$)|[。！？]")
_PUNCTUATION_END = frozenset(".!?…。！？؟।")
_CLOSERS = '"”’»)]」』）】'
_SEPARATORS = re.compile(r" [|/>›»·•] | ?[|›»•] ?")
_CASED = re.compile("[A-Za-zÀ-ɏͰ-ϿЀ-ԯԱ-Ֆ]")
_WORD = re.compile(r"[^\W\d_]+")


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
    """Cut a text into its lines that are not blank; together their spans cover the text."""
    lines: list[Line] = []
    starts: list[tuple[int, int, str]] = []
    at = 0
    for number, raw in enumerate(text.split("\n")):
        if stripped := raw.strip():
            starts.append((at, number, stripped))
        at += len(raw) + 1
    for position, (start, number, stripped) in enumerate(starts):
        end = starts[position + 1][0] if position + 1 < len(starts) else len(text)
        length = weighted_length(stripped)
        ends = ends_sentence(stripped)
        lines.append(
            Line(
                start=start if position else 0,
                end=end,
                at=text.index(stripped, start),
                text=stripped,
                number=number,
                cues=cues.of_line(stripped),
                length=length,
                prose=length >= PROSE or (ends and length >= PROSE_WITH_STOP),
            )
        )
    return lines


def weighted_length(text: str) -> float:
    """Length in Latin letters' worth."""
    if text.isascii():
        return len(text)
    return len(text) + (CJK_WEIGHT - 1) * len(_CJK.findall(text[:400]))


def ends_sentence(text: str) -> bool:
    """Say whether a line ends as a sentence does."""
    return text.rstrip(_CLOSERS)[-1:] in _PUNCTUATION_END


def line_features(
    lines: Sequence[Line], title: str = "", markup: Mapping[int, Markup] | None = None
) -> list[list[str]]:
    """Describe every line by the features that the model has weights for."""
    count = len(lines)
    seen = Counter(line.text for line in lines)
    first_seen: dict[str, int] = {}
    prose = [number for number, line in enumerate(lines) if line.prose]
    first, last = (prose[0], prose[-1]) if prose else (count, -1)
    caseless = _is_caseless(lines)
    steps = [bisect_right(LENGTH_STEPS, line.length) for line in lines]
    names = [sorted({cue.name for cue in line.cues}) for line in lines]
    if markup:
        names = [
            sorted({*own, *_markup_names(markup.get(line.number))}) for own, line in zip(names, lines, strict=True)
        ]
    runs = _short_runs(lines, names)
    stops = sum(line.prose and ends_sentence(line.text) for line in lines)
    habit = f"stops={int(3 * stops / len(prose))}" if prose else "stops=none"
    below = _next_heading(names)
    blanks = _blank_lines_matter(lines)
    heads = "\n\n".join(["", *(_fold(line.text) for line in lines[:HEAD]), ""])
    folded_title = _fold(title)
    shapes = [_shape(line.text) for line in lines]
    kinds = [_kind(line) for line in lines]
    dated = [any(word.startswith("date=") for word in shape) for shape in shapes]
    passed = _furniture_passed(names, first)
    features: list[list[str]] = []
    headings: list[tuple[int, str]] = []
    for number, line in enumerate(lines):
        own = ["bias", f"len={steps[number]}"]
        shape = shapes[number]
        own += shape
        own.append(f"len={steps[number]},{shape[0]}")
        if caseless:
            own.append(f"len={steps[number]},caseless")
        # Place in the release.
        place = "before" if number < first else "after" if number > last else "inside"
        own.append(f"place={place}")
        own.append(f"place={place},len={steps[number]}")
        own.append(f"top={_near(number)}")
        own.append(f"foot={_near(count - 1 - number)}")
        own.append(f"tenth={10 * number // count}")
        if place == "before":
            own.append(f"to_first={_near(first - number)}")
        elif place == "after":
            own.append(f"to_last={_near(number - last)}")
        own.append(f"prose_near={sum(lines[i].prose for i in range(max(0, number - 4), min(count, number + 5)))}")
        kind = kinds[number]
        own.append(f"{place},{kind},{shape[0]}")
        own.append(f"{habit},{kind},{shape[0]}")
        run = runs[number]
        if run:
            own.append(f"run={_near(run.length)}")
            own.append(f"run={_near(run.length)},{place}")
            own.append(f"run_page={run.page},{place}")
            own.append(f"run_page={run.page},{'cue' if names[number] else 'nocue'}")
            if run.after_colon:
                own.append(f"run_after_colon,{place}")
        # Neighbours.
        for step in (-2, -1, 1, 2):
            other = number + step
            own.append(f"{step}:{kinds[other] if 0 <= other < count else 'none'}")
        if 0 < number < count - 1:
            own.append(f"{kinds[number - 1]}<{kind}<{kinds[number + 1]}")
            if dated[number - 1] or dated[number + 1]:
                own.append(f"date_beside={dated[number - 1]:d}{dated[number + 1]:d},{place}")
        if 1 < number < count - 2 and kinds[number - 2] == kind == kinds[number + 2] != kinds[number + 1] == kinds[number - 1]:
            own.append(f"alternates,{kind}")
        own.append(f"passed={passed[number]}")
        own.append(f"passed={passed[number]},{kind},{shape[0]}")
        if blanks:
            own.append(f"blank={number == 0 or line.number - lines[number - 1].number > 1}")
        # Repetition.
        if seen[line.text] > 1:
            own.append(f"again={'later' if line.text in first_seen else 'first'},{steps[number] > 5}")
        first_seen.setdefault(line.text, number)
        if number < HEAD or title:
            own += _headline_features(line, steps[number], folded_title, heads if number < HEAD else "")
        # Cues here, above and below.
        own += [f"cue={name}" for name in names[number]]
        own += [f"cue={name},{place}" for name in names[number]]
        own += [f"cue={name},{kind}" for name in names[number]]
        if not names[number]:
            own += ["nocue", f"nocue,{place},{kind}"]
        if number:
            own += [f"above={name}" for name in names[number - 1]]
        if number + 1 < count:
            own += [f"below={name}" for name in names[number + 1]]
        if below[number]:
            distance, name = below[number]
            own.append(f"over={name},{'near' if distance < 4 else 'far'}")
        headings = [(at, name) for at, name in headings if number - at <= REACH]
        own += {f"under={name},{'near' if number - at < 4 else 'far'}" for at, name in headings}
        headings += [(number, name) for name in names[number] if name in HEADINGS]
        features.append(own)
    return features


def _shape(text: str) -> list[str]:
    """How the characters of a line look, whatever they say. The first feature says how it ends."""
    tail = text[-1]
    if ends_sentence(text):
        end = "stop"
    elif tail in ":：":
        end = "colon"
    elif tail in ",，、;；-–—":
        end = "comma"
    elif tail.isdigit():
        end = "digit"
    else:
        end = "letter" if tail.isalpha() else "sign"
    head = text[0]
    if head.isupper():
        start = "upper"
    elif head.islower():
        start = "lower"
    elif head.isdigit():
        start = "digit"
    else:
        start = (
            "caseless"
            if head.isalpha()
            else "bullet"
            if head in "•●*-–—·›»>■◆▶►※✓"
            else "quote"
            if head in "\"“„«「『'‘"
            else "sign"
        )
    shape = [f"end={end}", f"start={start}"]
    sample = text[:300]
    stops = len(_ENDERS.findall(sample))
    shape.append(f"stops={min(stops, 3)}")
    if len(text) <= 200:
        words = _WORD.findall(sample)
        if words and start in {"upper", "lower"}:
            capitals = sum(word[0].isupper() for word in words)
            share = capitals / len(words)
            shape.append(f"capitals={int(4 * share)},{min(len(words), 8)}")
            if sample.isupper():
                shape.append("shouting")
        digits = sum(map(str.isdigit, sample))
        if digits:
            shape.append(f"digits={int(5 * digits / len(sample))}")
        elif not words:
            shape.append("no_letters")
        if _SEPARATORS.search(sample):
            shape.append(f"bars={min(len(_SEPARATORS.findall(sample)), 4)}")
        if digits and _TIME.search(sample):
            shape.append("time")
        if digits and len(text) <= MAX_DATE_LINE:
            dates = find_dates(text)
            if dates:
                rest = len(text) - sum(date.end - date.start for date in dates)
                shape.append(f"date={'only' if rest < 3 else 'mostly' if rest < 24 else 'some'}")
        if sample.count(",") + sample.count("、") + sample.count("，") >= 3:
            shape.append("list")
    if "@" in sample or "(at)" in sample:
        shape.append("email" if _EMAIL.search(sample) else "at")
    if "." in sample and _URL.search(sample):
        shape.append("url")
    if _PHONE.search(sample):
        shape.append("phone")
    if "..." in text[-8:] or "…" in text[-4:]:
        shape.append("cut_off")
    if any(quote in sample for quote in '"“”„«»「」『』'):
        shape.append("quotes")
    return shape


def _kind(line: Line) -> str:
    """A line's coarse kind, for its neighbours."""
    if line.length >= LONG:
        return "long"
    if line.prose:
        return "prose"
    return "middle" if line.length >= 34 else "short" if line.length >= 10 else "tiny"


def _near(distance: int) -> int:
    """Distances grow coarser: 0 to 4, 6, 9, 15, more."""
    return bisect_right((1, 2, 3, 4, 6, 9, 15, 30), distance)


def _furniture_passed(names: Sequence[Sequence[str]], first: int) -> list[int]:
    """For every line, how many lines of a page's furniture stand between the first prose and it: 0, 1, 2, 4, 8, more."""
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
    start = 0
    for number in range(len(lines) + 1):
        if number < len(lines) and not lines[number].prose:
            continue
        if number > start:
            page = sum(
                any(name.startswith(("navigation", "related")) for name in names[at]) for at in range(start, number)
            )
            colon = (start > 0 and lines[start - 1].text[-1] in ":：") or lines[start].text[-1] in ":："
            runs[start:number] = [_Run(number - start, 3 * page // (number - start), colon)] * (number - start)
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
    sample = "".join(line.text for line in lines[:60])[:1000]
    return 2 * len(_CASED.findall(sample)) < len(sample)


def _headline_features(line: Line, step: int, title: str, heads: str) -> list[str]:
    """Say whether a line is the title, or repeats another line at the top with a site's name before or after it."""
    if not 3 <= step <= 10:
        return []
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
_TAGS = {"nav": "navigation", "footer": "navigation", "aside": "related", "figcaption": "caption", "address": "contact", "time": "dateline", "button": "navigation", "label": "navigation"}  # fmt: skip

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
