"""Build the lists of the commonest words of each language: config/language/words.tsv.gz.

    pip download --no-deps --dest WHEELS langidentify-full-model==1.0.0 wordfreq==3.1.1
    python tools/build_language_words.py WHEELS

A word's probability is the mean of what Wikipedia (langidentify-full-model, Apache-2.0) and a mixture of genres
(wordfreq, lists under CC BY-SA 4.0) say, where they have the language. Each line is a word and, for every language
that it is common in, the tag and the negative log-probability in tenths of a nat.
"""

import gzip
import math
import re
import sys
import zipfile
from collections import defaultdict
from pathlib import Path

from build_language_malay import genres, wikipedia

from streams.stage import StageConfig, config_directory
from streams.stages.language_pool import MALAYIC

RAREST = 100
"""Tenths of a nat: some 2,500 words a language. Rarer ones added nothing on the development slices."""


def languages(wheels: Path) -> set[tuple[bool, str]]:
    """List the codes of both packages: whether Wikipedia's, and the code."""
    found = set()
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if match := re.search(r"/(topwords-|small_)([a-z]+)\.", name):
                    found.add((match[1] == "topwords-", match[2]))
    return found


def main() -> None:
    """Build the lists and write them, words in alphabetical order."""
    wheels = Path(sys.argv[1])
    table = StageConfig(config_directory()).table("language/languages.toml")
    shared = {tag for tags in table["scripts"]["shared"].values() for tag in tags}
    own = {"zh", "yue", "ja", *table["scripts"]["own"].values()}
    sources: defaultdict[str, list[dict[str, float]]] = defaultdict(list)
    for encyclopedic, code in sorted(languages(wheels)):
        tag = table["canonical"].get(code, code)
        tag = MALAYIC if tag in ("id", "ms") else tag
        if tag in shared or tag not in own:
            sources[tag].append((wikipedia if encyclopedic else genres)(wheels, code))
    lines: defaultdict[str, list[str]] = defaultdict(list)
    for tag, lists in sorted(sources.items()):
        for word in set().union(*lists):
            p = sum(math.exp(some[word]) for some in lists if word in some) / len(lists)
            rarity = round(-10 * math.log(p))
            if rarity <= RAREST and word.isalpha():
                lines[word] += [tag, str(rarity)]
    path = config_directory() / "language" / "words.tsv.gz"
    text = "".join("\t".join([word, *lines[word]]) + "\n" for word in sorted(lines))
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(f"{len(sources)} languages, {len(lines)} words, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
