"""Bytes to text: the charset that was declared, the one that fits, or none."""

import codecs
import re
from collections.abc import Iterator

from charset_normalizer import from_bytes

from streams.errors import Reason, Unprocessable

SAMPLE_BYTES = 4096
"""What detection looks at, from the first non-ASCII byte on: more takes longer and tells no more."""

UTF8_DAMAGE = 0.25
"""Share of the non-ASCII characters that may be broken in UTF-8: a stray byte or a cut last character must not cost
the release, and text in any other charset is broken by .7 and more (2026-11, unlabelled corpus)."""

OTHER_DAMAGE = 0.01
"""The same for other charsets, whose bytes are less choosy: only once nothing fits better."""

UTF16_NULS = 0.25
"""Share of every second byte that must be NUL for UTF-16 without a mark: a stray NUL in other text is far below."""

CANDIDATES = ("cp1252", "cp1251", "koi8_r", "cp1256", "cp874", "gb18030", "big5", "cp949", "cp932", "euc_jp")
"""What detection may answer: the legacy charsets of the languages Newsmill names, but for Vietnamese.

The pages cp1250 and cp1258 differ from cp1252 in so few letters that with them among the candidates half of the
Western releases came out wrong (2026-11, unlabelled corpus): releases in those must declare them.
"""

# A label means what browsers take it for (WHATWG Encoding Standard): wires that say latin-1 send Windows quotes.
_LABELS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "big5": "big5hkscs",
    "windows-874": "cp874",
    "windows-31j": "cp932",
}

_CHARSET = re.compile(r"(?:ascii|tis-|utf-8|utf-16|utf-32|iso8859|iso2022|hz|cp\d|koi8|mac|gb|big5|euc|shift|johab)")
"""Of the codecs that Python knows: the charsets. The rest are traps (`idna` is quadratic, `utf-7` hides markup)."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MARKS = tuple(mark for mark, _ in _BOMS)

_NON_ASCII = re.compile(rb"[\x80-\xff]")
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_NOT_ASCII_BASED = ("utf-16", "utf-32", "iso2022", "hz")
_ISO_2022_ESCAPES = (b"\x1b$B", b"\x1b$@", b"\x1b$)C")


def decode(data: bytes, declared: str | None = None) -> str:
    """Decode by byte order mark, else as UTF-8, else as declared, else as detected.

    UTF-8 comes before the declaration because bytes that are valid UTF-8 are hardly ever anything else, while
    declarations are often a template's. A few broken characters become U+FFFD. Raises `Unprocessable` where nothing
    fits.
    """
    for charset, damage in _attempts(data, declared):
        text = _decoded(data, charset, damage)
        if text is not None:
            return text
    raise Unprocessable(Reason.UNDECODABLE, f"not UTF-8, nor {declared or 'any charset detected'}")


def _attempts(data: bytes, declared: str | None) -> Iterator[tuple[str, float]]:
    """Charsets to try, each with the damage it is allowed; detection runs only when nothing before it fitted."""
    label = _codec(declared) if declared else None
    if data.startswith(_MARKS):
        yield next(charset for mark, charset in _BOMS if data.startswith(mark)), OTHER_DAMAGE
    elif wide := _utf_16(data):
        yield wide, OTHER_DAMAGE
    elif label and label.startswith(_NOT_ASCII_BASED) and not (label.startswith("utf") and _is_plain(data)):
        yield label, OTHER_DAMAGE
    else:
        if any(escape in data for escape in _ISO_2022_ESCAPES):
            yield "iso2022_jp_2", 0
        yield "utf-8", 0
        if label:
            yield label, 0
        yield "utf-8", UTF8_DAMAGE
        if label:
            yield label, OTHER_DAMAGE
        if detected := _detect(data):
            yield detected, OTHER_DAMAGE


def _utf_16(data: bytes) -> str | None:
    """Tell UTF-16 without a mark by the NULs beside its ASCII: markup, digits, blanks."""
    if b"\0" not in data:
        return None
    sample = data[:SAMPLE_BYTES]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    least = max(1, UTF16_NULS * len(sample) / 2)
    if odd > least and even < odd / 10:
        return "utf-16-le"
    return "utf-16-be" if even > least and odd < even / 10 else None


def _is_plain(data: bytes) -> bool:
    """Say whether bytes that are declared to be UTF-16 or UTF-32 are text without being it: a wrong declaration."""
    try:
        return not _CONTROLS.search(data) and bool(data.decode())
    except UnicodeDecodeError:
        return False


def _decoded(data: bytes, charset: str, damage: float) -> str | None:
    try:
        return data.decode(charset)
    except UnicodeDecodeError:
        text = data.decode(charset, errors="replace")
    broken = text.count("\N{REPLACEMENT CHARACTER}")
    return text if broken <= damage * sum(not character.isascii() for character in text) else None


def _detect(data: bytes) -> str | None:
    if b"\0" in data:  # no legacy charset has it: an archive, a picture, a PDF
        return None
    first = _NON_ASCII.search(data)
    if first is None:
        return None
    start = data.rfind(b" ", 0, first.start()) + 1
    sample = data[start : start + SAMPLE_BYTES]
    if len(data) > start + SAMPLE_BYTES:
        sample = sample[: max(sample.rfind(b" "), sample.rfind(b"\n"))]  # not in the middle of a character
    best = from_bytes(sample, cp_isolation=list(CANDIDATES), enable_fallback=False).best()
    return best.encoding if best else None


def _codec(label: str) -> str | None:
    label = label.strip().lower().removeprefix("x-")
    try:
        name = codecs.lookup(_LABELS.get(label, label)).name
    except (LookupError, ValueError):
        return None
    return _LABELS.get(name, name) if _CHARSET.match(name) else None
