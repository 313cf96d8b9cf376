"""Build the word table that parts Malay from Indonesian: config/language/idms.tsv.gz.

    pip download --no-deps --dest WHEELS langidentify-full-model==1.0.0 wordfreq==3.1.1
    python tools/build_language_malay.py WHEELS

Each line is a word and how much likelier it is in Malay, as a natural logarithm: the weighted mean of two
sources, Wikipedia (langidentify-full-model, Apache-2.0) and a mixture of genres (wordfreq, lists under CC BY-SA 4.0).
"""

import gzip
import math
import sys
import zipfile
from pathlib import Path

import msgspec

from streams.stage import config_directory

FLOOR = -16.0
"""Log-probability of a word that a source does not list: a little below where langidentify cuts."""
WIKIPEDIA = 0.6
"""Its weight; the genres have the rest. Of .4 to .7, the best on the development sentences."""
CLIP = 5.0
"""One word settles no more than this: a Malay release may quote an Indonesian."""
LEAST = 0.05
"""Smaller ratios tell nothing. Those of the commonest words are small, and sure."""
RARE = -14.0
"""Log-probability that a word must reach in one of the languages."""


def wikipedia(wheels: Path, language: str) -> dict[str, float]:
    """Read langidentify's list: word to log-probability."""
    (wheel,) = wheels.glob("langidentify_full_model-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        data = gzip.decompress(archive.read(f"langidentify_full_model/data/topwords-{language}.txt.gz"))
    lines = (line.rpartition(" ") for line in data.decode().splitlines() if not line.startswith("#"))
    return {word: float(p) for word, _, p in lines}


def genres(wheels: Path, language: str) -> dict[str, float]:
    """Read wordfreq's list, whose n-th bin holds the words at -n centibels."""
    (wheel,) = wheels.glob("wordfreq-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        data = gzip.decompress(archive.read(f"wordfreq/data/small_{language}.msgpack.gz"))
    _, *bins = msgspec.msgpack.decode(data)
    return {word: -n / 100 * math.log(10) for n, words in enumerate(bins) for word in words}


def ratios(malay: dict[str, float], indonesian: dict[str, float]) -> dict[str, float]:
    """Log-likelihood ratios of one source's words."""
    return {w: malay.get(w, FLOOR) - indonesian.get(w, FLOOR) for w in malay.keys() | indonesian.keys()}


def main() -> None:
    """Build the table and write it, words in alphabetical order."""
    wheels = Path(sys.argv[1])
    sources = [{language: source(wheels, language) for language in ("ms", "id")} for source in (wikipedia, genres)]
    common = {word for source in sources for words in source.values() for word, p in words.items() if p > RARE}
    tables = [ratios(source["ms"], source["id"]) for source in sources]
    lines = []
    for word in sorted(word for word in common if word.isascii() and word.isalpha()):
        encyclopedic, generic = (table.get(word, 0.0) for table in tables)
        ratio = WIKIPEDIA * encyclopedic + (1 - WIKIPEDIA) * generic
        if abs(ratio) >= LEAST:
            lines.append(f"{word}\t{max(-CLIP, min(CLIP, ratio)):.2f}\n")
    path = config_directory() / "language" / "idms.tsv.gz"
    path.write_bytes(gzip.compress("".join(lines).encode(), 9, mtime=0))
    print(f"{len(lines)} words, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
