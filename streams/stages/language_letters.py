"""What a text is written with: cleaned of what is in no language, weighed by script."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from streams.text.scripts import count_scripts

LETTER_WEIGHTS = {"Hani": 4.0, "Jpan": 4.0, "Hang": 4.0, "Latn": 1.0}
"""A syllable or a word where Latin spells it out."""
OTHER_LETTER_WEIGHT = 2.0
"""Other alphabets count double beside Latin, because foreign names in them are left in Latin."""
LATIN_BESIDE = 0.5
NAME_BESIDE = 0.125
"""Weight of Latin letters beside another script, and of those in capitalised words: names, as a rule. Latin text holds
few words of other scripts, and every other script's text holds Latin ones."""
MINOR_SCRIPT = 0.04
"""Share of the heaviest script's weight, or of the letters for Latin words that are no names, from which another script
is worth a closer look: as much as makes a span."""
MINOR_EVIDENCE = 60.0
"""Weighted letters, or letters of such words: another script with fewer holds names."""
KANA_EVERY = 12
"""Characters to one kana, at most, in Japanese: Chinese brands have a single one."""
SINIC_KANA = 0.55
"""Japanese is half kana; less, and Chinese may stand beside it."""


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
    sinic = KANA_EVERY < kana < SINIC_KANA * (han + kana)
    if han or kana:
        scripts["Jpan" if kana * KANA_EVERY > han and (kana > 1 or han < KANA_EVERY) else "Hani"] = han + kana
    weights: dict[str, float] = {name: n * LETTER_WEIGHTS.get(name, OTHER_LETTER_WEIGHT) for name, n in scripts.items()}
    words = 0
    if len(weights) > 1 and "Latn" in weights:
        names = names_in_latin(text)
        words = scripts["Latn"] - names
        weights["Latn"] = words * LATIN_BESIDE + names * NAME_BESIDE
    script = max(weights, key=lambda script: weights[script], default="")
    heaviest = weights.get(script, 0.0)
    rest = sum(weights.values()) - heaviest
    mixed = (
        sinic
        or rest >= max(MINOR_EVIDENCE, MINOR_SCRIPT * heaviest)
        or (script != "Latn" and words >= max(MINOR_EVIDENCE, MINOR_SCRIPT * number))
    )
    return Letters(script, heaviest, number, foreign, mixed)


_SINIC_SIGNS = frozenset("，。、：；（）「」《》")
_CAPITALISED = re.compile(r"\b[A-Z][A-Za-z]*", re.ASCII)


def names_in_latin(text: str) -> int:
    """Count the letters of capitalised Latin words."""
    return sum(map(len, _CAPITALISED.findall(text)))
