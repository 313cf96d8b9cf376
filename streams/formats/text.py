"""Plain text: the Kafka case, most often one paragraph a line and nothing else to go by."""

import re

from streams.records import RawRelease
from streams.text.charset import decode

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_CONTROL_BYTES = bytes(byte for byte in range(0x80) if _CONTROLS.match(chr(byte)))


def read_text(data: bytes, charset: str | None) -> RawRelease:
    """Read text as it stands. The first line is not taken for the title: the boilerplate stage has better evidence."""
    return RawRelease(content_type="text/plain", text=tidy(decode(data, charset)))


def tidy(text: str) -> str:
    """Make line ends `\\n` and drop control characters but tab and newline; change nothing else."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii():  # a fifth of the time
        return text.encode().translate(None, _CONTROL_BYTES).decode()
    return _CONTROLS.sub("", text)


def tidy_line(text: str) -> str:
    """Tidy what is one line by its nature, a title or an id: white space is single blanks."""
    return " ".join((text if text.isprintable() else tidy(text)).split())
