"""Rank the languages a text may be in: by script, by agreement, by a pool of four detectors, by tables.

Cheapest first; docs/language.md has the reasons and the figures.
"""

import gzip
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import repeat
from typing import Any, NamedTuple

import eldc
import fasttext
import pycld2
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from streams.stage import StageConfig, config_hash
from streams.stages.language_letters import LETTER_WEIGHTS, OTHER_LETTER_WEIGHT, Letters, look_at_letters
from streams.stages.language_words import WORD_COLUMNS, Words, load_words, word_evidence

MALAYIC = "id/ms"
"""Indonesian and Malay are one language to the detectors; the word table parts them."""
CHINESE = "zh"
"""Any Chinese; the character tables part Simplified, Traditional and Cantonese."""
FIFTEEN = frozenset(
    {"en", "ko", "ja", "ar", "zh-Hans", "zh-Hant", "vi", "th", "id", "ms", "de", "ru", "fr", "es", "pt", MALAYIC}
)
"""The languages of the house, and the two that are one at first."""

MIN_EVIDENCE = 4.0
"""Weighted letters: fewer name no language."""
POOL_CHARACTERS = 800
"""The pool's two slow detectors see so much of a text: dev documents stay at 1.000, at a third of the time."""

ASKED, TAKEN = 12, 6
ELD_ASKED, ELD_TAKEN = 8, 4
"""Best guesses that a detector is asked for, and how many of those that the script allows are taken: with two fewer,
dev slices are as good and titles a little worse."""

AGREED_LETTERS = 15
"""Shorter texts are names too often."""
AGREED_LEAD = 0.03
AGREED_SUM = 4.0
"""ELD's lead over its second guess, relative, and that times the letters: where it has both and CLD2 agrees, they were
wrong once in 4,200 dev sentences, and the pool was wrong there as well."""
ALIEN_SHARE = 0.02
"""Of letters that the language does not use: names."""
AGREED = 0.9995
"""Confidence in what is agreed: as often as it was right."""

POOL_COLUMNS = (
    "fasttext_log", "fasttext_log_length", "fasttext", "langid", "langid_length", "langid_share", "cld", "cld_length",
    "eld_log", "eld_log_length", "eld_first", "eld_first_sure", "eld_unknown", "eld_unknown_length", "fifteen",
    "english", "unlikely", "alien", "alien_many", *WORD_COLUMNS,
)  # fmt: skip
"""What `pool_evidence` tells of each tag: the names of the weights."""

UNSURE = 0.8
"""Probability of the best guess below which there may be two languages."""
SECOND_SHARE = 0.04
"""CLD2's share of a second language that is worth a closer look."""
KNOWN_SHARE = 0.9
"""CLD2 sure of less than this: the rest may be in another script."""
TAIL = 300
"""Characters of a text's end that are compared with its beginning."""

CANTONESE_EVERY = 240
"""Weighted letters to one Cantonese character: sixty characters. Mandarin news has none of these."""
JAPANESE_EVERY = 48
"""Weighted letters to one character of Japan's own: one in twelve. A line without kana is a headline."""
MALAYIC_CHARACTERS = 3_000
"""Of a text whose words are looked up: by then the sum is far from zero."""
MALAYIC_SURE = 50.0
"""Log ratio from which on more words change nothing, and well before `exp` overflows."""
MALAY_LEAN = -0.1
"""Added to the sum of the words' log ratios: more, and Indonesian sentences fall below .97 (dev)."""

Guesses = tuple[tuple[str, float], ...]
"""Tags with their probability, best first."""


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
    tags: frozenset[str]
    """Every tag there is: a hint that is none of them is passed over."""
    canonical: Mapping[str, str]
    own_scripts: Mapping[str, str]
    names: Mapping[str, Mapping[str, str]]
    """Script to a detector's word for a language to its tag; languages not written in the script are not there."""
    alphabets: Mapping[str, frozenset[str]]
    unlikely: frozenset[str]
    eld_knows: frozenset[str]
    words: Words
    malay_words: Mapping[str, float]
    """Log-likelihood ratio of Malay to Indonesian."""
    hans: Mapping[str, float]
    hant: Mapping[str, float]
    """Characters of one Chinese script only, weighing 1, and signs that are commoner there, weighing less."""
    cantonese: frozenset[str]
    japanese: frozenset[str]


class Ranking(NamedTuple):
    """The languages a text may be in."""

    script: str = ""
    guesses: Guesses = ()
    evidence: float = 0.0
    """Weighted letters."""
    letters: int = 0
    mixed: bool = False
    """A cheap look says that there may be a second language."""


def identify(text: str, kit: LanguageKit) -> Ranking:
    """Rank the languages that a cleaned text may be in."""
    characters = Counter(text)
    letters = look_at_letters(text, characters)
    script, evidence, number, _, mixed = letters
    guesses: Guesses = ()
    if min(evidence, len(characters) * LETTER_WEIGHTS.get(script, OTHER_LETTER_WEIGHT)) < MIN_EVIDENCE:
        pass  # too few letters, or always the same
    elif script == "Hani":
        script, guesses = part_chinese(text, characters, evidence, kit)
    elif script in kit.own_scripts:
        script, guesses = _SCRIPT_NAMES.get(script, script), ((kit.own_scripts[script], 1.0),)
    else:
        guesses, more = _pool(Sample.of(text, letters, kit), kit)
        mixed = mixed or more
        if guesses and guesses[0][0] == MALAYIC:
            guesses = part_malayic(text, guesses, kit)
    return Ranking(script, guesses, evidence, number, mixed)


_SCRIPT_NAMES = {"Hang": "Kore"}


def part_chinese(text: str, characters: Mapping[str, int], evidence: float, kit: LanguageKit) -> tuple[str, Guesses]:
    """Tell Simplified, Traditional, Cantonese and Japanese without kana apart. Returns the script and the guesses."""
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
    return tuple(sorted(zip(tags, (odd / total for odd in odds), strict=True), key=probability, reverse=True))


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
    if len(sample.text) < TAIL:
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
    for word, p in zip(*kit.fasttext.predict(head, k=ASKED), strict=True):
        tag = names.get(word[len(_FASTTEXT_PREFIX) :])
        if tag:
            fast[tag] = fast.get(tag, 0.0) + p
    bayes: dict[str, float] = {}
    for word, score in kit.langid.rank(head)[:ASKED]:
        if word in names:
            bayes.setdefault(names[word], score)
    tags = sorted({*list(fast)[:TAKEN], *list(bayes)[:TAKEN], *sample.cld, *list(sample.eld)[:ELD_TAKEN]})
    fast_sum = sum(fast.values()) or 1.0
    # Naive Bayes is far too sure of itself; the root of the length brings it back to earth.
    scale = math.sqrt(len(head.encode()))
    bayes_top, bayes_floor = max(bayes.values(), default=0.0), min(bayes.values(), default=0.0)
    bayes_odds = {tag: math.exp((score - bayes_top) / scale) for tag, score in bayes.items()}
    bayes_sum = sum(bayes_odds.values()) or 1.0
    eld_top = max(sample.eld.values(), default=0.0) or 1.0
    sure = float(sample.eld_sure)
    letters = sample.letters.number
    length = math.log1p(letters / 20)
    rows: list[tuple[float, ...]] = []
    for tag, fit in zip(tags, word_evidence(head, tags, kit.words), strict=True):
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
                *fit,
            )
        )
    return tags, rows


def part_malayic(text: str, guesses: Guesses, kit: LanguageKit) -> Guesses:
    """Put Indonesian and Malay in the place of `MALAYIC`, the first guess."""
    ratio = sum(map(kit.malay_words.get, _WORD.findall(text[:MALAYIC_CHARACTERS].lower()), repeat(0.0)))
    malay = 1 / (1 + math.exp(-max(-MALAYIC_SURE, min(MALAYIC_SURE, ratio + MALAY_LEAN))))
    (_, p), *rest = guesses
    return tuple(sorted((("ms", p * malay), ("id", p * (1 - malay)), *rest), key=probability, reverse=True))


def group(tag: str) -> str:
    """Name the pair or the family that a tag belongs to for the detectors: `MALAYIC`, `CHINESE`, or the tag itself."""
    return _GROUPS.get(tag, tag)


_GROUPS = {"id": MALAYIC, "ms": MALAYIC, "zh-Hans": CHINESE, "zh-Hant": CHINESE, "yue": CHINESE}


def probability(guess: tuple[str, float]) -> float:
    """Sort guesses by this."""
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
    eld.set_scores(ELD_ASKED)
    langid: Any = LanguageIdentifier  # it has no types
    langid = langid.from_model_file(MODEL_FILE)
    fast = fasttext.FastText.load_model(str(config.path("language/lid.176.ftz")))
    words = {word[len(_FASTTEXT_PREFIX) :] for word in fast.predict("news", k=-1, threshold=-1.0)[0]}
    words.update(langid.labels, eldc.LANGUAGES, (code for _, code in pycld2.LANGUAGES))
    names = _names(table, words)
    known = frozenset(table["scripts"]["own"].values()).union(*(tags.values() for tags in names.values()))
    with gzip.open(config.path("language/idms.tsv.gz"), "rt", encoding="utf-8") as lines:
        malay_words = {word: float(ratio) for word, ratio in (line.split("\t") for line in lines)}
    return LanguageKit(
        version=config_hash(config, "language"),
        fasttext=fast,
        langid=langid,
        eld=eld,
        pool=tuple(weights["pool"].get(column, 0.0) for column in POOL_COLUMNS),
        regions=frozenset(config.options.get("regions", ())),
        tags=(known | {"id", "ms"}) - {MALAYIC},
        canonical=table["canonical"],
        own_scripts=table["scripts"]["own"],
        names=names,
        alphabets={language: frozenset(letters) for language, letters in table["alphabets"].items()},
        unlikely=frozenset(table["unlikely"]["tags"]),
        eld_knows=frozenset(tags[word] for tags in names.values() for word in eldc.LANGUAGES if word in tags),
        words=load_words(config),
        malay_words=malay_words,
        hans=dict.fromkeys(han["hans_only"], 1.0) | han["hans_signs"],
        hant=dict.fromkeys(han["hant_only"], 1.0) | han["hant_signs"],
        cantonese=frozenset(han["cantonese"]),
        japanese=frozenset(han["japanese"]),
    )


def _names(table: Mapping[str, Any], words: Iterable[str]) -> dict[str, dict[str, str]]:
    scripts, canonical = table["scripts"], table["canonical"]
    elsewhere = {tag for tags in scripts["shared"].values() for tag in tags} - set(scripts["latin"]["also"])
    elsewhere.update({"zh", "yue", "wuu", "ja"}, scripts["own"].values(), table["never"]["tags"])
    names: dict[str, dict[str, str]] = {"Latn": {}, **{script: {} for script in scripts["shared"]}}
    for word in words:
        for script, tags in names.items():
            tag = scripts["members"].get(script, {}).get(word) or canonical.get(word, word)
            # With a hyphen, CLD2 means a script and not a language.
            legal = tag in scripts["shared"][script] if script != "Latn" else tag not in elsewhere and "-" not in tag
            if legal:
                tags[word] = MALAYIC if tag in ("id", "ms") else tag
    return names
