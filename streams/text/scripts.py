"""Which script the letters of a text are in."""

from bisect import bisect_right
from collections.abc import Mapping

_RANGES = (
    (0x0041, 0x005A, "Latn"), (0x0061, 0x007A, "Latn"), (0x00AA, 0x00AA, "Latn"), (0x00BA, 0x00BA, "Latn"),
    (0x00C0, 0x00D6, "Latn"), (0x00D8, 0x00F6, "Latn"), (0x00F8, 0x02AF, "Latn"), (0x0370, 0x03FF, "Grek"),
    (0x0400, 0x052F, "Cyrl"), (0x0531, 0x0587, "Armn"), (0x05D0, 0x05F2, "Hebr"), (0x0620, 0x064A, "Arab"),
    (0x066E, 0x06D3, "Arab"), (0x06D5, 0x06D5, "Arab"), (0x06EE, 0x06EF, "Arab"), (0x06FA, 0x06FF, "Arab"),
    (0x0710, 0x074F, "Syrc"), (0x0750, 0x077F, "Arab"), (0x0780, 0x07B1, "Thaa"), (0x08A0, 0x08FF, "Arab"),
    (0x0900, 0x0963, "Deva"), (0x0971, 0x097F, "Deva"), (0x0980, 0x09E3, "Beng"), (0x0A01, 0x0A65, "Guru"),
    (0x0A70, 0x0A76, "Guru"), (0x0A81, 0x0AE3, "Gujr"), (0x0B01, 0x0B63, "Orya"), (0x0B82, 0x0BE5, "Taml"),
    (0x0C00, 0x0C63, "Telu"), (0x0C80, 0x0CE3, "Knda"), (0x0D00, 0x0D63, "Mlym"), (0x0D80, 0x0DF3, "Sinh"),
    (0x0E01, 0x0E3A, "Thai"), (0x0E40, 0x0E4E, "Thai"), (0x0E81, 0x0ECD, "Laoo"), (0x0EDC, 0x0EDF, "Laoo"),
    (0x0F00, 0x0F00, "Tibt"), (0x0F40, 0x0FBC, "Tibt"), (0x1000, 0x103F, "Mymr"), (0x1050, 0x109D, "Mymr"),
    (0x10A0, 0x10FF, "Geor"), (0x1100, 0x11FF, "Hang"), (0x1200, 0x135A, "Ethi"), (0x1380, 0x138F, "Ethi"),
    (0x13A0, 0x13FD, "Cher"), (0x1780, 0x17D3, "Khmr"), (0x1820, 0x18AA, "Mong"), (0x1C90, 0x1CBF, "Geor"),
    (0x1D00, 0x1D25, "Latn"), (0x1E00, 0x1EFF, "Latn"), (0x1F00, 0x1FFF, "Grek"), (0x2C60, 0x2C7F, "Latn"),
    (0x2D00, 0x2D2D, "Geor"), (0x2D30, 0x2D6F, "Tfng"), (0x2D80, 0x2DDE, "Ethi"), (0x3005, 0x3007, "Hani"),
    (0x3041, 0x3096, "Hira"), (0x309D, 0x309F, "Hira"), (0x30A1, 0x30FA, "Kana"), (0x30FC, 0x30FF, "Kana"),
    (0x3105, 0x312F, "Bopo"), (0x3131, 0x318E, "Hang"), (0x31A0, 0x31BF, "Bopo"), (0x31F0, 0x31FF, "Kana"),
    (0x3400, 0x4DBF, "Hani"), (0x4E00, 0x9FFF, "Hani"), (0xA000, 0xA48C, "Yiii"), (0xA640, 0xA69F, "Cyrl"),
    (0xA722, 0xA7FF, "Latn"), (0xA960, 0xA97C, "Hang"), (0xAB30, 0xAB64, "Latn"), (0xAC00, 0xD7FB, "Hang"),
    (0xF900, 0xFAD9, "Hani"), (0xFB00, 0xFB06, "Latn"), (0xFB13, 0xFB17, "Armn"), (0xFB1D, 0xFB4F, "Hebr"),
    (0xFB50, 0xFDFF, "Arab"), (0xFE70, 0xFEFC, "Arab"), (0xFF21, 0xFF3A, "Latn"), (0xFF41, 0xFF5A, "Latn"),
    (0xFF66, 0xFF9D, "Kana"), (0xFFA0, 0xFFDC, "Hang"), (0x20000, 0x323AF, "Hani"),
)  # fmt: skip
"""First and last code point, ISO 15924. Letters and the vowel signs that words are written with; no digits, no
punctuation, nothing that scripts share. After Unicode's Scripts.txt, for the scripts news is written in."""

_STARTS = tuple(start for start, _, _ in _RANGES)


def script_of(character: str) -> str:
    """Name the script of one letter, ISO 15924; empty for digits, punctuation and what scripts share."""
    return _SCRIPTS[character]


def count_scripts(characters: Mapping[str, int]) -> dict[str, int]:
    """Add up the letters of each script. Takes `Counter(text)`: a text has few characters that differ."""
    counts: dict[str, int] = {}
    scripts = _SCRIPTS
    for character, count in characters.items():
        script = scripts[character]
        if script:
            counts[script] = counts.get(script, 0) + count
    return counts


class _Scripts(dict[str, str]):
    """Remembers what was looked up: a lookup is a fifth of the time of a search."""

    def __missing__(self, character: str) -> str:
        code = ord(character)
        place = bisect_right(_STARTS, code) - 1
        script = _RANGES[place][2] if place >= 0 and code <= _RANGES[place][1] else ""
        if len(self) < _REMEMBERED:
            self[character] = script
        return script


_REMEMBERED = 20_000
"""Characters: more than all living scripts need, and a bound on what hostile input can fill."""

_SCRIPTS = _Scripts()
