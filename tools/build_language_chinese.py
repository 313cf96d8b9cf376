"""Build the character tables that part the Chinese scripts, and Japanese without kana: config/language/hans_hant.json.

    pip download --no-deps --dest WHEELS opencc-python-reimplemented==0.1.7
    python tools/build_language_chinese.py WHEELS

A character is of one Chinese script only where OpenCC (Apache-2.0) always turns it into another one, and Japanese where
OpenCC makes it for Japan and no Chinese character set has it. Signs, Cantonese and kokuji are the house's own.
"""

import json
import sys
import zipfile
from pathlib import Path

from streams.stage import config_directory

HANS_SIGNS = {"“": 0.5, "（": 0.2}
HANT_SIGNS = {"「": 0.5, "(": 0.1}
"""Punctuation that is commoner in one script, against a character's 1: it decides where no character does."""
CANTONESE = "佢俾冇冚咁咗咩哋唔啲喎喺嗰嘅嘢嚟攞瞓"
"""Characters that written Mandarin does without."""

KOKUJI = "込働畑峠枠匂辻栃凪噺腺"
"""Characters made in Japan."""


def turned(archive: zipfile.ZipFile, table: str) -> set[str]:
    """Read the characters of a conversion table that do not stay as they are."""
    lines = archive.read(f"opencc/dictionary/{table}.txt").decode().splitlines()
    pairs = (line.split("\t") for line in lines)
    return {character for character, results in pairs if character not in results.split(" ")}


def japanese(archive: zipfile.ZipFile) -> set[str]:
    """Read the simplified forms of Japan alone."""
    lines = archive.read("opencc/dictionary/JPVariants.txt").decode().splitlines()
    forms = {form for line in lines for form in line.split("\t")[1].split(" ")} | set(KOKUJI)
    return {form for form in forms if not any(form.encode(charset, "ignore") for charset in ("gb2312", "big5"))}


def main() -> None:
    """Build the tables and write them."""
    (wheel,) = Path(sys.argv[1]).glob("opencc_python_reimplemented-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        hans, hant = turned(archive, "STCharacters"), turned(archive, "TSCharacters")
        japan = japanese(archive) - hans - hant
    table = {
        "hans_only": "".join(sorted(hans - hant)),
        "hans_signs": HANS_SIGNS,
        "hant_only": "".join(sorted(hant - hans)),
        "hant_signs": HANT_SIGNS,
        "cantonese": CANTONESE,
        "japanese": "".join(sorted(japan)),
    }
    path = config_directory() / "language" / "hans_hant.json"
    path.write_text(json.dumps(table, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"{len(table['hans_only'])} Simplified, {len(table['hant_only'])} Traditional, {len(japan)} Japanese")


if __name__ == "__main__":
    main()
