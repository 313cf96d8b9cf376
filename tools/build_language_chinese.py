"""Build the character tables that part Simplified from Traditional Chinese: config/language/hans_hant.json.

    pip download --no-deps --dest WHEELS opencc-python-reimplemented==0.1.7
    python tools/build_language_chinese.py WHEELS

A character is of one script only where OpenCC (Apache-2.0) always turns it into another one. The signs and the
Cantonese characters are the house's own.
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


def turned(archive: zipfile.ZipFile, table: str) -> set[str]:
    """Read the characters of a conversion table that do not stay as they are."""
    lines = archive.read(f"opencc/dictionary/{table}.txt").decode().splitlines()
    pairs = (line.split("\t") for line in lines)
    return {character for character, results in pairs if character not in results.split(" ")}


def main() -> None:
    """Build the tables and write them."""
    (wheel,) = Path(sys.argv[1]).glob("opencc_python_reimplemented-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        hans, hant = turned(archive, "STCharacters"), turned(archive, "TSCharacters")
    table = {
        "hans_only": "".join(sorted(hans - hant)),
        "hans_signs": HANS_SIGNS,
        "hant_only": "".join(sorted(hant - hans)),
        "hant_signs": HANT_SIGNS,
        "cantonese": CANTONESE,
    }
    path = config_directory() / "language" / "hans_hant.json"
    path.write_text(json.dumps(table, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"{len(table['hans_only'])} Simplified, {len(table['hant_only'])} Traditional")


if __name__ == "__main__":
    main()
