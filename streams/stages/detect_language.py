"""Name the language a release tells its story in, and every other language it holds.

Four steps, cheapest first: the script of the letters; CLD2 and ELD where they agree; a pool of four detectors for
what they leave open; word and character tables for the two pairs no detector parts (Indonesian and Malay, Simplified
and Traditional Chinese). docs/language.md has the reasons and the figures.
"""

import gzip
import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, repeat
from typing import Any, NamedTuple

import eldc
import fasttext
import pycld2
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from streams.codec import recast
from streams.records import IdentifiedRelease, LanguageGuess, LanguageSpan, RawRelease
from streams.stage import Stage, StageConfig, config_hash
from streams.text.scripts import count_scripts

UNDETERMINED = "und"
MALAYIC = "id/ms"
"""Indonesian and Malay are one language to the detectors; the word table parts them."""
CHINESE = "zh"
"""Any Chinese; the character tables part Simplified, Traditional and Cantonese."""

FIFTEEN = frozenset(
    {"en", "ko", "ja", "ar", "zh-Hans", "zh-Hant", "vi", "th", "id", "ms", "de", "ru", "fr", "es", "pt", MALAYIC}
)
"""The languages of the house, and the two that are one at first."""

MAX_CHARACTERS = 100_000
"""Of a release that are looked at: thirty times a long one, and some 20 ms."""
MAX_TITLE = 1_000
POOL_CHARACTERS = 800
"""The pool's two slow detectors see so much of a text: dev documents stay at 1.000, at a third of the time."""
SHORT = 200
"""Characters: a text below is read together with its title."""

MIN_EVIDENCE = 4
"""Weighted letters: fewer name no language."""
LETTER_WEIGHTS = {"Hani": 4.0, "Jpan": 4.0, "Hang": 4.0, "Latn": 1.0}
"""A syllable or a word where Latin spells it out."""
OTHER_LETTER_WEIGHT = 2.0
"""Other alphabets count double beside Latin, because foreign names in them are left in Latin."""
LATIN_BESIDE = 0.5
NAME_BESIDE = 0.125
"""Weight of Latin letters beside another script, and of those in capitalised words: names, as a rule. Latin text holds
few words of other scripts, and every other script's text holds Latin ones."""

AGREED_LETTERS = 15
AGREED_LEAD = 0.03
AGREED_SUM = 4.0
"""ELD's lead over its second guess, relative, and that times the letters: where it has both and CLD2 agrees, they were
wrong once in 4,200 dev sentences, and the pool was wrong there as well."""
ALIEN_SHARE = 0.02
"""Of letters that the language does not use: names."""
AGREED = 0.9995

POOL_COLUMNS = (
    "fasttext_log", "fasttext_log_length", "fasttext", "langid", "langid_length", "langid_share", "cld", "cld_length",
    "eld_log", "eld_log_length", "eld_first", "eld_first_sure", "eld_unknown", "eld_unknown_length", "fifteen",
    "english", "unlikely", "alien", "alien_many",
)  # fmt: skip
"""What `pool_evidence` tells of each tag: the names of the weights."""

UNSURE = 0.8
"""Below, a text of some length may hold two languages."""
SECOND_SHARE = 0.04
"""CLD2's share of a second language that is worth a closer look."""
KNOWN_SHARE = 0.9
"""CLD2 sure of less than this: the rest may be in another script."""
MINOR_SCRIPT = 0.04
SPAN_EVIDENCE = 60
"""Weighted letters: a second language with fewer is a quotation or a name."""
SPAN_SHARE = 0.04
WINDOW = 160
"""Characters: enough for every pair but Indonesian and Malay."""
CLEAR = 0.9
CLEAR_MASS = 40
MOSTLY_NAMES = 0.7
"""Of a window's Latin letters in capitalised words: it lists names, and proves no language."""
SINIC_WIDTH = 3
SINIC_KANA = 0.55
"""Japanese is half kana; less, and Chinese may stand beside it."""
MASS_OF_EVIDENCE = {"Latn": 1.0, "Hans": 0.75, "Hant": 0.75, "Jpan": 0.5, "Kore": 0.6}
OTHER_MASS = 0.5
"""Weighted letters to the letters that the same takes in Latin: there, names do not matter any more."""
LIKELY = 0.2
TAIL = 300
"""Characters of a text's end that are compared with its beginning."""
FADE = 600.0
"""Weighted letters over which a release's weight for its main language falls to a third."""
ENGLISH_WEIGHT = 0.5
"""English beside another language is boilerplate or a translation more often than the story."""
LEAD_WEIGHT = 80.0
TITLE_SURE = 0.7
TITLE_WEIGHT = 200.0
MIN_PROBABILITY = 0.5
"""Of the best guess, or its pair: below, `und`. Lower, and more other languages pass for the fifteen (slices)."""
CANTONESE_EVERY = 240
"""Weighted letters to one Cantonese character: sixty characters. Mandarin news has none of these."""
JAPANESE_EVERY = 48
"""Weighted letters to one character of Japan's own: one in twelve. A line without kana is a headline."""
OPEN = 0.8
"""The text leaves two languages open where the likelier is below this and the other above the rest."""
HINTED = 0.6
"""Confidence in a language that the hint decided."""
MALAYIC_CHARACTERS = 3_000
MALAY_LEAN = -0.1
"""Added to the sum of the words' log ratios: more, and Indonesian sentences fall below .97 (dev)."""


@dataclass(frozen=True, slots=True)
class LanguageKit:
    """What the stage knows."""

    version: str
    fasttext: Any
    langid: Any
    eld: Any
    pool: tuple[float, ...]
    """A weight for each column of `pool_evidence`."""
    regions: frozenset[str]
    """Tags with a region that may be given where the source names them: option `regions`."""
    canonical: Mapping[str, str]
    own_scripts: Mapping[str, str]
    names: Mapping[str, Mapping[str, str]]
    """Script to a detector's word for a language to its tag; languages not written in the script are not there."""
    alphabets: Mapping[str, frozenset[str]]
    unlikely: frozenset[str]
    eld_knows: frozenset[str]
    malay_words: Mapping[str, float]
    """Log-likelihood ratio of Malay to Indonesian."""
    hans: Mapping[str, float]
    hant: Mapping[str, float]
    """Characters of one Chinese script only, weighing 1, and signs that are commoner there, weighing less."""
    cantonese: frozenset[str]
    japanese: frozenset[str]


Guesses = tuple[tuple[str, float], ...]
"""Tags with their probability, best first."""


class Ranking(NamedTuple):
    """The languages a text may be in."""

    script: str = ""
    guesses: Guesses = ()
    evidence: float = 0.0
    """Weighted letters."""
    letters: int = 0
    mixed: bool = False
    """A cheap look says that there may be a second language."""


def detect_language(release: RawRelease, kit: LanguageKit) -> IdentifiedRelease:
    """Add language, script, confidence, alternatives and, where there are several languages, the map of them."""
    text = release.text[:MAX_CHARACTERS]
    cleaned = clean(text)
    if len(cleaned) < SHORT and release.title:
        cleaned = f"{clean(release.title[:MAX_TITLE])} {cleaned}"
    ranking = identify(cleaned, kit)
    spans: tuple[LanguageSpan, ...] = ()
    if ranking.mixed:
        spans, ranking = map_languages(text, release.title, ranking, kit)
    guesses = settle(ranking, release.language_hint, kit)
    language, confidence = guesses[0]
    return recast(
        release,
        IdentifiedRelease,
        html="",
        language=language,
        script=ranking.script,
        confidence=round(confidence, 4),
        alternatives=tuple(LanguageGuess(language=tag, confidence=round(p, 4)) for tag, p in guesses[1:4] if p >= 0.01),
        languages=spans,
    )


def clean(text: str) -> str:
    """Take out what is in no language: addresses, tickers, codes, numbers, markup, control characters."""
    if "<" in text:
        text = _TAG.sub(" ", text)
    if "&" in text:
        text = _CHARACTER_REFERENCE.sub(" ", text)
    if "/" in text or "www." in text:
        text = _URL.sub(" ", text)
    if "@" in text:
        text = _EMAIL.sub(" ", text)
    if "(" in text:
        text = _TICKER.sub(" ", text)
    text = " ".join(_CODE.sub(" ", text).split())
    if not text.isprintable():
        text = _UNPRINTABLE.sub("", text)
    return text.lower() if text.isupper() else text


# `re` goes through a text once for each of these: every pattern starts with a rare character and cannot backtrack.
_TAG = re.compile(r"<[^<>]{1,500}>")
_CHARACTER_REFERENCE = re.compile(r"&#?\w{1,10};")
_URL = re.compile(r"\bhttps?://[!-~]+|\bwww\.[!-~]+", re.ASCII)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]++@[\w.-]+|@\w+", re.ASCII)
_TICKER = re.compile(r"\([A-Z][A-Za-z .]{1,20}: ?[A-Z0-9.]{1,10}\)")
_CODE = re.compile(r"[\d$#_]\w*", re.ASCII)
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ud800-\udfff\ufdd0-\ufdef\ufe00-\ufe0f"
    "\ufeff\ufff0-\ufffb\ufffe\uffff\U0001fffe-\U0001ffff\U0002fffe-\U0002ffff\U000e0000-\U0010ffff]"
)


def identify(text: str, kit: LanguageKit) -> Ranking:
    """Rank the languages that a cleaned text may be in."""
    characters = Counter(text)
    letters = look_at_letters(text, characters)
    script, evidence, number, _, mixed = letters
    guesses: Guesses = ()
    if min(evidence, len(characters) * LETTER_WEIGHTS.get(script, OTHER_LETTER_WEIGHT)) < MIN_EVIDENCE:
        pass  # too few letters, or always the same
    elif script == "Hani":
        script, guesses = _chinese(text, characters, evidence, kit)
    elif script in kit.own_scripts:
        script, guesses = _SCRIPT_NAMES.get(script, script), ((kit.own_scripts[script], 1.0),)
    else:
        guesses, more = _pool(Sample.of(text, letters, kit), kit)
        mixed = mixed or more
        if guesses and guesses[0][0] == MALAYIC:
            guesses = _part_malayic(text, guesses, kit)
    return Ranking(script, guesses, evidence, number, mixed)


_SCRIPT_NAMES = {"Hang": "Kore"}


class Letters(NamedTuple):
    """What a text is written with."""

    script: str
    """The heaviest one: ISO 15924; `Jpan` where there is kana."""
    evidence: float
    """Its weighted letters."""
    number: int
    """Letters of any script."""
    foreign: list[tuple[str, int]]
    """Letters beyond a to z, lower case, and how often."""
    mixed: bool
    """Another script is there that may be another language."""


def look_at_letters(text: str, characters: Mapping[str, int]) -> Letters:
    """Weigh the scripts of a text. `characters` is its `Counter`."""
    scripts = count_scripts(characters)
    number = sum(scripts.values())
    if len(scripts) == 1 and "Latn" in scripts and _SINIC_SIGNS.isdisjoint(characters):
        foreign = [] if text.isascii() else [(c.lower(), n) for c, n in characters.items() if c > "z" and c.isalpha()]
        return Letters("Latn", number, number, foreign, False)
    foreign = [(c.lower(), n) for c, n in characters.items() if c > "z" and c.isalpha()]
    han = scripts.pop("Hani", 0) + scripts.pop("Bopo", 0)
    kana = scripts.pop("Hira", 0) + scripts.pop("Kana", 0)
    if "Hang" not in scripts:
        # A cut-off piece may have nothing Chinese in it but its signs.
        han += sum(characters.get(sign, 0) for sign in _SINIC_SIGNS)
    sinic = kana > 12 and kana < SINIC_KANA * (han + kana)
    if han or kana:
        scripts["Jpan" if kana * 12 > han and (kana > 1 or han < 12) else "Hani"] = han + kana
    weights: dict[str, float] = {name: n * LETTER_WEIGHTS.get(name, OTHER_LETTER_WEIGHT) for name, n in scripts.items()}
    if len(weights) > 1 and "Latn" in weights:
        names = sum(map(len, _CAPITALISED.findall(text)))
        weights["Latn"] = (scripts["Latn"] - names) * LATIN_BESIDE + names * NAME_BESIDE
    script = max(weights, key=lambda script: weights[script], default="")
    heaviest = weights.get(script, 0.0)
    rest = sum(weights.values()) - heaviest
    return Letters(script, heaviest, number, foreign, sinic or rest >= max(SPAN_EVIDENCE, MINOR_SCRIPT * heaviest))


_SINIC_SIGNS = frozenset("，。、：；（）「」《》")
_CAPITALISED = re.compile(r"\b[A-Z][A-Za-z]*", re.ASCII)


def _chinese(text: str, characters: Mapping[str, int], evidence: float, kit: LanguageKit) -> tuple[str, Guesses]:
    hans = sum(n * kit.hans.get(c, 0.0) for c, n in characters.items())
    hant = sum(n * kit.hant.get(c, 0.0) for c, n in characters.items())
    # The copula of Cantonese, which Mandarin keeps in one word.
    yue = 0.5 * (text.count("係") - text.count("關係"))
    yue += sum(n for c, n in characters.items() if c in kit.cantonese)
    p = (hant + 0.1) / (hans + hant + 0.2)
    script = "Hant" if p > 0.5 else "Hans"
    if yue >= 1 and yue * CANTONESE_EVERY > evidence:
        return script, (("yue", 0.98), ("zh-Hant", 0.02))
    both = (("zh-Hant", p), ("zh-Hans", 1 - p))
    if JAPANESE_EVERY * sum(n for c, n in characters.items() if c in kit.japanese) > evidence:
        return "Jpan", (("ja", 0.95), *((tag, 0.05 * q) for tag, q in both))
    return script, both if p > 0.5 else both[::-1]


class Sample(NamedTuple):
    """A cleaned text and what the two cheap detectors say of it: tags of its script only, best first."""

    text: str
    letters: Letters
    cld: dict[str, float]
    """Share of the text."""
    eld: dict[str, float]
    eld_sure: bool

    @classmethod
    def of(cls, text: str, letters: Letters, kit: LanguageKit) -> "Sample":
        """Ask CLD2 and ELD."""
        names = kit.names[letters.script]
        cld: dict[str, float] = {}
        for _, word, percent, _ in pycld2.detect(text.encode(), isPlainText=True, bestEffort=True)[2]:
            if word in names:
                cld.setdefault(names[word], percent / 100)
        answer = kit.eld.detect_details(text)
        eld: dict[str, float] = {}
        for word, score in answer.scores.items():
            if word in names:
                eld.setdefault(names[word], score)
        return cls(text, letters, cld, eld, answer.reliable)


def _pool(sample: Sample, kit: LanguageKit) -> tuple[Guesses, bool]:
    first, second = (*sample.cld.values(), 0.0, 0.0)[:2]
    mixed = second > SECOND_SHARE or first + second < KNOWN_SHARE or _turns(sample, kit)
    tag = agreed(sample, kit)
    if tag:
        return ((tag, AGREED),), mixed
    guesses = rank_by_pool(sample, kit)
    return guesses, mixed or (bool(guesses) and guesses[0][1] < UNSURE)


def rank_by_pool(sample: Sample, kit: LanguageKit) -> Guesses:
    """Weigh all four detectors: a conditional logit over the tags that any of them proposes."""
    tags, rows = pool_evidence(sample, kit)
    scores = [sum(map(float.__mul__, kit.pool, row)) for row in rows]
    top = max(scores, default=0.0)
    odds = [math.exp(score - top) for score in scores]
    total = sum(odds)
    return tuple(sorted(zip(tags, (odd / total for odd in odds), strict=True), key=_probability, reverse=True))


def agreed(sample: Sample, kit: LanguageKit) -> str:
    """Name the language that CLD2 and ELD agree on beyond doubt, or none."""
    letters = sample.letters.number
    if not (sample.eld_sure and sample.cld and sample.eld and letters >= AGREED_LETTERS):
        return ""
    tag, other = next(iter(sample.cld)), next(iter(sample.eld))
    best, runner_up = (*sample.eld.values(), 0.0)[:2]
    lead = 1 - runner_up / best
    agreed = tag == other and lead > AGREED_LEAD and lead * letters > AGREED_SUM
    return tag if agreed and _alien(tag, sample, kit) <= ALIEN_SHARE * letters else ""


def _turns(sample: Sample, kit: LanguageKit) -> bool:
    """Tell whether a text ends in another language than it begins: CLD2 takes near relatives for one."""
    if len(sample.text) < 2 * WINDOW:
        return False
    end = min(len(sample.text) // 2, TAIL)
    return bool(kit.eld.detect(sample.text[:end]) != kit.eld.detect(sample.text[-end:]))


def _alien(tag: str, sample: Sample, kit: LanguageKit) -> int:
    alphabet = kit.alphabets.get(tag)
    return 0 if alphabet is None else sum(n for letter, n in sample.letters.foreign if letter not in alphabet)


def pool_evidence(sample: Sample, kit: LanguageKit) -> tuple[list[str], list[tuple[float, ...]]]:
    """What each detector says of each language that any of them thinks of: tags, and a row of numbers for each."""
    names = kit.names[sample.letters.script]
    head = sample.text[:POOL_CHARACTERS]
    fast: dict[str, float] = {}
    for word, p in zip(*kit.fasttext.predict(head, k=12), strict=True):
        tag = names.get(word[len(_FASTTEXT_PREFIX) :])
        if tag:
            fast[tag] = fast.get(tag, 0.0) + p
    bayes: dict[str, float] = {}
    for word, score in kit.langid.rank(head)[:12]:
        if word in names:
            bayes.setdefault(names[word], score)
    tags = sorted({*list(fast)[:6], *list(bayes)[:6], *sample.cld, *list(sample.eld)[:4]})
    fast_sum = sum(fast.values()) or 1.0
    # Naive Bayes is far too sure of itself; the root of the length brings it back to earth.
    scale = math.sqrt(len(head.encode()))
    bayes_top, bayes_floor = max(bayes.values(), default=0.0), min(bayes.values(), default=0.0)
    bayes_odds = {tag: math.exp((score - bayes_top) / scale) for tag, score in bayes.items()}
    bayes_sum = sum(bayes_odds.values()) or 1.0
    eld_top = max(sample.eld.values(), default=1.0)
    sure = float(sample.eld_sure)
    letters = sample.letters.number
    length = math.log1p(letters / 20)
    rows: list[tuple[float, ...]] = []
    for tag in tags:
        share = fast.get(tag, 0.0) / fast_sum
        log_share = math.log(share + 1e-4)
        distance = (bayes.get(tag, bayes_floor) - bayes_top) / scale
        cld = sample.cld.get(tag, 0.0)
        known = tag in kit.eld_knows
        score = sample.eld.get(tag, 0.0)
        log_score = math.log(max(score, 0.05) / eld_top) if known else 0.0
        first = float(score == eld_top)
        alien = _alien(tag, sample, kit)
        rows.append(
            (
                log_share,
                log_share * length,
                share,
                distance,
                distance * length,
                bayes_odds.get(tag, 0.0) / bayes_sum,
                cld,
                cld * length,
                log_score,
                log_score * length,
                first,
                first * sure,
                float(not known),
                float(not known) * length,
                float(tag in FIFTEEN),
                float(tag == "en"),
                float(tag in kit.unlikely),
                min(10 * alien / letters, 1.0),
                float(alien > 1 and alien > 0.05 * letters),
            )
        )
    return tags, rows


def _part_malayic(text: str, guesses: Guesses, kit: LanguageKit) -> Guesses:
    ratio = sum(map(kit.malay_words.get, _WORD.findall(text[:MALAYIC_CHARACTERS].lower()), repeat(0.0)))
    malay = 1 / (1 + math.exp(-ratio - MALAY_LEAN))
    (_, p), *rest = guesses
    return tuple(sorted((("ms", p * malay), ("id", p * (1 - malay)), *rest), key=_probability, reverse=True))


class Window(NamedTuple):
    """A piece of a release that is short enough to be in one language and long enough to tell in which."""

    start: int
    end: int
    language: str
    """`MALAYIC` and `CHINESE` for what only the whole can part."""
    guesses: Mapping[str, float]
    letters: int
    mass: float
    """Its length as a Latin text would have it."""
    clear: bool
    """Proves that the language is there."""


def map_languages(
    text: str, title: str, ranking: Ranking, kit: LanguageKit
) -> tuple[tuple[LanguageSpan, ...], Ranking]:
    """Cut a release where its language changes. Returns no spans, and the ranking as it was, if it never does."""
    windows = [_look(text, start, end, kit) for start, end in cut(text)]
    windows = [window for window in windows if window.mass >= MIN_EVIDENCE]
    total = sum(window.mass for window in windows)
    clear: defaultdict[str, float] = defaultdict(float)
    for window in windows:
        if window.clear:
            clear[window.language] += window.mass
    languages = {tag for tag, mass in clear.items() if mass >= max(SPAN_EVIDENCE, SPAN_SHARE * total)}
    if len(languages) < 2:
        return (), ranking
    told = _assign(windows, languages)
    primary = _primary(told, clean(title[:MAX_TITLE]), kit)
    rankings = {tag: _whole(text, tag, told, kit) for tag in languages}
    total_letters = sum(window.letters for window in told)
    spans = []
    for tag, group in groupby(told, key=lambda window: window.language):
        run = list(group)
        letters = sum(window.letters for window in run)
        sure = sum(window.letters * window.guesses.get(tag, 0.0) for window in run) / letters
        spans.append(
            LanguageSpan(
                start=run[0].start,
                end=run[-1].end,
                language=rankings[tag].guesses[0][0],
                confidence=round(sure, 4),
                share=round(letters / total_letters, 4),
            )
        )
    return tuple(spans), rankings[primary]


def cut(text: str) -> Iterator[tuple[int, int]]:
    """Cut a text into windows: long lines at sentence ends, short ones together, never across a change of script."""
    start = end = 0
    kind = ""
    width = 0
    for match in _PIECE.finditer(text):
        first, last = match.span()
        piece = text[first:last]
        if piece.isspace():
            continue
        piece_kind = "" if piece.isascii() else "Jpan" if _KANA.search(piece) else "Hani" if _HAN.search(piece) else "x"
        piece_width = (last - first) * (1 if piece_kind in ("", "x") else SINIC_WIDTH)
        broken = "\n" in text[end:first] and piece_width >= WINDOW / 2
        if end > start and (width >= WINDOW or broken or piece_kind != kind):
            yield start, end
            start, width = first, 0
        elif end == start:
            start = first
        end, kind, width = last, piece_kind, width + piece_width
    if end > start:
        yield start, end


# A run of Latin in a line of another script; else a sentence; else what is left of the line.
_PIECE = re.compile(r"[A-Za-z][ -~‘-”–—]{99,400}|[^\n.!?。！？؟।]{1,400}[.!?。！？؟।\"'”’»)\]]*")
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa]")
_HAN = re.compile("[\u3400-\u9fff]")


def _look(text: str, start: int, end: int, kit: LanguageKit) -> Window:
    piece = clean(text[start:end])
    ranking = identify(piece, kit)
    guesses: defaultdict[str, float] = defaultdict(float)
    for tag, p in ranking.guesses:
        guesses[_group(tag)] += p
    language = max(guesses, key=lambda tag: guesses[tag], default=UNDETERMINED)
    mass = ranking.evidence * MASS_OF_EVIDENCE.get(ranking.script, OTHER_MASS)
    clear = mass >= CLEAR_MASS and guesses[language] >= CLEAR
    if clear and ranking.script == "Latn":
        # What nothing speaks for is taken for English.
        clear = sum(map(len, _CAPITALISED.findall(piece))) < MOSTLY_NAMES * ranking.letters
        clear = clear and (language != "en" or len(_ENGLISH.findall(piece)) > 1)
    return Window(start, end, language, guesses, ranking.letters, mass, clear)


_ENGLISH = re.compile(r"\b(?:the|of|and|to|in|for|is|are|was|with|that|by|on|as)\b")
_GROUPS = {"id": MALAYIC, "ms": MALAYIC, "zh-Hans": CHINESE, "zh-Hant": CHINESE, "yue": CHINESE}


def _assign(windows: Sequence[Window], languages: Iterable[str]) -> list[Window]:
    """Give every window one of the languages: its own, else its likeliest, else that of the window before."""
    before = next(window.language for window in windows if window.language in languages)
    told = []
    for window in windows:
        tag = max(languages, key=lambda tag: window.guesses.get(tag, 0.0))
        before = tag if window.guesses.get(tag, 0.0) >= LIKELY else before
        told.append(window._replace(language=before))
    return told


def _primary(windows: Sequence[Window], title: str, kit: LanguageKit) -> str:
    """Find the story's language: what comes first weighs most, for boilerplate and translations stand below."""
    scores: defaultdict[str, float] = defaultdict(float)
    seen = 0.0
    for window in windows:
        weight = FADE * (math.exp(-seen / FADE) - math.exp(-(seen + window.mass) / FADE))
        scores[window.language] += weight * (ENGLISH_WEIGHT if window.language == "en" else 1.0)
        seen += window.mass
    scores[next(window.language for window in windows if window.clear)] += LEAD_WEIGHT
    heading = identify(title, kit).guesses
    if heading and heading[0][1] >= TITLE_SURE:
        tag = _group(heading[0][0])
        if tag in scores:
            scores[tag] += TITLE_WEIGHT
    return max(scores, key=lambda tag: scores[tag])


def _whole(text: str, tag: str, windows: Iterable[Window], kit: LanguageKit) -> Ranking:
    """Rank anew on all that is in one language: it parts Indonesian from Malay, Simplified from Traditional."""
    parts = clean(" ".join(text[w.start : w.end] for w in windows if w.language == tag))
    ranking = identify(parts, kit)
    guesses = ranking.guesses
    if guesses and _group(guesses[0][0]) == tag:
        return ranking
    if tag == CHINESE:
        script, guesses = _chinese(parts, Counter(parts), ranking.evidence, kit)
        return ranking._replace(script=script, guesses=guesses)
    sure = ((tag, CLEAR),)
    return ranking._replace(guesses=_part_malayic(parts, sure, kit) if tag == MALAYIC else sure)


def settle(ranking: Ranking, hint: str, kit: LanguageKit) -> Guesses:
    """Let the source's hint decide what the text leaves open, and nothing else. Returns one guess or more."""
    guesses = ranking.guesses
    hinted, region = _read_hint(hint, kit)
    if hinted and _left_open(ranking, hinted):
        guesses = ((hinted, HINTED), *(guess for guess in guesses if guess[0] != hinted))
    elif sum(p for tag, p in guesses if _group(tag) == _group(guesses[0][0])) < MIN_PROBABILITY:
        guesses = ((UNDETERMINED, 0.0), *guesses)
    (tag, p), *others = guesses
    regional = f"{hinted}-{region}"
    return ((regional, p), *others) if tag == hinted and regional in kit.regions else guesses


def _left_open(ranking: Ranking, hinted: str) -> bool:
    if not ranking.guesses:
        return ranking.evidence > 0
    best, p = ranking.guesses[0]
    return best != hinted and p < OPEN and dict(ranking.guesses).get(hinted, 0.0) >= 1 - OPEN


def _read_hint(hint: str, kit: LanguageKit) -> tuple[str, str]:
    match = _HINT.match(hint)
    if not match:
        return "", ""
    language, script, region = (
        match["language"].lower(),
        (match["script"] or "").title(),
        (match["region"] or "").upper(),
    )
    language = kit.canonical.get(language, language)
    if language == CHINESE:
        script = script or _CHINESE_REGIONS.get(region, "")
        return (f"{CHINESE}-{script}" if script in ("Hans", "Hant") else ""), region
    return ("" if language == UNDETERMINED else language), region


_HINT = re.compile(
    r"(?P<language>[A-Za-z]{2,3})(?:[-_](?P<script>[A-Za-z]{4}))?(?:[-_](?P<region>[A-Za-z]{2}))?(?![A-Za-z])"
)
_CHINESE_REGIONS = {"CN": "Hans", "SG": "Hans", "HK": "Hant", "MO": "Hant", "TW": "Hant"}


def _group(tag: str) -> str:
    return _GROUPS.get(tag, tag)


def _probability(guess: tuple[str, float]) -> float:
    return guess[1]


_FASTTEXT_PREFIX = "__label__"
_WORD = re.compile(r"[a-z]+")


def prepare(config: StageConfig) -> LanguageKit:
    """Load the models and tables: about a second, some 100 MB."""
    table = config.table("language/languages.toml")
    han = json.loads(config.path("language/hans_hant.json").read_text(encoding="utf-8"))
    weights = json.loads(config.path("language/weights.json").read_text(encoding="utf-8"))
    eldc.init()
    eld = eldc.instance()
    eld.set_scores(8)
    langid: Any = LanguageIdentifier  # it has no types
    langid = langid.from_model_file(MODEL_FILE)
    fast = fasttext.FastText.load_model(str(config.path("language/lid.176.ftz")))
    words = {word[len(_FASTTEXT_PREFIX) :] for word in fast.predict("news", k=-1, threshold=-1.0)[0]}
    words.update(langid.labels, eldc.LANGUAGES, (code for _, code in pycld2.LANGUAGES))
    names = _names(table, words)
    with gzip.open(config.path("language/idms.tsv.gz"), "rt", encoding="utf-8") as lines:
        malay_words = {word: float(ratio) for word, ratio in (line.split("\t") for line in lines)}
    return LanguageKit(
        version=config_hash(config, "language"),
        fasttext=fast,
        langid=langid,
        eld=eld,
        pool=tuple(weights["pool"].get(column, 0.0) for column in POOL_COLUMNS),
        regions=frozenset(config.options.get("regions", ())),
        canonical=table["canonical"],
        own_scripts=table["scripts"]["own"],
        names=names,
        alphabets={language: frozenset(letters) for language, letters in table["alphabets"].items()},
        unlikely=frozenset(table["unlikely"]["tags"]),
        eld_knows=frozenset(tags[word] for tags in names.values() for word in eldc.LANGUAGES if word in tags),
        malay_words=malay_words,
        hans=dict.fromkeys(han["hans_only"], 1.0) | han["hans_signs"],
        hant=dict.fromkeys(han["hant_only"], 1.0) | han["hant_signs"],
        cantonese=frozenset(han["cantonese"]),
        japanese=frozenset(han["japanese"]),
    )


def _names(table: Mapping[str, Any], words: Iterable[str]) -> dict[str, dict[str, str]]:
    scripts, canonical = table["scripts"], table["canonical"]
    elsewhere = {tag for tags in scripts["shared"].values() for tag in tags} - set(scripts["latin"]["also"])
    elsewhere.update({"zh", "zh-Hant", "yue", "wuu", "ja"}, scripts["own"].values())
    names: dict[str, dict[str, str]] = {"Latn": {}, **{script: {} for script in scripts["shared"]}}
    for word in words:
        for script, tags in names.items():
            tag = scripts["members"].get(script, {}).get(word) or canonical.get(word, word)
            legal = tag in scripts["shared"][script] if script != "Latn" else tag not in elsewhere
            if legal:
                tags[word] = MALAYIC if tag in ("id", "ms") else tag
    return names


DETECT_LANGUAGE: Stage[RawRelease, IdentifiedRelease, LanguageKit] = Stage(
    name="detect_language",
    reads=RawRelease,
    writes=IdentifiedRelease,
    prepare=prepare,
    apply=detect_language,
)
