"""What can be seen of a release's lines: shape, place, neighbours, cues and markup, as features of the line model.

No feature holds a word of the text: the model knows shapes and the names of cues, so it speaks every language that has
a cue file, and its weights carry nobody's text.
"""

import itertools
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.records import Markup
from streams.stages.boilerplate_cues import KINDS, Cue, Cues, matching_key
from streams.stages.boilerplate_model import Group
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
"""Characters of a line that its shape is read from; at most 255, so that a byte can count them."""

NEAR_STEPS = (1, 2, 3, 4, 6, 9, 15, 30)
"""Lines: the buckets of distances."""

MAX_DATE_LINE = 110
"""Characters. Dates are looked for in shorter lines only: there they are a date line, elsewhere just a date."""

LIKE = 9
"""Characters at the end of a line that another one shares: dates, agencies and site names of a list of other news."""

HEAD = 40
"""Lines at the top among which a headline and the page's title repeat each other."""

ECHO_SAMPLE = 8000
"""Characters of full prose that other lines' words are looked for in."""

ECHO_PIECES = 8
"""Words, or stretches of a script without blanks, of a line that are looked for."""

MAIN_STEP, MAIN_MOST = 40, 320
"""Weighted characters of prose that make up for a line that is none, and that a paragraph counts for at most."""

BARE_LINE = -0.2
"""What a line that is neither prose nor furniture costs in it, where furniture costs 1."""

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

TAIL = frozenset({"about.heading", "contact.heading", "safe_harbor.heading"})
"""Cues of what follows a release's body: where they have come, little of it is to come. Sources and copyrights are not
among them: a picture has them, too, in the middle of an article.
"""

PAGE_STEPS = (1, 3, 8, 20)
"""Lines of a page's furniture from which on a release is more and more of a web page."""

_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+")
_EMAIL = re.compile(r"[\w.+-]@[\w-]+\.|\(at\)|\[at\]")
_PHONE = re.compile(r"(?:\+|\(0|\b0|\b1[-.(])[\d\s()./-]{6,}\d|\d{3}[-. ]\d{3,4}[-. ]\d{4}")
_TIME = re.compile(r"\d{1,2}[:.hH時时]\d\d")
_PUNCTUATION_END = frozenset(".!?…。！？؟।")
_LONG_STOPS = (".” ", '." ')
_URLS = ("http", "www.", ".com", ".org", ".net")
_CASED_STARTS = frozenset({"upper", "lower"})
_SIGN_STARTS = frozenset({"sign", "bullet"})
_BULLETS = frozenset("•●*-–—·›»>■◆▶►※✓")
_QUOTES = frozenset('"“”„«»「」『』‘')
_WORD_EDGES = "\"'“”„«»‘’(),.:;!?#[]،"
_CLOSERS = '"”’»)]」』）】'
_UNSPACED = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_CASED = re.compile("[A-Za-zÀ-ɏͰ-ϿЀ-ԯԱ-Ֆ]+")


class Line(NamedTuple):
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
    stops: bool
    """It ends as a sentence does."""
    prose: bool


def read_lines(text: str, cues: Cues) -> list[Line]:
    """Cut a text, which must be valid Unicode, into its lines that are not blank; their spans cover the text."""
    # One pass over the whole text is cheaper than one over each line; it removes no line breaks.
    keys = matching_key(text).split("\n")
    # Only scripts beyond Latin take two bytes and more a character.
    wide = not text.isascii() and len(text.encode()) > 1.4 * len(text) and _CJK.search(text) is not None
    rows: list[tuple[int, str, str, int]] = []
    starts: list[int] = []
    at = 0
    for number, (raw, key) in enumerate(zip(text.split("\n"), keys, strict=True)):
        if stripped := raw.strip():
            starts.append(at)
            rows.append((at if raw[0] == stripped[0] else at + raw.index(stripped), stripped, key.strip(), number))
        at += len(raw) + 1
    found = cues.of_lines([key for _, _, key, _ in rows])
    lines: list[Line] = []
    for start, end, (at, stripped, _, number), own in zip(
        [0, *starts[1:]][: len(rows)], [*starts[1:], len(text)][: len(rows)], rows, found, strict=True
    ):
        length = weighted_length(stripped) if wide else len(stripped)
        # Thai sentences end without a sign.
        stops = ends_sentence(stripped) or (length >= LONG and "\u0e01" <= stripped[-1] <= "\u0e5b")
        prose = length >= PROSE or (stops and length >= PROSE_WITH_STOP)
        lines.append(Line(start, end, at, stripped, number, own, length, stops, prose))
    return lines


def weighted_length(text: str) -> float:
    """Length in Latin letters' worth."""
    return len(text) + (CJK_WEIGHT - 1) * sum(map(len, _CJK.findall(text[:400])))


def ends_sentence(text: str) -> bool:
    """Say whether a line ends as a sentence does."""
    return text.rstrip(_CLOSERS)[-1:] in _PUNCTUATION_END


def line_features(
    lines: Sequence[Line], title: str = "", markup: Mapping[int, Markup] | None = None
) -> list[list[Group]]:
    """Describe every line by groups of the features that the model has weights for."""
    count = len(lines)
    repeats = _repeated([line.text for line in lines])
    seen: set[str] = set()
    prose = [number for number, line in enumerate(lines) if line.prose]
    first, last = (prose[0], prose[-1]) if prose else (count, -1)
    caseless = _is_caseless(lines)
    names = [tuple(dict.fromkeys([cue.name for cue in line.cues])) if line.cues else () for line in lines]
    if markup:
        names = [(*own, *_markup_names(markup.get(line.number))) for own, line in zip(names, lines, strict=True)]
    shapes = _shapes(lines)
    kinds = [_kind(line) for line in lines]
    beside = ["none", "none", *kinds, "none", "none"]
    dated = [shape.date != "" for shape in shapes]
    habit = 3 * sum(lines[number].stops for number in prose) // len(prose) if prose else -1
    below = _next_heading(names)
    furniture = [bool(own) and not PAGE.isdisjoint(own) for own in names]
    runs = _short_runs(lines, furniture)
    top, bottom = _main_prose(lines, furniture)
    passed, tail = _passed(names, top, FURNITURE), _passed(names, top, TAIL)
    page = bisect_right(PAGE_STEPS, sum(furniture))
    blanks = _blank_lines_matter(lines)
    tails = [line.text[-LIKE:] if 2 * LIKE < len(line.text) < SAMPLE else "" for line in lines]
    shared = Counter(tails)
    near = list(accumulate([line.prose for line in lines], initial=0))
    folds = _folds([line.text for line in (lines if title else lines[:HEAD])])
    heads = "\n\n".join(["", *folds[:HEAD], ""])
    folded_title = " ".join(title.casefold().split())
    echoes = _echoes(lines)
    features: list[list[Group]] = []
    headings: list[tuple[int, str]] = []
    for number, line in enumerate(lines):
        shape, kind, cues = shapes[number], kinds[number], names[number]
        step = bisect_right(LENGTH_STEPS, line.length)
        end = shape.end
        if number < first:
            place, far = "before", first - number
        elif number > last:
            place, far = "after", number - last
        else:
            place, far = "inside", 0
        prose_near = near[min(count, number + 5)] - near[max(0, number - 4)]
        own: list[Group] = [
            (_shape_features, *shape),
            (_looks, step, end, place, kind, habit, caseless),
            (_place, place, _near(number), _near(count - 1 - number), _near(far)),
            (_context, place, kind, end, passed[number], prose_near),
            (_below_tail, tail[number], kind, end),
            (_main, "above" if number < top else "below" if number > bottom else "in", kind, end, bool(cues), page),
            (_neighbours, *beside[number : number + 5]),
            (_cues, cues, place, kind),
        ]
        if echo := echoes[number]:
            own.append((_echo, *echo, place, kind, bool(cues)))
        if run := runs[number]:
            own.append((_run, *run, place, bool(cues)))
        if 0 < number < count - 1 and (dated[number - 1] or dated[number + 1]):
            own.append((_dates_beside, dated[number - 1], dated[number + 1], place))
        if tails[number] and shared[tails[number]] > 1:
            own.append((_like_others, place, kind))
        if blanks:
            own.append((_blank_above, number == 0 or line.number - lines[number - 1].number > 1))
        if repeats and line.text in repeats:
            own.append((_again, line.text in seen, step > 5))
            seen.add(line.text)
        if 3 <= step <= 10 and number < len(folds):
            own += _headline_groups(folds[number], folded_title, heads if number < HEAD else "")
        if number and names[number - 1]:
            own.append((_cues_beside, "above", names[number - 1]))
        if number + 1 < count and names[number + 1]:
            own.append((_cues_beside, "below", names[number + 1]))
        if coming := below[number]:
            own.append((_over, coming[1], coming[0] < 4))
        if headings:
            headings = [heading for heading in headings if number - heading[0] <= REACH]
            own.append((_under, *dict.fromkeys([(name, number - at < 4) for at, name in headings])))
        headings += [(number, name) for name in cues if name in HEADINGS]
        features.append(own)
    return features


def _looks(step: int, end: str, place: str, kind: str, habit: int, caseless: bool) -> tuple[str, ...]:
    stops = "none" if habit < 0 else habit
    looks = (
        "bias",
        f"len={step}",
        f"len={step},end={end}",
        f"place={place},len={step}",
        f"stops={stops},{kind},end={end}",
    )
    return (*looks, f"len={step},caseless") if caseless else looks


def _place(place: str, top: int, foot: int, far: int) -> tuple[str, ...]:
    where = (f"place={place}", f"top={top}", f"foot={foot}")
    if place == "inside":
        return where
    return (*where, f"{'to_first' if place == 'before' else 'to_last'}={far}")


def _context(place: str, kind: str, end: str, passed: int, prose: int) -> tuple[str, ...]:
    return (f"{place},{kind},end={end}", f"prose_near={prose}", f"passed={passed}", f"passed={passed},{kind},end={end}")


def _main(where: str, kind: str, end: str, has_cue: bool, page: int) -> tuple[str, ...]:
    own = f"{where},{kind},{'cue' if has_cue else 'nocue'}"
    return (f"main={where},{kind}", f"main={own},end={end}", f"page={page},{own}")


def _below_tail(passed: int, kind: str, end: str) -> tuple[str, ...]:
    return (f"tail={passed}", f"tail={passed},{kind}", f"tail={passed},{kind},end={end}")


def _neighbours(two_above: str, above: str, kind: str, below: str, two_below: str) -> tuple[str, ...]:
    around = (f"-2:{two_above}", f"-1:{above}", f"1:{below}", f"2:{two_below}", f"{above}<{kind}<{below}")
    alternates = two_above == kind == two_below and above == below != kind
    return (*around, f"alternates,{kind}") if alternates else around


def _echo(share: int, pieces: int, place: str, kind: str, has_cue: bool) -> tuple[str, ...]:
    return (f"echo={share},{pieces}", f"echo={share},{place},{kind}", f"echo={share},{'cue' if has_cue else 'nocue'}")


def _run(size: int, page: int, after_colon: bool, place: str, has_cue: bool) -> tuple[str, ...]:
    run = (
        f"run={size}",
        f"run={size},{place}",
        f"run_page={page},{place}",
        f"run_page={page},{'cue' if has_cue else 'nocue'}",
    )
    return (*run, f"run_after_colon,{place}") if after_colon else run


def _dates_beside(above: bool, below: bool, place: str) -> tuple[str, ...]:
    return (f"date_beside={above:d}{below:d},{place}",)


def _like_others(place: str, kind: str) -> tuple[str, ...]:
    return (f"like_others,{place},{kind}",)


def _blank_above(blank: bool) -> tuple[str, ...]:
    return (f"blank={blank}",)


def _again(later: bool, long: bool) -> tuple[str, ...]:
    return (f"again={'later' if later else 'first'},{long}",)


def _cues(names: tuple[str, ...], place: str, kind: str) -> tuple[str, ...]:
    if not names:
        return ("nocue", f"nocue,{place},{kind}")
    return tuple(f"cue={name}{with_}" for name in names for with_ in ("", f",{place}", f",{kind}"))


def _cues_beside(where: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{where}={name}" for name in names)


def _over(name: str, is_near: bool) -> tuple[str, ...]:
    return (f"over={name},{'near' if is_near else 'far'}",)


def _under(*headings: tuple[str, bool]) -> tuple[str, ...]:
    return tuple(f"under={name},{'near' if is_near else 'far'}" for name, is_near in headings)


def _word(word: str) -> tuple[str, ...]:
    return (word,)


class _Shape(NamedTuple):
    """How the characters of a line look, whatever they say; counts are capped, and -1 where they do not apply."""

    end: str
    start: str
    stops: int
    capitals: int = -1
    """How many quarters of the words begin with a capital."""
    words: int = -1
    digits: int = -1
    """How many fifths of the characters are digits."""
    bars: int = 0
    colons: int = 0
    date: str = ""
    """How much of the line a date is."""
    signs: tuple[str, ...] = ()
    """What else is in it."""


def _shape_features(
    end: str,
    start: str,
    stops: int,
    capitals: int,
    words: int,
    digits: int,
    bars: int,
    colons: int,
    date: str,
    signs: tuple[str, ...],
) -> tuple[str, ...]:
    shape = [f"end={end}", f"start={start}", f"stops={stops}", *signs]
    if capitals >= 0:
        shape.append(f"capitals={capitals},{words}")
    if digits >= 0:
        shape.append(f"digits={digits}")
    if bars:
        shape.append(f"bars={bars}")
    if colons > 1:
        shape.append(f"colons={colons}")
    if date:
        shape.append(f"date={date}")
    return tuple(shape)


def _shapes(lines: Sequence[Line]) -> list[_Shape]:
    """Look at every line's first `SAMPLE` characters, and at how it ends."""
    samples = [line.text[:SAMPLE] for line in lines]
    rare = "".join(samples)
    # What no line has is looked for once.
    urls = any(map(rare.__contains__, _URLS))
    mails = "@" in rare or "(at)" in rare
    long_stops = any(map(rare.__contains__, _LONG_STOPS))
    slashes = " / " in rare
    shapes: list[_Shape] = []
    for line, sample, counts in zip(lines, samples, _count_signs(samples), strict=True):
        text = line.text
        digits, colons, commas, bars, quotes, stops, words, capitals = counts
        tail = text[-1]
        if line.stops:
            end = "stop"
            stops += tail not in "。！？"
        else:
            end = _END[tail]
        start = _START[text[0]]
        if long_stops:
            stops += sum(map(sample.count, _LONG_STOPS))
        signs: list[str] = []
        if mails and ("@" in sample or "(at)" in sample):
            signs.append("email" if _EMAIL.search(sample) else "at")
        if urls and any(map(sample.__contains__, _URLS)):
            signs.append("url")
        if digits > 6 and _PHONE.search(sample):
            signs.append("phone")
        if tail in ".…" and text.endswith(("..", "…")):
            signs.append("cut_off")
        if quotes:
            signs.append("quotes")
        if len(text) > SAMPLE:
            shapes.append(_Shape(end, start, min(stops, 3), colons=min(colons, 4), signs=tuple(signs)))
            continue
        if commas > 2:
            signs.append("list")
        share = -1
        date = ""
        if start in _CASED_STARTS:
            capitals = 4 * capitals // words
            words = min(words, 8)
            if text.isupper():
                signs.append("shouting")
        else:
            capitals = words = -1
        if digits:
            share = 5 * digits // len(text)
            if colons and _TIME.search(text):
                signs.append("time")
            if digits > 2 and len(text) <= MAX_DATE_LINE and (dates := find_dates(text)):
                rest = len(text) - sum([found.end - found.start for found in dates])
                date = "only" if rest < 3 else "mostly" if rest < 24 else "some"
        elif start in _SIGN_STARTS and not any(map(str.isalpha, text)):
            signs.append("no_letters")
        if slashes:
            bars += text.count(" / ")
        shapes.append(
            _Shape(end, start, min(stops, 3), capitals, words, share, min(bars, 4), min(colons, 4), date, tuple(signs))
        )
    return shapes


def _count_signs(samples: Sequence[str]) -> list[list[int]]:
    """Count in every sample, of at most 255 characters: digits, colons, commas, bars, quotes, stops, words, capitals.

    Every two characters side by side are one number whose eight bytes count what they are: a release is looked up and
    summed at once, and not line by line and sign by sign.
    """
    codes = np.frombuffer(("\n" + "\n".join(samples)).encode("utf-32-le"), "<u4")
    classes = _classes().take(np.minimum(codes, 0xFFFF))
    pairs = _pairs().take(classes[:-1] * np.uint8(_CLASS_COUNT) + classes[1:])
    starts = [0, *accumulate([len(sample) + 1 for sample in samples[:-1]])]
    counts: list[list[int]] = np.add.reduceat(pairs, starts).view(np.uint8).reshape(-1, 8).tolist()
    return counts


class _Memo(dict[str, str]):
    """What a character is, found out once."""

    def __init__(self, find: Callable[[str], str]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, sign: str) -> str:
        found = self[sign] = self._find(sign)
        return found


def _end(tail: str) -> str:
    if tail in ":：":
        return "colon"
    if tail in ",，、;；-–—":
        return "comma"
    if tail.isdigit():
        return "digit"
    return "letter" if tail.isalpha() else "sign"


def _start(head: str) -> str:
    if head.isalpha():
        return "upper" if head.isupper() else "lower" if head.islower() else "caseless"
    if head.isdigit():
        return "digit"
    return "bullet" if head in _BULLETS else "quote" if head in _QUOTES else "sign"


_END, _START = _Memo(_end), _Memo(_start)

_OTHER, _BLANK, _BREAK, _DIGIT, _COLON, _COMMA, _BAR, _QUOTE, _FULL_STOP, _STOP, _CAPITAL = range(11)
_CLASS_COUNT = 11
_SIGNS = {
    _BLANK: " ", _DIGIT: "0123456789", _COLON: ":：", _COMMA: ",、，", _BAR: "|>›»·•", _QUOTE: '"“«「„”',
    _FULL_STOP: "。", _STOP: ".?!",
}  # fmt: skip


@cache
def _classes() -> NDArray[np.uint8]:
    """The class of every character of the Basic Multilingual Plane."""
    table = np.full(0x10000, _OTHER, np.uint8)
    for code in range(0x10000):
        if chr(code).isspace():
            table[code] = _BREAK
        elif chr(code).isupper():
            table[code] = _CAPITAL
    for kind, signs in _SIGNS.items():
        table[[ord(sign) for sign in signs]] = kind
    return table


@cache
def _pairs() -> NDArray[np.uint64]:
    """What a character of one class counts for after one of another."""
    table = np.zeros((_CLASS_COUNT, _CLASS_COUNT), "<u8")
    for place, kind in enumerate((_DIGIT, _COLON, _COMMA, _BAR, _QUOTE, _FULL_STOP)):
        table[:, kind] += 1 << 8 * place
    table[_STOP, _BLANK] += 1 << 8 * 5
    for blank in (_BLANK, _BREAK):
        for kind in set(range(_CLASS_COUNT)) - {_BLANK, _BREAK}:
            table[blank, kind] += 1 << 8 * 6
        table[blank, _CAPITAL] += 1 << 8 * 7
    return table.ravel()


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


def _passed(names: Sequence[Sequence[str]], first: int, cues: AbstractSet[str]) -> list[int]:
    """For every line, how many lines with one of the cues stand between the main prose's first and it: 0, 1, 2, 4, 8, more."""  # noqa: E501
    passed = []
    count = 0
    for number, own in enumerate(names):
        passed.append(bisect_right((1, 2, 4, 8), count))
        if number > first:
            count += bool(own) and not cues.isdisjoint(own)
    return passed


def _main_prose(lines: Sequence[Line], furniture: Sequence[bool]) -> tuple[int, int]:
    """The first and last line of the stretch with the most prose and the least furniture: on a page, its article.

    Banners above and comments below are prose as well, but with a menu between. A list between is none.
    """
    first, last, start = len(lines), -1, 0
    best = total = 0.0
    for number, (line, is_furniture) in enumerate(zip(lines, furniture, strict=True)):
        if total <= 0:
            start, total = number, 0.0
        total += min(line.length, MAIN_MOST) / MAIN_STEP if line.prose else -1 if is_furniture else BARE_LINE
        if total > best:
            first, last, best = start, number, total
    return first, last


def _echoes(lines: Sequence[Line]) -> list[tuple[int, int] | None]:
    """For every line that is not full prose: how many quarters of its words the prose takes up, and of how many words.

    Headlines, captions and tags are about what the release is about; a page's menus are not.
    """
    full = [line.length >= LONG or (line.prose and line.stops) for line in lines]
    prose = "\n".join([line.text for line, is_full in zip(lines, full, strict=True) if is_full])[:ECHO_SAMPLE].lower()
    if not prose:
        return [None] * len(lines)
    words = set(prose.split())
    echoes: list[tuple[int, int] | None] = []
    for line, is_full in zip(lines, full, strict=True):
        found = None
        if not is_full:
            text = line.text[:SAMPLE].lower()
            if not text.isascii() and _UNSPACED.search(text):
                size = 5 if "\u0e00" <= text[len(text) // 2] <= "\u0e7f" else 3
                pieces = [text[at : at + size] for at in range(0, max(1, len(text) - size + 1), size)][:ECHO_PIECES]
                hits = sum([piece in prose for piece in pieces])
            else:
                pieces = [word for word in text.split() if len(word) > 3][:ECHO_PIECES] or [text]
                hits = sum([word in words or word.strip(_WORD_EDGES) in words for word in pieces])
            found = (4 * hits // len(pieces), min(len(pieces), 4))
        echoes.append(found)
    return echoes


class _Run(NamedTuple):
    """Lines without prose that stand together: a page's furniture, a list, a table or a release's tail."""

    size: int
    """How many they are, as a step of `_near`."""
    page: int
    """How many thirds of them carry a cue of navigation."""
    after_colon: bool
    """A sentence announced them."""


def _short_runs(lines: Sequence[Line], furniture: Sequence[bool]) -> list[_Run | None]:
    runs: list[_Run | None] = [None] * len(lines)
    start = 0
    for number in [*(number for number, line in enumerate(lines) if line.prose), len(lines)]:
        if number > start:
            size = number - start
            colon = (start > 0 and lines[start - 1].text[-1] in ":：") or lines[start].text[-1] in ":："
            runs[start:number] = [_Run(_near(size), 3 * sum(furniture[start:number]) // size, colon)] * size
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
    gaps = sum([right.number - left.number > 1 for left, right in itertools.pairwise(lines)])
    return 0 < gaps < len(lines) - 1


def _repeated(texts: Sequence[str]) -> set[str]:
    """The texts that stand here more than once."""
    if len(set(texts)) == len(texts):
        return set()
    return {text for text, count in Counter(texts).items() if count > 1}


def _is_caseless(lines: Sequence[Line]) -> bool:
    sample = "".join([line.text[:40] for line in lines[:12]])
    return 2 * sum(map(len, _CASED.findall(sample))) < len(sample)


def _headline_groups(folded: str, title: str, heads: str) -> list[Group]:
    """Say whether a line is the title, or stands in another line at the top with a site's name before or after it."""
    groups: list[Group] = []
    if title:
        if folded == title:
            groups.append((_word, "title=same"))
        elif len(folded) > 12 and (folded in title or title in folded):
            groups.append((_word, "title=part"))
    # The line itself is one.
    if heads and len(folded) > 15 and (count := heads.count(folded[:60])) > 1 and count > heads.count(f"\n{folded}\n"):
        groups.append((_word, "inside_another"))
    return groups


def _folds(texts: Sequence[str]) -> list[str]:
    """Texts of a line each, without differences of case and of blanks."""
    folded = "\n".join(texts).casefold()
    rows = folded.split("\n")
    if "  " not in folded and "".join(rows).isprintable():  # of blanks, only the plain one is
        return rows
    return [" ".join(row.split()) for row in rows]


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


def _markup_names(mark: Markup | None) -> tuple[str, ...]:
    """What the markup says, in the words of the cues: the model was trained on text alone."""
    if mark is None:
        return ()
    names = [f"{match.lastgroup}.heading" for match in _CLASS_WORDS.finditer(mark.words)]
    if mark.tag in _TAGS:
        names.append(f"{_TAGS[mark.tag]}.heading")
    if mark.link_density >= LINK_LINE:
        names.append("navigation.start")
    return tuple(dict.fromkeys(names))
